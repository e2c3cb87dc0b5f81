"""evaluate.py NET.onnx|NET.pt|teacher [--channels] [--card FILE.json]: scores a network on the twelve development clips, as the product would hear them.

Writes WORK/curves/*.csv and calls the evaluation's own score.py. --channels scores aperture and width as the network gives
them, before they become ARKit weights. --card writes the scores into the network's record. GAIN scales the sound."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime as ort
import soundfile as sf
import torch

from common import BACK, RATE, SHARED, STEP, WORK, log_mel, normalise, whisper_mel
from weights import weights
from whisper import KEPT


def run_small(path, x):
    """The committed streaming network, step by step: (steps, 8) and the instant of the first."""
    o = ort.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    # two seconds of the live network's waking up, and the look-ahead after the end
    m = normalise(log_mel(np.concatenate([np.zeros(32000, np.float32), x, np.zeros(3200, np.float32)])))
    state, out = np.zeros([1, s.get_inputs()[1].shape[1]], np.float32), []
    for k in range(0, len(m) // 2 * 2, 2):
        c, state = s.run(None, {"mel": np.ascontiguousarray(m[k : k + 2].T[None]), "state": state})
        out.append(c[0])
    return np.concatenate(out), -BACK * 0.02 - 2.0


def heard(x, names, kept):
    """The encoder's states of every window that the program hears of x, remembered on disk: the encoder takes half a second a second."""
    from whisper import BLOCKS_A_RUN, TOKENS, Ear, encoder, levels

    key = hashlib.sha256(x.tobytes() + open(encoder(), "rb").read()).hexdigest()[:16]
    file = os.path.join(WORK, "cache", key + ".npz")
    if not os.path.exists(file):
        os.makedirs(os.path.dirname(file), exist_ok=True)
        ear, run = Ear(encoder()), STEP * BLOCKS_A_RUN
        long = np.concatenate([x, np.zeros(RATE // 2, np.float32)])
        np.savez(file, **ear(long, levels(long), np.arange(run, len(long) + 1, run), ear.names, TOKENS))
    z = np.load(file)
    return {n: z[n][:, -kept:] for n in names}


def run_large(path, x):
    """The committed head behind the encoder, window by window."""
    o = ort.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    names, kept = [i.name for i in s.get_inputs()], s.get_inputs()[0].shape[1]
    states = heard(x, names, kept)
    out = [s.run(None, {n: states[n][k : k + 1] for n in names})[0][0] for k in range(len(states[names[0]]))]
    return np.concatenate(out), -0.08


def channels_of(name, x):
    """samples -> times, (n, 8)"""
    if name == "teacher":
        import ctranslate2

        from teacher import Teacher

        model = ctranslate2.models.Whisper(os.path.join(WORK, "whisper-base"), device="cpu", compute_type="int8", intra_threads=1)
        x = x * (0.1 / np.sqrt((x[np.abs(x) > 0.02 * np.abs(x).max()] ** 2).mean()))
        n = len(x) // 320
        c, first = Teacher()(np.array(model.encode(ctranslate2.StorageView.from_array(whisper_mel(x)), to_cpu=True))[0][:n]), 0.0
    elif name.endswith(".onnx"):
        large = "mel" not in [i.name for i in onnx_inputs(name)]
        c, first = (run_large if large else run_small)(name, x)
    else:
        c, first = from_checkpoint(name, x)
    t = np.arange(len(c)) * 0.02 + first
    return t[t >= -1e-9], c[t >= -1e-9]


def onnx_inputs(name):
    return ort.InferenceSession(name, providers=["CPUExecutionProvider"]).get_inputs()


def from_checkpoint(name, x):
    """A network that has not been exported yet."""
    if "heads" in torch.load(name.split(",")[0]):
        from head import load

        net, d = load(name)
        states = heard(x, d["inputs"], KEPT)
        with torch.no_grad():
            return net(*[torch.tensor(states[n].astype(np.float32)) for n in d["inputs"]]).numpy().reshape(-1, 8), -0.08
    from student import load

    m = normalise(log_mel(np.concatenate([np.zeros(32000, np.float32), x, np.zeros(3200, np.float32)])))
    with torch.no_grad():
        return load(name)(torch.tensor(m[: len(m) // 2 * 2].T)[None])[0][0].T.numpy(), -BACK * 0.02 - 2.0


def main():
    torch.set_num_threads(1)
    name, raw, gain = sys.argv[1], "--channels" in sys.argv, float(os.environ.get("GAIN", "1"))
    ev, out = os.path.join(SHARED, "eval"), os.path.join(WORK, "curves")
    os.makedirs(out, exist_ok=True)
    for i in open(os.path.join(ev, "dev.txt")).read().split():
        x, rate = sf.read(os.path.join(ev, "tracks", i + ".wav"), dtype="float32")
        assert rate == 16000
        t, c = channels_of(name, x * gain)
        d = dict(aperture=c[:, 0], width=c[:, 1]) if raw else weights(c)
        np.savetxt(os.path.join(out, i + ".csv"), np.c_[t, np.stack(list(d.values()), 1)], fmt="%.4f", delimiter=",", header="time," + ",".join(d), comments="")
    result = os.path.join(WORK, "scores.json")
    command = [sys.executable, os.path.join(ev, "score.py"), os.path.join(ev, "tracks"), out, "--list", os.path.join(ev, "dev.txt"), "--offsets", os.path.join(ev, "offsets.json"), "--json", result]
    subprocess.run(command, check=True)
    if "--card" in sys.argv:
        card = sys.argv[sys.argv.index("--card") + 1]
        record, summary = json.load(open(card)), json.load(open(result))["summary"]
        kept = {k: round(summary[k], 3) for k in ("r_lag", "clo_auc", "r_det", "r_w", "r0", "clo_F1", "clo_x", "contr", "lag_ms", "clips", "events")}
        record.setdefault("scores", {})["20 dB quieter" if gain < 0.5 else "as recorded"] = kept
        record["scores"]["command"] = f"[GAIN=.1] evaluate.py ../motion/{os.path.basename(name)} --card {os.path.basename(card)}"
        json.dump(record, open(card, "w"), indent=1)


if __name__ == "__main__":
    main()
