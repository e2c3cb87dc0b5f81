"""windows.py KIND [EVERY]: what Whisper's encoder says of windows of 1.2 s, with the lips that belong to them.

Reads WORK/windows/KIND_*.npz (encode.py), every EVERY'th file; the sound is sped up or slowed, equalised, made noisy, put into a
room and into another gain; its labels are the film's (`grid`) or the teacher's of the clean sound. Writes WORK/heard/KIND_0000.npz:
for each of LAYERS a float16 array (windows, 24 tokens, 512), and lips float32 (windows, 4, 8). A window every STRIDE blocks of 20 ms."""

import glob
import os
import sys
import time

import numpy as np
import soxr

from common import RATE, STEP, WORK
from teacher import Teacher
from whisper import Ear, encoder, levels

LAYERS = os.environ.get("LAYERS", "layer2,layer3,layer4").split(",")
STRIDE = int(os.environ.get("STRIDE", "16"))


def disturb(x, rng):
    """A sound -> the same heard elsewhere."""
    n = len(x)
    if rng.random() < 0.7:  # equaliser: tilt and bumps along log frequency, up to some 6 dB
        f = np.log(np.maximum(np.fft.rfftfreq(n, 1 / RATE), 60) / 60) / np.log(8000 / 60)
        g = rng.normal(0, 4) * (f - 0.5) * 2 + sum(rng.normal(0, 2.5) * np.cos(np.pi * k * f) for k in (2, 3, 4))
        if rng.random() < 0.2:  # telephone and worse
            g = g - 60 * np.clip((f - rng.uniform(0.75, 0.95)) * 8, 0, 1)
        x = np.fft.irfft(np.fft.rfft(x) * 10 ** (g / 20), n)
    if rng.random() < 0.25:  # a room
        t = np.arange(int(0.3 * RATE)) / RATE
        h = rng.normal(0, 1, len(t)) * np.exp(-6.9 * t / rng.uniform(0.15, 0.5))
        h *= rng.uniform(0.2, 0.6) / np.sqrt((h**2).sum())
        h[0] = 1.0
        m = 1 << (n + len(h) - 1).bit_length()
        x = np.fft.irfft(np.fft.rfft(x, m) * np.fft.rfft(h, m), m)[:n]
    loud = np.sqrt((x**2).mean()) + 1e-6
    if rng.random() < 0.5:  # steady noise, 10 to 45 dB below
        w = np.fft.rfft(rng.normal(0, 1, n))
        w = np.fft.irfft(w / np.maximum(np.arange(len(w)), 100) ** rng.uniform(0, 0.6), n)
        x = x + w / w.std() * loud * 10 ** (-rng.uniform(10, 45) / 20)
    x = x * 10 ** (rng.normal(0, 8) / 20)
    return np.clip(x, -1, 1).astype(np.float32)


def main():
    kind, every = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng, start, teacher, out = np.random.default_rng(sum(map(ord, kind))), time.time(), Teacher(), os.path.join(WORK, "heard")
    os.makedirs(out, exist_ok=True)
    ear = Ear(encoder())
    for k, file in enumerate(sorted(glob.glob(os.path.join(WORK, "windows", kind + "_[0-9]*.npz")))[::every]):
        z = np.load(file)
        q, y = teacher(z["state"]), z["y"]
        if kind == "grid":  # the film, steadied by the teacher
            q = np.where(np.isfinite(y), 0.7 * np.nan_to_num(y) + 0.3 * q, q)
        f = float(np.exp(rng.uniform(-0.17, 0.17)))
        x = soxr.resample(z["x"].astype(np.float32) / 32767, RATE, RATE / f, quality="HQ").astype(np.float32)
        x = disturb(x, rng)
        ends = STEP * np.arange(10 + rng.integers(0, STRIDE), len(x) // STEP, STRIDE)
        got = ear(x, levels(x), ends, LAYERS)
        at = (ends[:, None] / RATE - np.array([0.16, 0.14, 0.12, 0.10])) * f * 50
        lips = np.stack([np.interp(at.ravel(), np.arange(len(q)), q[:, c]).reshape(at.shape) for c in range(8)], -1)
        np.savez(os.path.join(out, os.path.basename(file)), lips=lips.astype(np.float32), **{n: s.astype(np.float16) for n, s in got.items()})
        if k % 10 == 9:
            print(kind, k + 1, "files", f"{time.time() - start:.0f} s", flush=True)
    print(kind, "done", f"{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
