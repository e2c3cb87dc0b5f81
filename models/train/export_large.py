"""export_large.py HEAD.pt[,HEAD.pt..] OUT.onnx: the head of the large network, stateless, with its record OUT.json and fixture-large.bin beside it.

Inputs, named like the encoder's outputs, (1, K, 512): the last K tokens of a window; lips (1, 4, 8): the eight channels 160, 140,
120 and 100 ms before the window's end. README.md says how the fixture is laid out."""

import hashlib
import json
import os
import sys

import numpy as np
import onnxruntime as ort
import torch

from common import STEP
from export import voice_like
from head import load
from whisper import BLOCKS_A_RUN, FRAMES, KEPT, SAMPLES, SHIFT, TOKENS, Ear, encoder, levels, window_mel

ABOUT = dict(
    what="states of Whisper base's encoder over the last 1.2 s -> eight lip channels of four frames of 20 ms, every 80 ms",
    licence="MIT OR Apache-2.0, the program's own",
    attribution=[
        "GRID corpus, speaker 1, CC BY 4.0: Cooke, Barker, Cunningham, Shao, JASA 120(5), 2006",
        "FACEGOOD-Audio2Face, MIT, Copyright FACEGOOD: the sound of seven takes, labelled by the teacher",
        "speech by Kokoro-82M (Apache-2.0), Piper en_US-joe (CC0 data), flite (CMU) and espeak-ng, labelled by the teacher",
        "it stands behind OpenAI Whisper base (MIT), installed apart; nothing of its weights is in this file but the means and principal directions of its states",
    ],
    held_out="the twelve development clips of the evaluation, among them GRID bbaf2n, brbk7n, lbax4n, sbia1a",
)
LOOKED_AT = (5, 16)  # the runs whose mel the fixture holds: one that begins before the sound, one in its middle


def main():
    torch.set_num_threads(1)
    net, d = load(sys.argv[1])
    out, names = sys.argv[2], d["inputs"]
    rng = np.random.default_rng(11)
    states = rng.normal(0, 1, (len(names), 1, KEPT, 512)).astype(np.float32)
    given = tuple(torch.tensor(s) for s in states)
    torch.onnx.export(net, given, out, input_names=names, output_names=["lips"], opset_version=13)
    o = ort.SessionOptions()
    o.intra_op_num_threads = 1
    s = ort.InferenceSession(out, o, providers=["CPUExecutionProvider"])
    lips = s.run(None, dict(zip(names, states)))[0]
    with torch.no_grad():
        error = float(np.abs(lips - net(*given).numpy()).max())
    print(f"the ONNX differs from the network by at most {error:.1e}; {os.path.getsize(out) / 1e6:.2f} MB")
    assert error < 1e-3 and lips.shape == (1, 4, 8)
    x = voice_like().astype(np.float32) / 32768
    level, run = levels(x), STEP * BLOCKS_A_RUN
    ends = np.arange(run, len(x) + 1, run)
    got = Ear(encoder())(x, level, ends, names)
    final = np.stack([s.run(None, {n: got[n][k : k + 1] for n in names})[0][0] for k in range(len(ends))])
    before = np.concatenate([np.zeros(SAMPLES, np.float32), x])
    with open(os.path.join(os.path.dirname(out), "fixture-large.bin"), "wb") as f:
        f.write(np.array([len(ends), KEPT, len(names), *LOOKED_AT], "<u4").tobytes())
        f.write(np.array([SHIFT, *(level[ends[k] // 160 - 1] for k in LOOKED_AT)], "<f4").tobytes())
        for k in LOOKED_AT:
            f.write(window_mel(before[ends[k] : ends[k] + SAMPLES], level[ends[k] // 160 - 1]).astype("<f4").tobytes())
        f.write(states.astype("<f4").tobytes() + lips.astype("<f4").tobytes() + final.astype("<f4").tobytes())
    card = os.path.splitext(out)[0] + ".json"
    record = dict(
        ABOUT,
        file=os.path.basename(out),
        sha256=hashlib.sha256(open(out, "rb").read()).hexdigest(),
        parameters=sum(p.numel() for h in net.heads for p in h.parameters()),
        hop_ms=80,
        look_ahead_ms=80,
        window=dict(samples=SAMPLES, frames=FRAMES, tokens=TOKENS, blocks_a_run=BLOCKS_A_RUN, first_token=TOKENS - 8, frames_wanted=4),
        shift=SHIFT,
        K=KEPT,
        layers=names,
        training=d["record"],
    )
    if os.path.exists(card) and "attempts" in (old := json.load(open(card))):
        record["attempts"] = old["attempts"]
    json.dump(record, open(card, "w"), indent=1)


if __name__ == "__main__":
    main()
