"""What MediaPipe's face mesh sees in rendered frames: one row of CSV a frame on standard output.

    track.py FOLDER FOCAL      frame-*.png, the first of them the neutral face; FOCAL: focal length over the frame's height
    track.py --photo NAME FILE  writes one of scikit-image's photographs: astronaut (NASA, public domain), chelsea (a cat; CC0)

aperture  distance of the inner lips over that of the outer corners of the eyes
lid       mean gap of the lids over the eye's width
gaze_x/y  mean place of the iris between the eye's corners, in eye widths: to the picture's right, down
yaw, pitch, roll  of the head against the first frame, degrees
smile     distance of the corners of the mouth over that of the eyes
brow      mean height of the brows above the eyes, same measure
"""
import csv
import sys
from pathlib import Path

import cv2
import numpy as np

FIELDS = ["found", "aperture", "lid", "gaze_x", "gaze_y", "yaw", "pitch", "roll", "smile", "brow"]


def landmarks(mesh, path):
    picture = cv2.imread(str(path))
    seen = mesh.process(picture[:, :, ::-1].copy()).multi_face_landmarks
    h, w = picture.shape[:2]
    points = np.array([[p.x * w, p.y * h, p.z * w] for p in seen[0].landmark]) if seen else None
    return points, (w, h)


def turn(head, now, size, focal):
    """The turn of the head that explains where its landmarks are seen (PnP), 3 × 3: picture axes, y down, z away."""
    w, h = size
    names, points = head
    # the camera of models/avatars/README.md: 14 head units away, its axis through the eyes, which stand at 41 % of the height
    camera = np.array([[focal * h, 0, w / 2], [0, focal * h, 0.41 * h], [0, 0, 1]])
    _, r, _ = cv2.solvePnP(points, now[names, :2].copy(), camera, None, rvec=np.zeros(3), tvec=np.array([0, 0, 14.0]), useExtrinsicGuess=True)
    return cv2.Rodrigues(r)[0]


def pose(head, neutral, now, size, focal):
    """Yaw, pitch and roll (degrees) against the neutral face, as the curve file counts them."""
    m = turn(head, now, size, focal) @ turn(head, neutral, size, focal).T
    yaw = np.degrees(np.arctan2(-m[0, 2], m[2, 2]))
    pitch = np.degrees(np.arcsin(np.clip(-m[1, 2], -1, 1)))
    roll = np.degrees(np.arctan2(-m[1, 0], m[1, 1]))
    return yaw, -pitch, roll


def rigid_head():
    """Landmarks that no expression moves much, and where they lie on a mean head (head units; from models/avatars/template)."""
    rows = np.loadtxt(Path(__file__).parent / "head.csv", delimiter=",", skiprows=1)
    return rows[:, 0].astype(int), rows[:, 1:] * [1, -1, -1]


def row(head, neutral, l, size, focal):
    d = lambda a, b: np.linalg.norm(l[a, :2] - l[b, :2])  # noqa: E731
    eyes = d(33, 263)
    iris = []
    for centre, outer, inner in ((468, 33, 133), (473, 263, 362)):
        middle = (l[outer] + l[inner]) / 2
        iris.append((l[centre] - middle)[:2] / d(outer, inner))
    gaze = np.mean(iris, axis=0)
    up = (l[10] - l[152])[:2]
    up /= np.linalg.norm(up)
    brow = np.mean([np.dot((l[a] - l[b])[:2], up) for a, b in ((105, 33), (66, 133), (334, 263), (296, 362))]) / eyes
    lid = (d(159, 145) / d(33, 133) + d(386, 374) / d(263, 362)) / 2
    return [1, d(13, 14) / eyes, lid, gaze[0], gaze[1], *pose(head, neutral, l, size, focal), d(61, 291) / eyes, brow]


def main():
    if sys.argv[1] == "--photo":
        import skimage.data

        cv2.imwrite(sys.argv[3], getattr(skimage.data, sys.argv[2])()[:, :, ::-1])
        return
    from mediapipe.python.solutions.face_mesh import FaceMesh

    folder, focal = Path(sys.argv[1]), float(sys.argv[2])
    mesh = FaceMesh(static_image_mode=True, refine_landmarks=True)
    out = csv.writer(sys.stdout)
    out.writerow(FIELDS)
    head, neutral = rigid_head(), None
    for path in sorted(folder.glob("frame-*.png")):
        seen, size = landmarks(mesh, path)
        if neutral is None:
            neutral = seen
        if seen is None or neutral is None:
            out.writerow([0] + [0] * (len(FIELDS) - 1))
        else:
            out.writerow([f"{v:.5f}" for v in row(head, neutral, seen, size, focal)])


if __name__ == "__main__":
    main()
