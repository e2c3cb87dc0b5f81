#!/usr/bin/env python3
"""motion-plots.py: draws docs/pictures/motion-*.png for docs/motion.md and prints the figures that stand there.

Renders with target/release/vasa (or VASA) what it draws: five minutes of silence, and the development clips of ../shared/eval (or
VASA_SHARED), beside what was measured in their film. Without these clips only silence is drawn."""
import csv
import os
import subprocess
import sys
import tempfile
import wave

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VASA = os.environ.get("VASA", os.path.join(ROOT, "target", "release", "vasa"))
EVAL = os.path.join(os.environ.get("VASA_SHARED", os.path.join(ROOT, "..", "shared")), "eval")
OUT = os.path.join(ROOT, "docs", "pictures")
CLIPS = ["pc_00015", "wg_kim7"]
AXES = [("headYaw", "yaw"), ("headPitch", "pitch"), ("headRoll", "roll")]
INK = {"film": "#222222", "small": "#d1495b", "large": "#2e7d8c", "yaw": "#2e7d8c", "pitch": "#d1495b", "roll": "#c9a227"}
plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "figure.dpi": 100})


def render(sound, *more):
    """The curves of a sound, name to values; none where the program refuses, as it does for a network that is not installed."""
    out = os.path.join(work, "curves.csv")
    done = subprocess.run([VASA, "render", "--audio", sound, "--fps", "50", "--curves-out", out, *more], capture_output=True, text=True)
    if done.returncode:
        print("SKIPPED:", " ".join(more), done.stderr.strip()[:200], file=sys.stderr)
        return None
    rows = list(csv.reader(open(out)))
    return {n: np.array([float(r[i]) for r in rows[1:]]) for i, n in enumerate(rows[0])}


