"""teacher.py: Whisper-base's encoder states -> the eight lip channels, learnt from GRID speaker 1 alone. Writes WORK/teacher.pt.

PCA 160 of the states, three convolutions (k 5, width 96) and a linear skip, dropout .3; masked squared error of value and of
slope, half of each crop's own offset forgiven (speaker and pose are not in the sound). Two seeds, averaged."""

import glob
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn

from common import CHANNELS, WORK

PCA, WIDTH = 160, 96


class Head(nn.Module):
    def __init__(self, dropout=0.3):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.a, self.b, self.c = (nn.Conv1d(i, o, 5, padding=2) for i, o in ((PCA, WIDTH), (WIDTH, WIDTH), (WIDTH, 8)))
        self.skip = nn.Conv1d(PCA, 8, 1)

    def forward(self, x):
        x = self.drop(x)
        y = torch.tanh(self.a(x))
        y = torch.tanh(self.b(self.drop(y)))
        return self.c(self.drop(y)) + self.skip(x)


class Teacher:
    def __init__(self, path=None):
        d = torch.load(path or os.path.join(WORK, "teacher.pt"))
        self.mean, self.basis, self.heads = d["mean"], d["basis"], []
        for s in d["heads"]:
            h = Head()
            h.load_state_dict(s)
            self.heads.append(h.eval())

    def project(self, state):
        return ((state.astype(np.float32) - self.mean) @ self.basis).astype(np.float32)

    def __call__(self, state):
        with torch.no_grad():
            x = torch.tensor(self.project(state)).T[None]
            return np.mean([h(x)[0].T.numpy() for h in self.heads], 0)


def main():
    torch.set_num_threads(1)
    epochs = int(os.environ.get("EPOCHS", "12"))
    states, ys = [], []
    for f in sorted(glob.glob(os.path.join(WORK, "windows", "grid*.npz"))):
        z = np.load(f)
        if np.isfinite(z["y"]).sum() > 500:
            states.append(z["state"].astype(np.float32))
            ys.append(z["y"])
    some = np.concatenate([s[::31] for s in states])
    mean = some.mean(0)
    _, spread, v = np.linalg.svd(some - mean, full_matrices=False)
    basis = v[:PCA].T
    basis = basis * np.minimum(1, spread[:PCA] / spread[0] * 8) / ((some - mean) @ basis).std(0)
    X = torch.tensor(np.stack([((s - mean) @ basis).astype(np.float32) for s in states])).transpose(1, 2).contiguous()
    Y = torch.tensor(np.stack(ys)).transpose(1, 2).contiguous()
    M = torch.isfinite(Y).float()
    Y = torch.nan_to_num(Y)
    n, crop, batch, heads, start = len(X), 400, 16, [], time.time()
    steps = epochs * max(1, n * 1400 // crop // batch)
    for seed in range(2):
        torch.manual_seed(seed)
        net = Head()
        opt = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.05)
        plan = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, total_steps=steps)
        for step in range(steps):
            i, a = torch.randint(0, n, (batch,)), torch.randint(0, 1400 - crop, (batch,))
            cut = lambda q: torch.stack([q[k, :, p : p + crop] for k, p in zip(i, a)])
            x, y, m = cut(X), cut(Y), cut(M)
            o = net(x + 0.1 * torch.randn_like(x))
            e = (o - y) * m
            e = e - 0.5 * e.sum(2, keepdim=True) / (m.sum(2, keepdim=True) + 1e-3) * m
            slope = ((o - y)[:, :, 2:] - (o - y)[:, :, :-2]) * m[:, :, 2:] * m[:, :, :-2]
            loss = ((e**2).sum() + (slope**2).sum()) / (m.sum() + 1)
            opt.zero_grad()
            loss.backward()
            opt.step()
            plan.step()
            if step % max(1, steps // 4) == 0:
                print(f"seed {seed} step {step}/{steps} loss {float(loss):.4f} {time.time() - start:.0f} s", flush=True)
        heads.append(net.eval().state_dict())
    torch.save(dict(heads=heads, mean=mean, basis=basis, channels=CHANNELS), os.path.join(WORK, "teacher.pt"))
    print("teacher:", n, "windows", f"{time.time() - start:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
