"""head.py OUT.pt: encoder states of a window -> the lips of its four wanted frames, learnt from WORK/heard (windows.py).

Inputs are the last KEPT tokens of the layers INPUTS (comma-separated). For each layer the mean and DIM principal directions; then two
convolutions (k 5), one over all that is left, and a linear skip. SEEDS heads, averaged. Every eighth file of each kind is held out: its
loss and correlation are printed, the development clips play no part. Environment: INPUTS, DIM, WIDTH, EPOCHS, SEEDS, KINDS, CLOSE, SEED (the first)."""

import glob
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from common import CHANNELS, WORK
from whisper import KEPT

SHARE = dict(grid=0.45, kokoro=0.25, facegood=0.1, piper=0.08, flite=0.08, espeak=0.04)


class Head(nn.Module):
    def __init__(self, dims, width, dropout=0.3):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.a, self.b = nn.Conv1d(dims, width, 5), nn.Conv1d(width, width, 5)
        self.c = nn.Conv1d(width, 8, 5)
        self.skip = nn.Conv1d(dims, 8, 3)

    def forward(self, x):
        """(batch, dims, KEPT) -> (batch, 8, 4); the four wanted are tokens KEPT - 8 .. KEPT - 5, outputs are centred there."""
        x = F.pad(self.drop(x), (0, 2))
        y = torch.relu(self.a(x))
        y = torch.relu(self.b(self.drop(y)))
        # output i is centred on token i + 6
        return self.c(self.drop(y))[:, :, -4:] + self.skip(x)[:, :, KEPT - 9 : KEPT - 5]


class Large(nn.Module):
    """What is exported: states in, lips out, means and directions inside."""

    def __init__(self, means, bases, heads):
        super().__init__()
        self.means = nn.ParameterList([nn.Parameter(torch.tensor(m), False) for m in means])
        self.bases = nn.ParameterList([nn.Parameter(torch.tensor(b), False) for b in bases])
        self.heads = nn.ModuleList(heads)

    def forward(self, *states):
        x = torch.cat([torch.matmul(s - m, b) for s, m, b in zip(states, self.means, self.bases)], 2).transpose(1, 2)
        return (sum(h(x) for h in self.heads) / len(self.heads)).transpose(1, 2)


class Several(nn.Module):
    """The mean of networks that were trained apart, each with its own directions."""

    def __init__(self, nets):
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.heads = [h for n in nets for h in n.heads]

    def forward(self, *states):
        return sum(n(*states) for n in self.nets) / len(self.nets)


def load(paths):
    """One checkpoint, or several with commas between: the network, and what is known of the first; `record` of all."""
    both = [load_one(p) for p in paths.split(",")]
    if len(both) == 1:
        return both[0]
    assert len({tuple(d["inputs"]) for _, d in both}) == 1, "the heads ask for different layers"
    return Several([n for n, _ in both]).eval(), dict(both[0][1], record=dict(mean_of=[d["record"] for _, d in both]))


def load_one(path):
    d = torch.load(path)
    heads = []
    for s in d["heads"]:
        h = Head(sum(b.shape[1] for b in d["bases"]), d["width"])
        h.load_state_dict(s)
        heads.append(h)
    return Large(d["means"], d["bases"], heads).eval(), d


