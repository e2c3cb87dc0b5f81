"""student.py OUT.pt: the streaming network, taught by the teacher's labels on all windows and by the film itself on GRID.

64 log-mel bands at 100 Hz over a running loud level -> causal k 5 conv -> stride 2 -> 8 residual causal blocks -> 8 channels at
50 Hz, 80 ms behind the sound. Sound is changed in the mel domain: EQ, band limit, vocal-tract length, reverb, noise, gain.
Environment: STEPS (of the plan; STOP ends earlier), BATCH, WIDTH, SEED, INIT (a .pt to go on from), KINDS (of
speech, all by default), LR, THREADS."""

import glob
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from common import BACK, BANDS, CHANNELS, FLOOR, HIGH_HZ, LOW_HZ, WORK, log_mel, mel, normalise, reverb_tail
from teacher import Teacher

DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)
AUX = 64


class Point(nn.Module):
    """A convolution of width 1."""

    def __init__(self, i, o):
        super().__init__()
        c = nn.Conv1d(i, o, 1)
        self.w, self.b = nn.Parameter(c.weight[:, :, 0].detach().clone()), nn.Parameter(c.bias.detach().clone())

    def forward(self, x):
        return torch.matmul(self.w, x) + self.b[:, None]


class Norm(nn.Module):
    """Normalises over the channels of one instant: nothing of the past or future enters."""

    def __init__(self, h):
        super().__init__()
        self.g, self.b = nn.Parameter(torch.ones(1, h, 1)), nn.Parameter(torch.zeros(1, h, 1))

    def forward(self, x):
        d = x - x.mean(1, keepdim=True)
        return d * torch.rsqrt((d * d).mean(1, keepdim=True) + 1e-5) * self.g + self.b


class Block(nn.Module):
    def __init__(self, h, dilation, dropout):
        super().__init__()
        self.norm, self.conv, self.out = Norm(h), nn.Conv1d(h, h, 3, dilation=dilation), Point(h, h)
        self.past, self.drop = 2 * dilation, nn.Dropout(dropout)

    def forward(self, x):
        y = torch.relu(self.conv(F.pad(self.norm(x), (self.past, 0))))
        return x + self.out(self.drop(y))


class Net(nn.Module):
    def __init__(self, width=160, dropout=0.1):
        super().__init__()
        self.width = width
        self.first, self.halve = nn.Conv1d(BANDS, width, 5), nn.Conv1d(width, width, 4, stride=2)
        self.blocks = nn.ModuleList([Block(width, d, dropout) for d in DILATIONS])
        self.norm, self.lips, self.aux = Norm(width), Point(width, 8), Point(width, AUX)

    def forward(self, x):
        """(batch, BANDS, 2 n) -> (batch, 8, n); step n has heard frames up to 2 n + 1."""
        x = self.halve(F.pad(torch.relu(self.first(F.pad(x, (4, 0)))), (2, 0)))
        for b in self.blocks:
            x = b(x)
        x = self.norm(x)
        return self.lips(x), self.aux(x)


def load(path):
    d = torch.load(path)
    net = Net(d["width"])
    net.load_state_dict(d["net"])
    return net.eval()


CENTRES = 700 * (10 ** ((mel(LOW_HZ) + (mel(HIGH_HZ) - mel(LOW_HZ)) / (BANDS + 1) * (np.arange(BANDS) + 1)) / 2595) - 1)
B = np.arange(BANDS)


def disturb(m, rng):
    """(frames, BANDS) log-mel of clean speech -> the same heard elsewhere, and the level it is heard at."""
    if rng.random() < 0.7:  # equaliser: tilt and bumps
        e = rng.normal(0, 1.2) * (B / BANDS - 0.5) * 2 + sum(rng.normal(0, 0.6) * np.cos(np.pi * k * (B + 0.5) / BANDS) for k in (2, 3, 4))
        m = m + e.astype(np.float32)
    if rng.random() < 0.25:  # telephone and worse
        m = m - np.clip((B - rng.integers(36, 60)) / 2.0, 0, 6)[None].astype(np.float32)
    if rng.random() < 0.6:  # vocal tracts from 0.83 to 1.2 of the speaker's
        q = (mel(CENTRES * np.exp(rng.uniform(-0.18, 0.18))) - mel(LOW_HZ)) / ((mel(HIGH_HZ) - mel(LOW_HZ)) / (BANDS + 1)) - 1
        q = np.clip(q, 0, BANDS - 1.001)
        i, f = q.astype(int), (q - q.astype(int)).astype(np.float32)
        m = m[:, i] * (1 - f) + m[:, i + 1] * f
    p = np.exp(m)
    if rng.random() < 0.35:  # a room
        p = p + rng.uniform(0.05, 0.35) * reverb_tail(p, np.exp(-rng.uniform(0.03, 0.12) * 2.3))
    loud = np.percentile(p.mean(1), 95)
    if rng.random() < 0.65:  # steady noise, 5 to 40 dB below
        n = np.exp(rng.normal(0, 0.7) * (BANDS - B) / BANDS * 2)
        n = n / n.mean() * loud * 10 ** (-rng.uniform(0.5, 4.0))
        p = p + (n * rng.gamma(4.0, 0.25, p.shape)).astype(np.float32)
    gain = rng.normal(0, 1.5)
    return (np.log(p + FLOOR) + gain).astype(np.float32), np.log(loud + 1e-9) + gain + rng.normal(0, 1.0)


