"""rehearsed.py FOLDER: what `make rehearse` ends with. Both networks of FOLDER must load, have the committed ones' interface (names,
shapes, types), give finite numbers, and have scores and costs in their records. Says so in one line, or what is wrong."""

import json
import os
import sys

import numpy as np
import onnxruntime as ort

from common import HERE

COMMITTED = os.path.join(HERE, "..", "motion")
FREE = 8  # frames where the interface leaves the number open


def session(folder, name):
    return ort.InferenceSession(os.path.join(folder, name + ".onnx"), providers=["CPUExecutionProvider"])


def interface(s):
    return [[(v.name, v.type, v.shape) for v in side] for side in (s.get_inputs(), s.get_outputs())]


def finite(s):
    rng = np.random.default_rng(5)
    feed = {v.name: rng.normal(0, 1, [n if isinstance(n, int) else FREE for n in v.shape]).astype(np.float32) for v in s.get_inputs()}
    return all(np.isfinite(o).all() for o in s.run(None, feed))


def main():
    folder, wrong = sys.argv[1], []
    for name in ("lips-small", "lips-large"):
        new, old = session(folder, name), session(COMMITTED, name)
        if interface(new) != interface(old):
            wrong.append(f"{name}: the interface is {interface(new)}, the committed one's is {interface(old)}")
        if not finite(new):
            wrong.append(f"{name}: it gives numbers that are not finite")
        record = json.load(open(os.path.join(folder, name + ".json")))
        wrong += [f"{name}.json: no {k} in the record" for k in ("scores", "cost") if not record.get(k)]
    if wrong:
        sys.exit("rehearsal failed: " + "; ".join(wrong))
    print("rehearsal passed: lips-small.onnx and lips-large.onnx load, have the interface of the committed ones and give finite numbers")


if __name__ == "__main__":
    main()
