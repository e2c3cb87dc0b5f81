#!/usr/bin/env python3
"""head_pose.py: how the head of GRID's speaker 1 goes with his voice; prints the figures that src/motion/head.rs cites.

Needs numpy, scipy and soundfile (requirements.txt) and VASA_SHARED. The development clip bbaf2n is left out."""
import json
import os
import sys

import numpy as np
import soundfile as sf

from common import SHARED, log_mel

sys.path.insert(0, os.path.join(SHARED, "data", "grid_s1"))
from load import load  # noqa: E402

STEP, BLOCKS = 0.02, 148
g = load()
words = json.load(open(os.path.join(SHARED, "data", "grid_s1", "words.json")))
head, loud, speech = [], [], []
for name, pose, ok in list(zip(g.names, g.head, g.ok))[::2]:
    if name == "bbaf2n" or not ok.all():
        continue
    x, _ = sf.read(os.path.join(SHARED, "data", "grid_s1", "audio", name + ".flac"))
    power = np.log(np.exp(log_mel(x)).mean(-1) + 1e-9)
    over = np.maximum((power - np.percentile(power, 95))[: len(power) // 2 * 2].reshape(-1, 2).max(1), -7.0)
    if len(over) < BLOCKS:
        continue
    smooth = [np.convolve(np.pad(a, 1, "edge"), np.ones(3) / 3, "valid") for a in pose.T]
    at = (np.arange(BLOCKS) + 1) * STEP
    head.append([np.interp(at, np.arange(len(pose)) / 25, a) for a in smooth])
    loud.append(over[:BLOCKS])
    spoken = np.zeros(BLOCKS, bool)
    for a, b, word in words[name]:
        if word not in ("sil", "sp"):
            spoken[int(a / 25000 / STEP):int(b / 25000 / STEP)] = True
    speech.append(spoken)
head, loud, speech = np.array(head), np.array(loud), np.array(speech)
head -= head.mean(2, keepdims=True)
loud_off = loud - loud.mean(1, keepdims=True)
speed = np.linalg.norm(np.gradient(head, STEP, axis=2), axis=1)
print(f"{len(head)} clips of 3 s; standard deviation of yaw, pitch, roll: {head.std(2).mean(0).round(2)} degrees")
for name, mask in (("speech", speech), ("silence", ~speech)):
    print(f"angular speed in {name}, 10th, 50th, 90th percentile: {np.percentile(speed[mask], [10, 50, 90]).round(1)} degrees/s")
up = -head[:, 1]  # track.py: positive pitch is the face down
r = lambda a, b: float((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean()))
lags = {k * 20: round(r(up[:, max(k, 0):BLOCKS + min(k, 0)], loud_off[:, max(-k, 0):BLOCKS - max(k, 0)]), 2) for k in range(-8, 17, 2)}
print("loudness and face up, r by lag in ms:", lags)
slope = (up * loud_off).mean() / (loud_off**2).mean()
print(f"face up by {slope:.2f} degrees for each nat of power, {7 * slope:.2f} over 7 nats")
ends = [(i, BLOCKS - int(np.argmax(s[::-1]))) for i, s in enumerate(speech)]
after = np.mean([speed[i, k - 40:k + 40] for i, k in ends if 60 < k < 106], 0)
print("speed around a phrase's end, every 100 ms from -0.8 s:", after[::5].round(1))
second = np.log(speed[:, :147].reshape(len(speed), 3, 49).mean(2))
print(f"logarithm of the speed of a second: standard deviation {second.std():.2f}")
