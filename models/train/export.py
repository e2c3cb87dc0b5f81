"""export.py NET.pt OUT.onnx: the streaming form of the network, checked against the whole-file form.

mel (1, 64, 2 n) and state (1, S) -> lips (1, n, 8) and next_state (1, S); the state holds the past of every convolution, zeros before
the first step; the product starts it with silence. Writes, beside it, OUT.json (the training record) and fixture.bin for the Rust tests."""

import hashlib
import json
import os
import sys

import numpy as np
import onnxruntime as ort
import torch
import torch.nn as nn

from common import ATTACK, BACK, BANDS, CLIP, FFT, FLOOR_MIN, FLOOR_RISE, FLOOR_SMOOTH, HIGH_HZ, HOP, LEAK, LEVEL_MIN, LEVEL_START, LOOK_AHEAD, LOW_HZ, PREEMPHASIS, RELEASE, SPEECH_OVER_FLOOR, SPEECH_RANGE, WINDOW, log_mel, normalise
from student import load
from weights import NAMES, weights


ABOUT = dict(
    what="64 log-mel bands at 100 Hz -> eight lip channels at 50 Hz, causal, 80 ms of look-ahead",
    licence="MIT OR Apache-2.0, the program's own",
    attribution=[
        "GRID corpus, speaker 1, CC BY 4.0: Cooke, Barker, Cunningham, Shao, JASA 120(5), 2006",
        "FACEGOOD-Audio2Face, MIT, Copyright FACEGOOD: the sound of seven takes, labelled by the teacher",
        "speech by Kokoro-82M (Apache-2.0), Piper en_US-joe (CC0 data), flite (CMU) and espeak-ng, labelled by the teacher",
        "the teacher hears through OpenAI Whisper base (MIT); nothing of its weights is in this file",
    ],
    held_out="the twelve development clips of the evaluation, among them GRID bbaf2n, brbk7n, lbax4n, sbia1a",
)

SETTLE = 100  # steps of silence before the first sound: more than the network remembers


class Streaming(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        self.shapes = [(BANDS, 4), (net.width, 2)] + [(net.width, b.past) for b in net.blocks]
        self.size = sum(a * b for a, b in self.shapes)

    def forward(self, x, state):
        n, at, caches, kept = self.net, 0, [], []
        for channels, past in self.shapes:
            caches.append(state[:, at : at + channels * past].reshape(1, channels, past))
            at += channels * past

        def join(cache, new):
            both = torch.cat([cache, new], 2)
            kept.append(both[:, :, -cache.shape[2] :].reshape(1, -1))
            return both

        y = n.halve(join(caches[1], torch.relu(n.first(join(caches[0], x)))))
        for block, cache in zip(n.blocks, caches[2:]):
            y = y + block.out(torch.relu(block.conv(join(cache, block.norm(y)))))
        return n.lips(n.norm(y)).transpose(1, 2), torch.cat(kept, 1)


def voice_like(seconds=2.0):
    """A synthetic sound of our own with vowels, hiss, a gap and silence: what the fixture is made of."""
    rng = np.random.default_rng(7)
    n = int(seconds * 16000)
    t = np.arange(n) / 16000
    pitch = np.cumsum(110 + 30 * np.sin(2 * np.pi * 1.3 * t)) / 16000
    x = sum(np.sin(2 * np.pi * k * pitch) / k * (1 + np.cos(2 * np.pi * (k * 0.13 + 2.1 * t))) for k in range(1, 24))
    x = 0.05 * x * (np.sin(2 * np.pi * 3.1 * t) > -0.6) + 0.02 * rng.normal(size=n) * (np.sin(2 * np.pi * 1.7 * t) > 0.7)
    x[int(1.5 * 16000) :] = 0
    return np.round(np.clip(x, -1, 1) * 32767).astype(np.int16)


def main():
    torch.set_num_threads(1)
    net, out = load(sys.argv[1]), sys.argv[2]
    step = Streaming(net).eval()
    zero = torch.zeros(1, step.size)
    torch.onnx.export(step, (torch.zeros(1, BANDS, 4), zero), out, input_names=["mel", "state"], output_names=["lips", "next_state"], dynamic_axes={"mel": {2: "frames"}, "lips": {1: "steps"}}, opset_version=13)
    o = ort.SessionOptions()
    o.intra_op_num_threads = 1
    s = ort.InferenceSession(out, o, providers=["CPUExecutionProvider"])
    x = voice_like()
    mel = normalise(log_mel(x.astype(np.float32) / 32768))
    mel = mel[: len(mel) // 2 * 2]
    heard = np.concatenate([np.full((2 * SETTLE, BANDS), CLIP, np.float32), mel])
    with torch.no_grad():
        whole = net(torch.tensor(heard.T)[None])[0][0].T.numpy()[SETTLE:]
    state, lips = zero.numpy(), []
    for k in range(0, len(heard), 2):
        c, state = s.run(None, {"mel": np.ascontiguousarray(heard[k : k + 2].T[None]), "state": state})
        lips.append(c[0])
    lips = np.concatenate(lips)[SETTLE:]
    error = float(np.abs(lips - whole).max())
    print(f"streaming differs from the whole file by at most {error:.1e}; {os.path.getsize(out) / 1e6:.2f} MB")
    assert error < 1e-4
    w = np.stack([weights(lips)[n] for n in NAMES], 1)
    # samples i16 | features f32 (100 Hz, 64) | channels f32 (50 Hz, 8) | weights f32 (50 Hz, 16)
    fixture = os.path.join(os.path.dirname(out), "fixture.bin")
    with open(fixture, "wb") as f:
        f.write(np.array([len(x), len(mel), len(lips), w.shape[1]], "<u4").tobytes())
        f.write(x.astype("<i2").tobytes() + mel.astype("<f4").tobytes() + lips.astype("<f4").tobytes() + w.astype("<f4").tobytes())
    card = os.path.splitext(out)[0] + ".json"
    record = dict(ABOUT, **(json.load(open(card)) if os.path.exists(card) else {}))
    record.update(
        file=os.path.basename(out),
        sha256=hashlib.sha256(open(out, "rb").read()).hexdigest(),
        parameters=sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in net.aux.parameters()),
        look_ahead_ms=LOOK_AHEAD,
        steps_back=BACK,
        state=step.size,
        features=dict(rate=16000, bands=BANDS, low_hz=LOW_HZ, high_hz=HIGH_HZ, window=WINDOW, hop=HOP, fft=FFT, preemphasis=PREEMPHASIS, level_start=LEVEL_START, level_min=LEVEL_MIN, attack=ATTACK, release=RELEASE, leak=LEAK, speech_range=SPEECH_RANGE, floor_min=FLOOR_MIN, floor_rise=FLOOR_RISE, floor_smooth=FLOOR_SMOOTH, speech_over_floor=SPEECH_OVER_FLOOR),
        training=torch.load(sys.argv[1]).get("record", record.get("training")),
    )
    record.pop("scores", None)  # of another network; evaluate.py --card writes those of this one
    json.dump(record, open(card, "w"), indent=1)


if __name__ == "__main__":
    main()
