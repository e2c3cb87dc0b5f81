"""Landmarks of the built-in people's portraits, as MediaPipe's face mesh sees them: JSON for template.py on standard output.

Needs Python 3.11 with `pip install mediapipe==0.10.21`."""
import json
import sys
from pathlib import Path

import cv2
import mediapipe as mp

PEOPLE = ("anna", "kofi", "mei")

if __name__ == "__main__":
    mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True)
    seen = {}
    for name in PEOPLE:
        picture = cv2.imread(str(Path(__file__).parents[1] / name / "portrait.jpg"))
        found = mesh.process(picture[:, :, ::-1].copy()).multi_face_landmarks
        seen[name] = [[round(p.x, 5), round(p.y, 5)] for p in found[0].landmark[:468]]
    json.dump(seen, sys.stdout)
