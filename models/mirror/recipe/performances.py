#!/usr/bin/env python3
"""performances.py SEED SECONDS: a curve file of a face that does everything, for people that are drawn to be looked at.

Thirty rows a second. Each weight wanders from one chance value to the next; what excludes each other (a smile and a pucker, brows up and brows
down) does not come together. The first second is the face at rest.
"""
import sys

import numpy as np

FPS = 30
rng = np.random.default_rng(int(sys.argv[1]))
seconds = float(sys.argv[2])
n = int(FPS * seconds)
t = np.arange(n) / FPS
uniform = rng.uniform


def wander(every, value):
    """Goes to a new value every so many seconds, and rests there for a third of that."""
    x = np.arange(int(seconds / every) + 3) * every
    v = np.array([value() for _ in x])
    i = np.searchsorted(x, t, side="right") - 1
    u = np.clip((t - x[i]) / every * 1.5, 0, 1)
    u = u * u * (3 - 2 * u)
    return v[i] * (1 - u) + v[i + 1] * u


def now_and_then(share, most):
    return lambda: uniform(0, most) if uniform() < share else 0.0


def unless(other, k=2):
    return np.clip(1 - k * other, 0, 1)


c = {}


def pair(name, share, most, every, both=0.75):
    """A weight of two sides, most of the time together."""
    base = wander(every, now_and_then(share, most))
    x = np.arange(int(seconds / every) + 3) * every
    mode = rng.uniform(size=len(x))
    i = np.searchsorted(x, t, side="right") - 1
    soft = np.hanning(9) / np.hanning(9).sum()
    for side, alone in [("Left", mode < both + (1 - both) / 2), ("Right", (mode < both) | (mode >= both + (1 - both) / 2))]:
        c[name + side] = base * np.convolve(np.where(alone, 1.0, 0.0)[i], soft, "same")


c["jawOpen"] = wander(0.4, now_and_then(0.5, 0.85))
for row in [
    ("mouthSmile", 0.4, 1, 0.9), ("mouthFrown", 0.2, 0.9, 0.9), ("mouthStretch", 0.15, 0.6, 0.8), ("mouthUpperUp", 0.2, 0.8, 0.6),
    ("mouthLowerDown", 0.2, 0.8, 0.6), ("mouthPress", 0.12, 0.8, 0.8), ("mouthDimple", 0.12, 0.8, 0.8), ("cheekSquint", 0.15, 0.8, 0.9),
    ("noseSneer", 0.15, 0.8, 0.9), ("browOuterUp", 0.4, 1, 0.9, 0.85), ("browDown", 0.4, 1, 0.9, 0.9), ("eyeBlink", 0.3, 1, 0.45, 0.85),
    ("eyeWide", 0.2, 0.9, 0.7, 0.9), ("eyeSquint", 0.12, 0.8, 0.7, 0.9),
]:
    pair(*row)
up = np.minimum(c["browOuterUpLeft"], c["browOuterUpRight"])
c["browInnerUp"] = np.maximum(wander(0.9, now_and_then(0.15, 1)), up * wander(1.1, lambda: uniform(0.6, 1)))
raised = np.maximum.reduce([c["browInnerUp"], c["browOuterUpLeft"], c["browOuterUpRight"]])
for side in ("Left", "Right"):
    c["browDown" + side] *= unless(raised, 3)
    c["noseSneer" + side] *= 0.5 + 0.5 * np.clip(c["browDownLeft"] * 2, 0, 1)
    c["eyeWide" + side] *= unless(c["eyeBlink" + side])
    c["mouthFrown" + side] *= unless(c["mouthSmile" + side])
    c["mouthStretch" + side] *= unless(c["mouthSmile" + side])
serious = unless(c["mouthSmileLeft"])
c["mouthPucker"] = wander(0.6, now_and_then(0.3, 0.9)) * serious
c["mouthFunnel"] = wander(0.6, now_and_then(0.25, 0.8)) * serious
c["mouthClose"] = np.minimum(wander(0.5, now_and_then(0.2, 0.5)), c["jawOpen"])
for name in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
    c[name] = wander(0.8, now_and_then(0.12, 0.7))
for name in ("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"):
    c[name] = wander(0.5, now_and_then(0.15, 0.8))
for name, every, most in [("headYaw", 1.2, 18), ("headPitch", 1.3, 14), ("headRoll", 1.4, 14), ("gazeYaw", 0.5, 24), ("gazePitch", 0.6, 14)]:
    c[name] = wander(every, lambda: uniform(-most, most))
c["headZ"] = wander(3, lambda: uniform(-1.5, 2.5))
c["headX"] = wander(3, lambda: uniform(-0.3, 0.3))

begin = np.clip((t - 1.0) / 0.3, 0, 1)
print("time," + ",".join(c))
rows = np.stack(list(c.values()), 1) * begin[:, None]
for moment, row in zip(t, rows):
    print(f"{moment:.4f}," + ",".join(f"{v:.4f}" for v in row))
