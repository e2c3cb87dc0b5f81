"""evaluate.py NET.pt|teacher [--channels] [--card FILE.json]: scores a network on the twelve development clips, as the product would hear them.

Writes WORK/curves/*.csv and calls the evaluation's own score.py. --channels scores aperture and width as the network gives
them, before they become ARKit weights. --card writes the scores into the network's record. GAIN scales the sound."""

import json
import os
import subprocess
import sys

import numpy as np
import soundfile as sf
import torch

from common import BACK, SHARED, WORK, log_mel, normalise, whisper_mel
from weights import weights


def channels_of(name, x):
    """samples -> times, (n, 8)"""
    if name == "teacher":
        import ctranslate2

        from teacher import Teacher

        model = ctranslate2.models.Whisper(os.path.join(WORK, "whisper-base"), device="cpu", compute_type="int8", intra_threads=1)
        x = x * (0.1 / np.sqrt((x[np.abs(x) > 0.02 * np.abs(x).max()] ** 2).mean()))
        n = len(x) // 320
        c = Teacher()(np.array(model.encode(ctranslate2.StorageView.from_array(whisper_mel(x)), to_cpu=True))[0][:n])
        return np.arange(n) * 0.02, c
    from student import load

    net = load(name)
    # two seconds of the live network's waking up, and the look-ahead after the end
    m = normalise(log_mel(np.concatenate([np.zeros(32000, np.float32), x, np.zeros(3200, np.float32)])))
    m = m[: len(m) // 2 * 2]
    with torch.no_grad():
        c = net(torch.tensor(m.T)[None])[0][0].T.numpy()
    t = (np.arange(len(c)) - BACK) * 0.02 - 2.0
    return t[t >= 0], c[t >= 0]


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
        record["scores"]["command"] = "make -C models/train export, or: [GAIN=.1] evaluate.py NET.pt --card lips-small.json"
        json.dump(record, open(card, "w"), indent=1)


if __name__ == "__main__":
    main()
