"""cost.py [FOLDER]: CPU milliseconds for a second of sound of both networks in FOLDER (the committed ones), by ONNX Runtime on one thread.

The small one in steps of 20 ms, as the program runs it; the large one as encoder and head every 80 ms. The encoder is cut after the
last layer that the head asks for, and that layer works out
the K newest tokens only (the same numbers). Features are not counted; they are the same program code for both."""

import json
import os
import sys
import time

import numpy as np
import onnxruntime as ort

from common import HERE, WORK
from whisper import FRAMES, KEPT, NAMES, export

MOTION = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "motion")


def session(path):
    o = ort.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    return ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])


def milliseconds(run, count):
    """The CPU time of one run: the smallest mean of five rounds, so that a busy machine tells little."""
    run()
    rounds = []
    for _ in range(5):
        t = time.process_time()
        for _ in range(count):
            run()
        rounds.append((time.process_time() - t) * 1000 / count)
    return min(rounds)


def main():
    s = session(os.path.join(MOTION, "lips-small.onnx"))
    feed = {"mel": np.zeros((1, 64, 2), np.float32), "state": np.zeros([1, s.get_inputs()[1].shape[1]], np.float32)}
    small = milliseconds(lambda: s.run(None, feed), 200) * 50
    print(f"small: {small:.1f} ms of CPU for a second of sound")
    h = session(os.path.join(MOTION, "lips-large.onnx"))
    names = [i.name for i in h.get_inputs()]
    last = 1 + max(NAMES.index(n) for n in names)
    path = os.path.join(WORK, f"encoder-{last}-newest.onnx")
    if not os.path.exists(path):
        export(path, last, KEPT)
    e = session(path)
    mel = {"mel": np.random.default_rng(0).normal(0, 0.3, (1, 80, FRAMES)).astype(np.float32)}
    states = {i.name: np.zeros(i.shape, np.float32) for i in h.get_inputs()}
    encoder, head = milliseconds(lambda: e.run(None, mel), 10) * 12.5, milliseconds(lambda: h.run(None, states), 50) * 12.5
    print(f"large: encoder, {last} of 6 layers, {encoder:.0f} ms + head {head:.1f} ms = {encoder + head:.0f} ms of CPU for a second of sound")
    for name, figure in (("lips-small", dict(ms_per_second=round(small, 1))), ("lips-large", dict(ms_per_second=round(encoder + head), encoder=round(encoder), head=round(head, 1), encoder_layers=last))):
        card = os.path.join(MOTION, name + ".json")
        record = json.load(open(card))
        record["cost"] = dict(figure, how="cost.py: ONNX Runtime, one thread, least of five rounds", processor=processor())
        json.dump(record, open(card, "w"), indent=1)


def processor():
    words = open("/proc/cpuinfo").read()
    name = next(l.split(":")[1].strip() for l in words.splitlines() if l.startswith("model name"))
    return name + ", " + ", ".join(k for k in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if k in words)


if __name__ == "__main__":
    main()