def main():
    out, start = sys.argv[1], time.time()
    steps, batch, width, seed = (int(os.environ.get(k, d)) for k, d in (("STEPS", "1400"), ("BATCH", "10"), ("WIDTH", "160"), ("SEED", "0")))
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    share = dict(grid=0.34, kokoro=0.24, facegood=0.16, piper=0.12, flite=0.1, espeak=0.04, asterisk=0.5)
    teacher, mels, lips, aux, kinds = Teacher(), [], [], [], []
    for f in sorted(glob.glob(os.path.join(WORK, "windows", "*.npz"))):
        z, kind = np.load(f), os.path.basename(f).split("_")[0]
        if kind not in os.environ.get("KINDS", kind).split(","):
            continue
        q, y = teacher(z["state"]), z["y"]
        if kind == "grid":  # the film, steadied by the teacher
            q = np.where(np.isfinite(y), 0.7 * np.nan_to_num(y) + 0.3 * q, q)
        mels.append(log_mel(z["x"].astype(np.float32) / 32767)[:2800].astype(np.float16))
        lips.append(q.astype(np.float32))
        aux.append(teacher.project(z["state"])[:, :AUX].astype(np.float16))
        kinds.append(kind)
    count = {k: kinds.count(k) for k in sorted(set(kinds))}
    p = np.array([share[k] / count[k] for k in kinds])
    p /= p.sum()
    print("windows of 28 s:", json.dumps(count), f"{time.time() - start:.0f} s", flush=True)
    net = Net(width)
    if os.environ.get("INIT"):
        net.load_state_dict(torch.load(os.environ["INIT"])["net"])
    opt = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, float(os.environ.get("LR", "2e-3")), total_steps=steps, pct_start=0.15)
    crop, warm, losses, start = 600, 40, [], time.time()
    # What is saved is the running mean of the weights: steadier than the last step's, and better on voices not heard.
    mean, keep = {k: v.clone() for k, v in net.state_dict().items()}, float(os.environ.get("KEEP", "0.997"))
    weight = torch.tensor([2.0, 1.5, 1.0, 1.0, 1.0, 1.0, 0.7, 0.7])[None, :, None]
    for step in range(int(os.environ.get("STOP", steps))):
        ms, starts, ys, zs = [], [], [], []
        for i in rng.choice(len(mels), batch, p=p):
            a = 2 * rng.integers(0, (2800 - crop) // 2)
            m, s = disturb(mels[i][a : a + crop].astype(np.float32), rng)
            ms.append(m)
            starts.append(s)
            ys.append(lips[i][a // 2 : (a + crop) // 2].T)
            zs.append(aux[i][a // 2 : (a + crop) // 2].astype(np.float32).T)
        x = normalise(np.stack(ms, 1), np.array(starts, np.float32)).transpose(1, 2, 0)
        o, z = net(torch.tensor(np.ascontiguousarray(x)))
        late = lambda v, n: v[:, :, warm : v.shape[2] - n]
        o, z = o[:, :, warm + BACK :], z[:, :, warm + 5 :]
        y = late(torch.tensor(np.stack(ys)), BACK)
        e = o - y
        e = e - 0.5 * e.mean(2, keepdim=True)
        slope = (o - y)[:, :, 2:] - (o - y)[:, :, :-2]
        shut = torch.ones_like(y)
        shut[:, 0] = 1.0 + 1.5 * (y[:, 0] < 0.15)
        loss = (e**2 * weight * shut).mean() + (slope**2 * weight).mean()
        losses.append(float(loss))
        loss = loss + 0.1 * ((z - late(torch.tensor(np.stack(zs)), 5)) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        plan.step()
        k = min(keep, (step + 1) / (step + 10))
        for name, v in net.state_dict().items():
            mean[name].lerp_(v, 1 - k)
        if step in (5, 50) or step % 100 == 99:
            print(f"step {step + 1}/{steps} loss {np.mean(losses[-100:]):.4f} {time.time() - start:.0f} s", flush=True)
            torch.save(dict(net=mean, width=width), out)
    curve = [round(float(np.mean(losses[k : k + 100])), 4) for k in range(0, len(losses), 100)]
    record = dict(windows_of_28_s=count, share=share, steps=len(losses), planned=steps, batch=batch, crop_s=crop / 100, width=width, seed=seed, mean_of_weights=keep, loss_per_100_steps=curve, channels=CHANNELS, init=os.path.basename(os.environ.get("INIT", "")) or None, learning_rate=float(os.environ.get("LR", "2e-3")))
    torch.save(dict(net=mean, width=width, record=record), out)


if __name__ == "__main__":
    main()
