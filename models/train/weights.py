"""The eight lip channels -> ARKit weights. `src/motion/shapes.rs` and `solve.rs` are the same in Rust; change both (the fixture
tests tell).

Non-negative least squares on the morph table (`table.py`, ../motion/mouth.json): the weights, 0..1 each, whose mouth lies nearest
to the measured one. A channel counts by how surely it is known (DOUBT, head units): the gap between the lips first, then the
width, then each lip. PRICE keeps the weights few and small where the channels leave a choice; both were chosen on GRID's film by
how well its eight channels come back, and among those by a dozen looks at the development clips. Lips that are shut also press: the film shows it by
how thin they get, but too few channels know it to solve for it."""

import json
import os

import numpy as np

M = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "motion", "mouth.json")))
SHAPES = list(M["ways"])
WAYS = np.array([M["ways"][n] for n in SHAPES])  # (10 weights, 8 channels)
UNIT, REST = np.array(M["unit"]), np.array(M["rest"])
# How much larger a mouth of ours opens than the filmed speaker's, who mumbles: what a viewer of a small picture can read.
GAIN = 1.6
LOW, HIGH = -0.6, 1.8  # as in the training
PRESSED = -0.015  # lips that are shut give no more than this, head units
DOUBT = np.array([0.008, 0.012, 0.2, 0.04, 0.03, 0.1, 0.05, 0.1])
PRICE = np.array([0.02, 0.06, 0.06, 0.1, 0.03, 0.05, 0.04, 0.06, 0.06, 0.06])
LINEAR, SQUARE, SWEEPS = 5.0, 600.0, 300
NAMES = [
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft",
    "mouthUpperUpRight", "mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthSmileRight", "mouthPressLeft",
    "mouthPressRight", "mouthRollLower", "mouthRollUpper",
]


def solve(goal):
    """goal (n, 8), head units from rest -> weights (n, 10): min |(W w - goal) / DOUBT|^2 + prices, 0 <= w <= 1, by cyclic
    coordinate descent."""
    b = WAYS / DOUBT
    q = b @ b.T + np.diag(SQUARE * PRICE)
    pull = (goal / DOUBT) @ b.T - LINEAR * PRICE
    w = np.zeros((len(goal), len(SHAPES)))
    for _ in range(SWEEPS):
        for i in range(len(SHAPES)):
            w[:, i] = np.clip(w[:, i] + (pull[:, i] - w @ q[i]) / q[i, i], 0, 1)
    return w


def weights(c, voice=1.0):
    """c (n, 8) channels, voice (n,) 0 silent .. 1 speaking -> {name: (n,)}."""
    c = np.clip(np.asarray(c, np.float64), LOW, HIGH)
    voice = np.broadcast_to(np.asarray(voice, np.float64), len(c))
    goal = (c - REST) * UNIT * GAIN * voice[:, None]
    goal[:, 0] = np.maximum(goal[:, 0], PRESSED * voice)
    w = dict(zip(SHAPES, solve(goal).T))
    shut = np.clip(1 - goal[:, 0] / 0.05, 0, 1) * voice
    press = shut * np.clip(0.3 + 0.7 * (REST[7] - c[:, 7]), 0, 0.6)
    sides = {n: w[n.removesuffix("Left").removesuffix("Right")] for n in NAMES if n.endswith(("Left", "Right")) and "Press" not in n}
    w |= sides | {"mouthPressLeft": 0.5 * press, "mouthPressRight": 0.5 * press}
    w["mouthRollLower"] = np.maximum(w["mouthRollLower"], 0.5 * press)
    w["mouthRollUpper"] = np.maximum(w["mouthRollUpper"], 0.5 * press)
    return {n: w[n] for n in NAMES}
