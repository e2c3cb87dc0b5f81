"""encode.py KIND: packs sound into windows of 28 s and runs Whisper-base's encoder over each, once.

After LIMIT windows, if that is set, it ends with the one it has begun.

KIND grid | grid_slow | grid_fast: GRID speaker 1 with its targets; facegood: its sound alone; any other: the sound files of WORK/voices/KIND*.
Writes WORK/windows/KIND_0000.npz: x int16 16 kHz, state float16 (1400, 512) at 50 Hz, y float32 (1400, 8), NaN where unknown
(y[k] is the face at k * 20 ms)."""

import glob
import os
import sys
import time

import ctranslate2
import numpy as np
import soundfile as sf
import soxr

import targets
from common import RATE, SHARED, WORK, whisper_mel

LENGTH = 28 * RATE
SPEED = {"grid": 1.0, "grid_slow": 0.86, "grid_fast": 1.17}


def level(x):
    loud = x[np.abs(x) > 0.02 * np.abs(x).max()]
    return x * (0.1 / max(np.sqrt((loud**2).mean()), 1e-4)) if len(loud) else x


def resample(x, factor):
    """factor > 1: faster and higher."""
    return x if factor == 1 else soxr.resample(x, RATE, RATE / factor, quality="HQ").astype(np.float32)


def pieces(kind, rng):
    if kind == "facegood":
        for path in sorted(glob.glob(os.path.join(SHARED, "data", "facegood", "audio", "*.flac"))):
            x, rate = sf.read(path, dtype="float32")
            assert rate == RATE, path
            f = float(np.exp(rng.uniform(-0.25, 0.15)))
            for k in range(0, len(x), 9 * RATE):
                yield resample(x[k : k + 9 * RATE], f), None, None
        return
    if kind in SPEED:
        all_clips, f = list(targets.clips()), SPEED[kind]
        keep = np.arange(len(all_clips)) if f == 1 else np.arange(int(f > 1), len(all_clips), 2)
        for k in rng.permutation(keep):
            _, x, t, y = all_clips[k]
            yield resample(x, f), t / f, y
        return
    by = {}
    for f in sorted(glob.glob(os.path.join(WORK, "voices", kind + "*.flac"))):
        by.setdefault(os.path.basename(f).rsplit("-", 1)[0], []).append(f)
    groups = [by[v][k : k + 6] for v in sorted(by) for k in range(0, len(by[v]), 6)]
    for g in rng.permutation(len(groups)):
        f = float(np.exp(rng.uniform(-0.2, 0.2)))
        for path in groups[g]:
            x, rate = sf.read(path, dtype="float32")
            assert rate == RATE, path
            yield resample(x, f), None, None


def main():
    kind = sys.argv[1]
    rng = np.random.default_rng(sum(map(ord, kind)))
    model = ctranslate2.models.Whisper(os.path.join(WORK, "whisper-base"), device="cpu", compute_type="int8", intra_threads=1)
    out = os.path.join(WORK, "windows")
    os.makedirs(out, exist_ok=True)
    start, count = time.time(), 0
    fresh = lambda: (np.zeros(LENGTH, np.float32), np.full((1400, 8), np.nan, np.float32), 0)
    X, Y, p = fresh()

    def flush():
        nonlocal X, Y, p, count
        if p > RATE:
            e = model.encode(ctranslate2.StorageView.from_array(whisper_mel(X)), to_cpu=True)
            state = np.array(e)[0][:1400].astype(np.float16)
            x = np.clip(X * 32767, -32768, 32767).astype(np.int16)
            np.savez(os.path.join(out, f"{kind}_{count:04d}.npz"), x=x, state=state, y=Y)
            count += 1
            if count % 20 == 0:
                print(kind, count, f"{time.time() - start:.0f} s", flush=True)
        X, Y, p = fresh()

    limit = int(os.environ.get("LIMIT", "1000000"))
    for x, t, y in pieces(kind, rng):
        if count >= limit:
            break
        x = level(x)
        if p + len(x) > LENGTH:
            flush()
        n = min(len(x), LENGTH - p)
        X[p : p + n] = x[:n]
        if t is not None:
            k = np.arange(-(-p * 50 // RATE), int((p + min(n, t[-1] * RATE)) * 50 // RATE))
            for c in range(8):
                Y[k, c] = np.interp(k / 50 - p / RATE, t, y[:, c])
        p += n + int(rng.uniform(0.1, 0.5) * RATE)
        if p >= LENGTH:
            flush()
    flush()
    print(kind, "done:", count, "windows", f"{time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