def main():
    out, start = sys.argv[1], time.time()
    inputs, first = os.environ.get("INPUTS", "layer3,layer4").split(","), int(os.environ.get("SEED", "0"))
    dim, width, epochs, seeds = (int(os.environ.get(k, d)) for k, d in (("DIM", "160"), ("WIDTH", "128"), ("EPOCHS", "12"), ("SEEDS", "2")))
    torch.set_num_threads(1)
    files = sorted(glob.glob(os.path.join(WORK, os.environ.get("HEARD", "heard"), "*.npz")))
    wanted = os.environ.get("KINDS")
    files = [f for f in files if not wanted or os.path.basename(f).split("_")[0] in wanted.split(",")]
    some = [np.load(f) for f in files[:: max(1, len(files) // 60)]]
    means, bases = [], []
    for n in inputs:
        s = np.concatenate([z[n][:, ::5].reshape(-1, 512).astype(np.float32)[::3] for z in some])
        m = s.mean(0)
        _, spread, v = np.linalg.svd(s[:6000] - m, full_matrices=False)
        b = v[:dim].T
        b = b * np.minimum(1, spread[:dim] / spread[0] * 8) / ((s - m) @ b).std(0)
        means.append(m)
        bases.append(b.astype(np.float32))
    X, Y, K, V = [], [], [], []
    for k, f in enumerate(files):
        z = np.load(f)
        X.append(np.concatenate([((z[n].astype(np.float32) - m) @ b).astype(np.float16) for n, m, b in zip(inputs, means, bases)], 2).transpose(0, 2, 1))
        Y.append(z["lips"].transpose(0, 2, 1))
        K += [os.path.basename(f).split("_")[0]] * len(X[-1])
        V += [k % 8 == 5] * len(X[-1])
    X, Y, K, V = torch.tensor(np.concatenate(X)), torch.tensor(np.concatenate(Y)), np.array(K), np.array(V)
    train = np.flatnonzero(~V)
    count = {k: int((K[train] == k).sum()) for k in sorted(set(K))}
    p = np.array([SHARE[k] / count[k] for k in K[train]])
    p /= p.sum()
    print("windows:", json.dumps(count), f"{time.time() - start:.0f} s", flush=True)
    # The weight of closed lips closes them in speech, but draws the guess down in pauses too, where real lips are not shut either.
    close = float(os.environ.get("CLOSE", "0"))
    weight = torch.tensor([2.0, 1.5, 1.0, 1.0, 1.0, 1.0, 0.7, 0.7])[None, :, None]
    batch, heads, told = 64, [], []
    steps = epochs * len(train) // batch
    for seed in range(first, first + seeds):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        net, start = Head(X.shape[1], width), time.time()
        opt = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.05)
        plan = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, total_steps=steps)
        total = 0.0
        for step in range(steps):
            i = torch.tensor(rng.choice(train, batch, p=p))
            x, y = X[i].float(), Y[i]
            o = net(x + 0.1 * torch.randn_like(x))
            e, slope = o - y, (o - y)[:, :, 1:] - (o - y)[:, :, :-1]
            shut = torch.ones_like(y)
            shut[:, 0] = 1.0 + close * (y[:, 0] < 0.15)
            loss = (e**2 * weight * shut).mean() + 4 * (slope**2 * weight).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            plan.step()
            total += float(loss)
            if (step + 1) % max(1, steps // 3) == 0:
                print(f"seed {seed} step {step + 1}/{steps} loss {total / max(1, steps // 3):.4f} {time.time() - start:.0f} s", flush=True)
                told.append(round(total / max(1, steps // 3), 4))
                total = 0.0
        heads.append(net.eval())
    net = Large(means, bases, heads).eval()
    held = {}
    with torch.no_grad():
        for k in count:
            i = torch.tensor(np.flatnonzero(V & (K == k)))
            if len(i):
                o = sum(h(X[i].float()) for h in heads) / len(heads)
                held[k] = [round(float(np.corrcoef(o[:, c].numpy().ravel(), Y[i][:, c].numpy().ravel())[0, 1]), 3) for c in (0, 1)]
    print("held-out correlation of aperture, width:", json.dumps(held), flush=True)
    record = dict(windows=count, share=SHARE, held_out_files="every eighth of each kind", correlation_on_held_out=held, inputs=inputs, dim=dim, width=width, epochs=epochs, steps=steps, batch=batch, weight_of_closures=close, seeds=list(range(first, first + seeds)), loss_by_thirds=told, channels=CHANNELS)
    torch.save(dict(heads=[h.state_dict() for h in heads], means=means, bases=bases, width=width, inputs=inputs, record=record), out)


if __name__ == "__main__":
    main()
