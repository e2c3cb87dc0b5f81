"""whisper.py OUT.onnx: Whisper-base's encoder over a window of 1.2 s, as the program builds it at installation, and what it hears.

The weights come from the same package as the program's own (CTranslate2's file, half precision, widened to single). Input
`mel` (1, 80, 120); outputs `layer1` .. `layer4`, the residual stream after each block, and `states`, after the last block
and its normalisation: (1, 60, 512) each, one token for 20 ms; token k stands for k * 20 ms after the window's start."""

import os
import struct
import sys

import numpy as np
import onnxruntime as ort
import torch
import torch.nn as nn
import torch.nn.functional as F

from common import HOP, LEVEL_START, WORK, _WHISPER, log_mel, running_level

HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)
WIDTH, HEADS, LAYERS = 512, 8, 6
LAST = 4  # layers that are run: the head hears none above the fourth, and half of the cost is above it
SAMPLES, FRAMES, TOKENS = 19200, 120, 60
BLOCKS_A_RUN = 4  # of 20 ms: a window is heard every 80 ms
NEWEST = TOKENS - 5  # the newest token wanted, 100 ms before the end of the window; with the three before it
KEPT = 24  # the last tokens of a window are kept: the four wanted, four after them and sixteen before
SHIFT = 0.35  # log10: where a settled level of 0 nats is laid; speech at RMS 0.1 has about 0.8


def read(path=None):
    """CTranslate2's model.bin -> {name: float32 array}, the encoder's part."""
    out = {}
    with open(path or os.path.join(WORK, "whisper-base", "model.bin"), "rb") as f:
        take = lambda form: struct.unpack(form, f.read(struct.calcsize(form)))
        text = lambda: f.read(take("<H")[0])[:-1].decode()
        version, _, _, count = take("<I")[0], text(), take("<I"), take("<I")[0]
        assert version == 6, version
        for _ in range(count):
            name = text()
            shape = take("<" + "I" * take("<B")[0])
            kind, size = take("<BI")
            data = f.read(size)
            if name.startswith("encoder/") and name != "encoder/num_heads":
                assert kind == 4, (name, kind)
                out[name[8:]] = np.frombuffer(data, np.float16).reshape(shape).astype(np.float32)
    return out


