#!/usr/bin/env python3
"""train.py FOLDER: the table by which the mirror reads faces, from NAME.csv (performances.py) and NAME.landmarks (what the landmark network
saw of them, `vasa mirror film NAME.mp4 --landmarks NAME.landmarks`).

A landmark network does not see a morph as it is: it expects faces, and damps what is rare. So the table of the template's morphs is measured
anew as the network sees it, by linear regression of the landmarks (turned back into the head's frame) on the weights that were drawn, with the
turn of the head and the gaze beside them, which shift landmarks too. What is left is noise of known covariance. The mirror then asks for the weights,
none below 0 nor above 1, that make the seen landmarks likeliest, given how far weights spread (generalised non-negative least squares).

Writes seen.safetensors and seen.json beside this folder. --leave-out NAME trains without one person and scores on them.
"""
import argparse
import csv
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent.parent
MESH, ALL = 468, 478
# Seen well enough: held-out persons correlate at 0.25 and more.
WEIGHTS = (
    "jawOpen jawLeft jawRight mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthUpperUpLeft mouthUpperUpRight "
    "mouthPressLeft mouthPressRight mouthPucker mouthFunnel mouthClose mouthLeft mouthRight mouthRollLower mouthRollUpper mouthShrugUpper "
    "browInnerUp browOuterUpLeft browOuterUpRight browDownLeft browDownRight eyeBlinkLeft eyeBlinkRight eyeWideLeft eyeWideRight"
).split()
GAZE, HEAD = ["gazeYaw", "gazePitch"], ["headYaw", "headPitch", "headRoll"]
ANGLE = 15.0  # degrees that count as 1
DEPTH = 0.3  # how far the network's depths are believed
NOISE, PRIOR, POSE = 0.02, 0.5, 0.02  # share of the mean variance added to the noise; pull to rest; variance of the measured turn
UP = np.array([1.0, -1.0, -1.0])
EYES = [(473, 362, 263), (468, 133, 33)]


def template():
    t = load_file(MODELS / "avatars/template/head.safetensors")
    positions = t["face.position"].reshape(-1, 3)
    corner, share = t["landmark.corner"].reshape(-1, 3).astype(int), t["landmark.share"].reshape(-1, 3)
    return (positions[corner] * share[..., None]).sum(1), share.sum(1) > 0.5


REST, HAS = template()
RIGID = [
    i for i, (x, y, _) in enumerate(REST)
    if HAS[i] and (abs(x) < 0.3 and -0.7 <= y < 0.2 or abs(x) > 0.78 and -0.9 <= y < 0.7)
]
TWIN = np.array([
    min((j for j in range(MESH) if HAS[j]), key=lambda j: ((REST[j] - REST[i] * [-1, 1, 1]) ** 2).sum()) if HAS[i] else i for i in range(MESH)
])


def pose(model, seen):
    """As src/mirror/pose.rs: pixels a unit, turn, shift."""
    m0, s0 = model.mean(0), seen.mean(0)
    m, s = model - m0, seen - s0
    a, b = ((s.T @ m) @ np.linalg.inv(m.T @ m))[:2]
    unit = (np.linalg.norm(a) + np.linalg.norm(b)) / 2
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    lean = a @ b / 2
    a, b = a - b * lean, b - a * lean
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    turn = np.stack([a, b, np.cross(a, b)])
    return unit, turn, s0 - unit * turn @ m0


def rotation(model, seen):
    """The turn between two sets of places in space (Kabsch 1976)."""
    u, _, vt = np.linalg.svd((seen - seen.mean(0)).T @ (model - model.mean(0)))
    return u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt


def angles(turn):
    yaw, x = np.arctan2(turn[0, 2], turn[2, 2]), np.arcsin(np.clip(-turn[1, 2], -1, 1))
    return np.degrees([yaw, -x, np.arctan2(turn[1, 0], turn[1, 1])])


