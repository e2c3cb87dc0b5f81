"""The stages that need Blender. Results lie in the work folder as .npy (BGR 0..1, alpha) and points.npz."""
import cv2
import numpy as np

import passes
import room
import scene

EYES_CLOSED = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}


def eye_border(shape, framing):
    """The part of the picture that closing the eyes can change: u0, v0, u1, v1."""
    p = np.array([framing.head(c + [dx, dy, 0]) for c, _ in shape.eyes.values() for dx in (-0.34, 0.34) for dy in (-0.26, 0.22)])
    uv = framing.uv(p)
    return (*uv.min(0), *uv.max(0))


def run(who, shape, framing, work, stages, height, samples, threads):
    width = round(height * framing.aspect)
    noisy = 0.0 if "toy" in who else 0.20  # strands need some grain, clay none
    if "portrait" in stages:
        points = scene.person(who, shape, {}, framing)
        np.savez(work / "points.npz", **{k: v.astype(np.float32) for k, v in points.items()})
        passes.settings(width, height, samples, threads, noisy)
        np.save(work / "portrait.npy", passes.render(work / "portrait.png"))
    if "closed" in stages:
        border = eye_border(shape, framing)
        scene.person(who, shape, EYES_CLOSED, framing)
        passes.settings(width, height, samples, threads, noisy)
        part = passes.render(work / "closed.png", border)
        x0, y0 = round(border[0] * width), round(border[1] * height)
        np.savez(work / "closed.npz", part=part, at=np.array([x0, y0]))
    if "plate" in stages:
        np.save(work / "plate.npy", room.plate(who, framing, work, height, threads))
        cv2.imwrite(str(work / "plate.png"), np.load(work / "plate.npy") * 255)