def save(figure, name):
    path = os.path.join(OUT, f"motion-{name}.png")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
    print(path, os.path.getsize(path) // 1000, "kB")


def blinks(t, lid):
    return t[1:][(lid[:-1] < 0.5) & (lid[1:] >= 0.5)]


def speed(curves):
    angles = np.stack([curves[n] for n, _ in AXES])[:, ::2]
    angles = np.stack([np.convolve(np.pad(a, 2, "edge"), np.ones(5) / 5, "valid") for a in angles])
    return np.linalg.norm(np.gradient(angles, 0.04, axis=1), axis=0)


def silence(seconds):
    path = os.path.join(work, "silence.wav")
    with wave.open(path, "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
        w.writeframes(bytes(2 * 16000 * seconds))
    return path


def gap(c):
    """How far the lips are apart, as `shapes::gap` has it."""
    mean = lambda n: 0.5 * (c[n + "Left"] + c[n + "Right"])
    return c["jawOpen"] - c["mouthClose"] + 0.3 * mean("mouthLowerDown") + 0.2 * mean("mouthUpperUp")


def languages():
    subprocess.run([os.path.join(ROOT, "tests", "kit", "languages.sh"), work], check=True)
    names = ["English", "Spanish", "French", "Italian", "German", "Russian", "Mandarin", "Whisper", "Song"]
    figure, axes = plt.subplots(len(names), 1, figsize=(9, 1.15 * len(names)), sharey=True)
    for ax, name in zip(axes, names):
        path = os.path.join(work, f"{name}.wav")
        with wave.open(path) as w:
            sound = np.frombuffer(w.readframes(w.getnframes()), np.int16) / 32768
            t = np.arange(len(sound)) / w.getframerate()
        loud = np.abs(sound[: len(sound) // 40 * 40]).reshape(-1, 40).max(1)
        ax.fill_between(t[::40][: len(loud)], 0, 0.5 * loud, color="#dddddd", lw=0)
        for network in ("small", "large"):
            c = render(path, "--network", network)
            if c is not None:
                ax.plot(c["time"], gap(c), color=INK[network], lw=1.1, label=network)
        ax.set_title(name, loc="left", fontsize=9, pad=2)
        ax.set_ylim(-0.08, 0.55), ax.set_xlim(0, t[-1])
    axes[0].legend(ncols=2, loc="upper right"), axes[-1].set_xlabel("seconds")
    save(figure, "languages")


def listening():
    c = render(silence(300))
    t, at = c["time"], blinks(c["time"], c["eyeBlinkLeft"])
    waits = np.diff(at)
    # What eyes.rs cites: log-normal, the standard deviation 0.8 of the mean.
    spread = np.sqrt(np.log(1 + 0.8**2))
    middle = np.log(waits.mean()) - spread**2 / 2
    x = np.linspace(0.05, max(16, waits.max()), 400)
    from scipy.stats import norm
    cited = norm.cdf((np.log(x) - middle) / spread)
    ordered = np.sort(waits)
    ks = np.abs(norm.cdf((np.log(ordered) - middle) / spread) - (np.arange(len(ordered)) + 0.5) / len(ordered)).max()
    print(f"five minutes of silence: {len(at) / 5:.1f} blinks a minute, intervals' coefficient of variation {waits.std() / waits.mean():.2f}, KS {ks:.2f}")
    figure, ax = plt.subplots(figsize=(7, 3))
    ax.plot(x, cited, color=INK["film"], label="log-normal, spread 0.8 of the mean (cited)")
    ax.step(ordered, (np.arange(len(ordered)) + 1) / len(ordered), color=INK["small"], where="post", label="generated, five minutes of listening")
    ax.set(xlabel="seconds between blinks", ylabel="share of intervals that are shorter", xlim=(0, x[-1]), ylim=(0, 1.02))
    ax.legend(loc="lower right")
    save(figure, "blinks")
    figure, (top, low) = plt.subplots(2, 1, figsize=(7, 3.6), sharex=True, height_ratios=[3, 1])
    part = t < 60
    for n, label in AXES:
        top.plot(t[part], c[n][part], color=INK[label], lw=1, label=label)
    top.set(ylabel="head, degrees")
    top.legend(ncol=3, loc="upper right")
    low.plot(t[part], c["eyeBlinkLeft"][part], color=INK["film"], lw=0.8)
    low.set(xlabel="seconds of listening", ylabel="lids", yticks=[0, 1])
    save(figure, "listening")


def film():
    sys.path.insert(0, EVAL)
    import json
    import score
    score.OFF.update(json.load(open(os.path.join(EVAL, "offsets.json"))))
    tracks = os.path.join(EVAL, "tracks")
    ids = open(os.path.join(EVAL, "dev.txt")).read().split()
    real, made = [], []
    for seed, clip in enumerate(ids, 1):
        track = score.load_track(tracks, clip)
        real.append(score.head_stats(*track.ypr, score.FS)[1])
        made.append(speed(render(os.path.join(tracks, clip + ".wav"), "--seed", str(seed))))
    real, made = np.sort(np.concatenate(real)), np.sort(np.concatenate(made))
    tenths = [10, 50, 90]
    print("angular speed, 10th, 50th, 90th percentile: film", np.percentile(real, tenths).round(1), "generated", np.percentile(made, tenths).round(1))
    figure, ax = plt.subplots(figsize=(7, 3))
    for values, name, label in ((real, "film", "film, twelve clips"), (made, "small", "generated from their sound")):
        ax.plot(values, np.linspace(0, 1, len(values)), color=INK[name], label=label)
    ax.set(xscale="log", xlim=(0.5, 100), ylim=(0, 1), xlabel="angular speed of the head, degrees a second", ylabel="share of time below")
    ax.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    ax.legend(loc="upper left")
    save(figure, "speed")

    figure, axes = plt.subplots(2, 2, figsize=(9, 4.2), sharey="row", sharex="col")
    for column, clip in zip(axes.T, CLIPS):
        track = score.load_track(tracks, clip)
        c = render(os.path.join(tracks, clip + ".wav"))
        for (n, label), measured in zip(AXES, track.ypr):
            # track.py's pitch is positive where the face goes down
            measured = (measured - measured.mean()) * (-1 if label == "pitch" else 1)
            column[0].plot(track.T, measured, color=INK[label], lw=1, label=label)
            column[1].plot(c["time"], c[n], color=INK[label], lw=1)
        column[0].set_title(clip + ", film", fontsize=9)
        column[1].set_title("generated", fontsize=9)
        column[1].set(xlabel="seconds", xlim=(0, track.T[-1]))
    for row in axes:
        row[0].set_ylabel("degrees")
    axes[0, 0].legend(ncol=3, loc="upper right", fontsize=8)
    save(figure, "head")

    figure, axes = plt.subplots(len(CLIPS), 1, figsize=(9, 4.2))
    for ax, clip in zip(axes, CLIPS):
        track = score.load_track(tracks, clip)
        scale = lambda a: (a - np.percentile(a, 5)) / (np.percentile(a, 95) - np.percentile(a, 5))
        ax.plot(track.T, scale(track.ap), color=INK["film"], lw=1.2, label="measured in film")
        for network in ("small", "large"):
            c = render(os.path.join(tracks, clip + ".wav"), "--network", network)
            if c is None:
                continue
            gap = score.pred_aperture({k.lower(): v for k, v in c.items()})
            r = np.corrcoef(np.interp(track.T, c["time"], gap), track.ap)[0, 1]
            ax.plot(c["time"], scale(gap), color=INK[network], lw=1, label=f"{network}, r {r:.2f}")
        ax.set(ylabel="opening", xlim=(0, track.T[-1]), ylim=(-0.4, 1.6), title=clip)
        ax.legend(ncol=3, loc="upper right", fontsize=8)
    axes[-1].set_xlabel("seconds; each curve from its 5th to its 95th percentile")
    save(figure, "aperture")


with tempfile.TemporaryDirectory() as work:
    listening()
    languages()
    if os.path.isdir(EVAL):
        film()
    else:
        print(f"SKIPPED: {EVAL} is not here; nothing was drawn beside film", file=sys.stderr)