def align(landmarks, model):
    seen = landmarks * UP
    unit, turn, shift = pose(model[RIGID], seen[RIGID])
    return (seen - shift) @ turn / unit, turn


def person(folder, name):
    """Of every frame: how far landmarks are from rest, the two measures of the turn, irises between the corners of their eyes."""
    raw = np.fromfile(folder / f"{name}.landmarks", np.float32).reshape(-1, ALL * 3 + 1)
    rows = list(csv.reader(open(folder / f"{name}.csv")))
    drawn = dict(zip(rows[0], np.array(rows[1:], float).T))
    n = min(len(raw), len(rows) - 1)
    landmarks, found = raw[:n, :-1].reshape(n, ALL, 3).astype(float), raw[:n, -1] > 0.5
    first = [align(l, REST) for l in landmarks[5:28]]
    net = np.median([a for a, _ in first], 0)
    level = np.median([angles(r) for _, r in first], 0)
    own = net.copy()
    own[:MESH][HAS, 2] = REST[HAS, 2]
    misses, turns = [], []
    for l in landmarks:
        points, turn = align(l, own)
        misses.append((points - own)[:MESH])
        turns.append(np.r_[angles(turn) - level, angles(rotation(net[RIGID], (l * UP)[RIGID])) - level])
    misses = np.array(misses) * HAS[None, :, None] * [1, 1, DEPTH]
    points = np.array([align(l, own)[0] - own for l in landmarks])
    iris = np.concatenate([(points[:, i] - (points[:, a] + points[:, b]) / 2)[:, :2] for i, a, b in EYES], 1)
    y = np.stack([drawn[k][:n] for k in WEIGHTS + GAZE + HEAD], 1)
    return misses[found], np.array(turns)[found], iris[found], y[found]


def mirrored(misses, turns, iris, y):
    swap = lambda k: k.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
    order = [(WEIGHTS + GAZE + HEAD).index(swap(k)) for k in WEIGHTS + GAZE + HEAD]
    sign = np.array([-1 if k in ("gazeYaw", "headYaw", "headRoll") else 1 for k in WEIGHTS + GAZE + HEAD])
    m = misses[:, TWIN] * [-1, 1, 1]
    return m, turns * [-1, 1, -1, -1, 1, -1], iris[:, [2, 3, 0, 1]] * [-1, 1, -1, 1], y[:, order] * sign


def ridge(x, y, share):
    square = x.T @ x
    return np.linalg.solve(square + share * np.trace(square) / len(square) * np.eye(len(square)), x.T @ y)


def pose_terms(yaw, pitch, roll):
    yaw, pitch, roll = yaw / ANGLE, pitch / ANGLE, roll / ANGLE
    return np.stack([yaw, pitch, roll, yaw * yaw, pitch * pitch, yaw * pitch, roll * roll], 1)


def gaze_terms(iris, turns):
    """As `aim` in src/mirror/solve.rs."""
    x, y = iris[:, [0, 2]].mean(1) * 10, iris[:, [1, 3]].mean(1) * 10
    dx, dy = (iris[:, 0] - iris[:, 2]) * 10, (iris[:, 1] - iris[:, 3]) * 10
    a, b, c = (turns[:, k] / ANGLE for k in range(3))
    one = np.ones(len(x))
    return np.stack([x, y, dx, dy, x * a, y * a, x * b, y * b, a, b, c, a * a, b * b, a * b, x * x, y * y, x**3, y**3, one], 1)