class Block(nn.Module):
    def __init__(self, w, k):
        super().__init__()
        get = lambda n: nn.Parameter(torch.tensor(w[f"layer_{k}/{n}"]), requires_grad=False)
        self.g1, self.b1 = get("self_attention/layer_norm/gamma"), get("self_attention/layer_norm/beta")
        # transposed once, so that the graph holds plain matrix products
        self.qkv, self.qkv_b = nn.Parameter(get("self_attention/linear_0/weight").T.contiguous(), False), get("self_attention/linear_0/bias")
        self.out, self.out_b = nn.Parameter(get("self_attention/linear_1/weight").T.contiguous(), False), get("self_attention/linear_1/bias")
        self.g2, self.b2 = get("ffn/layer_norm/gamma"), get("ffn/layer_norm/beta")
        self.up, self.up_b = nn.Parameter(get("ffn/linear_0/weight").T.contiguous(), False), get("ffn/linear_0/bias")
        self.down, self.down_b = nn.Parameter(get("ffn/linear_1/weight").T.contiguous(), False), get("ffn/linear_1/bias")

    def forward(self, x, kept=TOKENS):
        """kept: the last so many tokens are given; all are listened to."""
        b, n, _ = x.shape
        y = F.layer_norm(x, (WIDTH,), self.g1, self.b1)
        heads = lambda a: a.reshape(b, -1, HEADS, WIDTH // HEADS).transpose(1, 2)
        if kept == n:
            q, k, v = (torch.matmul(y, self.qkv) + self.qkv_b).split(WIDTH, 2)
        else:
            q = torch.matmul(y[:, -kept:], self.qkv[:, :WIDTH]) + self.qkv_b[:WIDTH]
            k, v = (torch.matmul(y, self.qkv[:, WIDTH:]) + self.qkv_b[WIDTH:]).split(WIDTH, 2)
            x = x[:, -kept:]
        a = torch.softmax(torch.matmul(heads(q) * (WIDTH // HEADS) ** -0.5, heads(k).transpose(2, 3)), -1)
        y = torch.matmul(a, heads(v)).transpose(1, 2).reshape(b, -1, WIDTH)
        x = x + torch.matmul(y, self.out) + self.out_b
        y = F.gelu(torch.matmul(F.layer_norm(x, (WIDTH,), self.g2, self.b2), self.up) + self.up_b)
        return x + torch.matmul(y, self.down) + self.down_b


class Encoder(nn.Module):
    """Blocks 1 to `last`; the last one works out its newest `kept` tokens only, a tenth of the cost less and the same numbers."""

    def __init__(self, last=LAYERS, kept=None):
        super().__init__()
        self.kept = kept
        w = read()
        get = lambda n: nn.Parameter(torch.tensor(w[n]), requires_grad=False)
        self.w1, self.b1, self.w2, self.b2 = (get(n) for n in ("conv1/weight", "conv1/bias", "conv2/weight", "conv2/bias"))
        self.place = get("position_encodings/encodings")
        self.g, self.b = get("layer_norm/gamma"), get("layer_norm/beta")
        self.blocks = nn.ModuleList([Block(w, k) for k in range(last)])

    def forward(self, mel):
        x = F.gelu(F.conv1d(mel, self.w1, self.b1, padding=1))
        x = F.gelu(F.conv1d(x, self.w2, self.b2, stride=2, padding=1)).transpose(1, 2)
        x, kept = x + self.place[: x.shape[1]], []
        for k, block in enumerate(self.blocks):
            x = block(x, self.kept if self.kept and k == len(self.blocks) - 1 else x.shape[1])
            kept.append(x)
        if len(self.blocks) == LAYERS:
            kept[-1] = F.layer_norm(x, (WIDTH,), self.g, self.b)
        return tuple(kept)


def window_mel(x, level, frames=FRAMES):
    """frames * 160 samples and the running loud level (nats) at their end -> (1, 80, frames): what the encoder hears."""
    x = np.pad(np.asarray(x, np.float32), 200)
    f = np.lib.stride_tricks.as_strided(x, (frames, 400), (x.strides[0] * HOP, x.strides[0])) * HANN
    m = np.log10(np.maximum(_WHISPER @ (np.abs(np.fft.rfft(f, 400)).astype(np.float32).T ** 2), 1e-10)) + (SHIFT - level / np.log(10))
    m = np.maximum(m, m.max() - 8.0)
    return np.ascontiguousarray((m + 4.0) / 4.0, dtype=np.float32)[None]


def levels(x):
    """Samples -> the running loud level after each hop of 10 ms."""
    return running_level(np.log(np.exp(log_mel(x)).mean(-1) + 1e-9).astype(np.float32), LEVEL_START)


class Ear:
    """The encoder as the program runs it."""

    def __init__(self, path, frames=FRAMES):
        o = ort.SessionOptions()
        o.intra_op_num_threads = o.inter_op_num_threads = 1
        self.session, self.frames = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"]), frames
        self.names = [o.name for o in self.session.get_outputs()]

    def __call__(self, x, level_after, ends, names, kept=KEPT):
        """x samples; ends, of the windows, in samples -> {name: (windows, kept, 512)}."""
        long, out = self.frames * HOP, {n: [] for n in names}
        before = np.concatenate([np.zeros(long, np.float32), x])
        for e in ends:
            mel = window_mel(before[e : e + long], level_after[max(0, min(e // HOP, len(level_after)) - 1)], self.frames)
            for n, s in zip(names, self.session.run(list(names), {"mel": mel})):
                out[n].append(s[0, -kept:])
        return {n: np.stack(s) for n, s in out.items()}


NAMES = [f"layer{k}" for k in range(1, LAYERS)] + ["states"]


def export(path, last=LAST, kept=None):
    net = Encoder(last, kept).eval()
    torch.onnx.export(net, torch.zeros(1, 80, FRAMES), path, input_names=["mel"], output_names=NAMES[:last], opset_version=14, dynamic_axes={n: {0: "batch"} for n in ["mel", *NAMES[:last]]})


def encoder():
    """The path of the encoder, built once."""
    path = os.environ.get("ENCODER", os.path.join(WORK, f"encoder-{LAST}-{FRAMES}.onnx"))
    if not os.path.exists(path):
        export(path)
    return path


if __name__ == "__main__":
    export(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else LAST)