def train(people):
    m, turns, iris, y = (np.concatenate(part) for part in zip(*people))
    k = len(WEIGHTS)
    x = m.reshape(len(m), -1)
    q = np.c_[y[:, :k], y[:, k:k + 2] / ANGLE, pose_terms(*y[:, k + 2:].T)]
    seen = ridge(q, x, 1e-4)
    left = x - q @ seen
    noise = left.T @ left / len(left)
    noise += NOISE * np.trace(noise) / len(noise) * np.eye(len(noise))
    read = np.linalg.solve(noise, seen.T).T
    prior = np.r_[1 / (q[:, :k + 2].var(0) + 1e-6), np.full(7, 1 / POSE)] * PRIOR
    square = seen @ read.T + np.diag(prior)
    open_eyes = y[:, [WEIGHTS.index("eyeBlinkLeft"), WEIGHTS.index("eyeBlinkRight")]].max(1) < 0.3
    gaze = np.linalg.lstsq(gaze_terms(iris, turns)[open_eyes], y[open_eyes, k:k + 2], rcond=None)[0]
    return {"read": read, "square": square, "prior": prior, "gaze": gaze}


def solve(model, misses, turns, rounds=30):
    """As src/mirror/solve.rs."""
    k = len(WEIGHTS)
    prior, square = model["prior"], model["square"]
    goal = misses.reshape(len(misses), -1) @ model["read"].T
    goal[:, k + 2:] += pose_terms(*((turns[:, :3] + turns[:, 3:]) / 2).T) * prior[k + 2:]
    x = np.linalg.solve(square, goal.T).T
    x[:, :k] = x[:, :k].clip(0, 1)
    d = np.diag(square)
    for _ in range(rounds):
        for a in range(len(d)):
            v = x[:, a] + (goal[:, a] - x @ square[:, a]) / d[a]
            x[:, a] = v.clip(0, 1) if a < k else v
    return x


def score(model, misses, turns, iris, y):
    x, k = solve(model, misses, turns), len(WEIGHTS)
    out = {}
    for j, name in enumerate(WEIGHTS):
        moves = x[:, j].std() > 0 and y[:, j].std() > 0
        out[name] = round(float(np.corrcoef(x[:, j], y[:, j])[0, 1]), 2) if moves else None
    for j, name in enumerate(HEAD):
        out[name + " error"] = round(float(np.abs(x[:, k + 2 + j] * ANGLE - y[:, k + 2 + j]).mean()), 2)
    open_eyes = y[:, [WEIGHTS.index("eyeBlinkLeft"), WEIGHTS.index("eyeBlinkRight")]].max(1) < 0.3
    g = gaze_terms(iris, turns) @ model["gaze"]
    for j, name in enumerate(GAZE):
        out[name] = round(float(np.corrcoef(g[open_eyes, j], y[open_eyes, k + j])[0, 1]), 2)
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    names = sorted(p.stem for p in folder.glob("*.landmarks"))
    whose = lambda name: name.rsplit("-", 1)[-1]
    data = {name: person(folder, name) for name in names}
    with_twins = lambda chosen: [d for n in chosen for d in (data[n], mirrored(*data[n]))]
    held_out = {}
    for one in sorted({whose(n) for n in names}):
        model = train(with_twins([n for n in names if whose(n) != one]))
        own = [n for n in names if whose(n) == one][-1:]
        held_out[one] = score(model, *data[own[0]])
        print(one, held_out[one])
    model = train(with_twins(names))
    tensors = {k: v.astype(np.float16 if k == "read" else np.float32) for k, v in model.items()}
    # Half precision would not hold the largest of these as they are.
    scale = np.abs(model["read"]).max() / 1000
    tensors["read"] = (model["read"] / scale).astype(np.float16)
    tensors["scale"] = np.array([scale], np.float32)
    # Whatever lies otherwise in memory would be written otherwise.
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    save_file(tensors, HERE.parent / "seen.safetensors", metadata={"weights": " ".join(WEIGHTS)})
    frames = sum(len(d[0]) for d in data.values())
    record = {
        "what": "how the landmark network sees the template's morphs; see recipe/train.py",
        "data": f"{frames} frames of the built-in people ({', '.join(sorted({whose(n) for n in names}))}), drawn by vasa render; no film of anybody",
        "licence": "CC0-1.0, as the people are",
        "held_out": held_out,
    }
    (HERE.parent / "seen.safetensors").chmod(0o644)
    (HERE.parent / "seen.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
