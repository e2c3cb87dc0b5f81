"""The lips of GRID speaker 1 as eight channels at 25 Hz, in units of the speaker's own span (5th percentile 0, 95th 1).

aperture  inner-lip gap                 upper, lower  how far each lip's inner edge is from the nose's base
width     mouth corner to mouth corner  jaw           chin to nose bridge
protrude  lips in front of the nose     corner        mouth corners over the middle of the gap
                                        thick         visible lip height (small when pressed or rolled in)
"""

import os
import sys

import numpy as np
import soundfile as sf

from common import CHANNELS, SHARED

GRID = os.path.join(SHARED, "data", "grid_s1")
# The development clips of the evaluation: never trained on, whoever speaks them.
HELD_OUT = {"bbaf2n", "brbk7n", "lbax4n", "sbia1a"}
CENTRE = 0.45  # where the channels that drift with pose and mood are laid, per 3 s clip
DRIFTING = [CHANNELS.index(c) for c in ("width", "protrude", "jaw", "corner", "thick")]


def channels(lm, at):
    """lm (..., points, 3), y down -> (..., 8)."""
    p = lambda i: lm[..., at[i], :]
    y, z = (lambda i: p(i)[..., 1]), (lambda i: p(i)[..., 2])
    aperture = np.mean([y(b) - y(a) for a, b in ((82, 87), (13, 14), (312, 317))], 0)
    width = np.linalg.norm(p(61)[..., :2] - p(291)[..., :2], axis=-1)
    lips, base = np.mean([z(i) for i in (0, 17, 13, 14, 11, 16)], 0), np.mean([z(i) for i in (2, 98, 327)], 0)
    corner = (y(13) + y(14)) / 2 - (y(61) + y(291)) / 2
    thick = (y(13) - y(0)) + (y(17) - y(14))
    return np.stack([aperture, width, base - lips, y(2) - y(13), y(14) - y(2), y(152) - y(168), corner, thick], -1)


def clips(log=print):
    """Yields (name, samples at 16 kHz, times, targets (frames, 8))."""
    sys.path.insert(0, GRID)
    from load import load

    g = load(GRID)
    at = {int(p): i for i, p in enumerate(g.index)}
    raw = channels(g.landmarks, at).astype(np.float32)
    low, high = np.percentile(raw[::5, 5:-5].reshape(-1, 8), [5, 95], axis=0)
    log("span of the channels:", dict(zip(CHANNELS, np.round(high - low, 4))))
    t = np.arange(raw.shape[1]) / 25.0
    for k, name in enumerate(g.names):
        if name in HELD_OUT or g.ok[k].mean() < 0.9:
            continue
        x, rate = sf.read(os.path.join(GRID, "audio", name + ".flac"), dtype="float32")
        assert rate == 16000
        y = (raw[k] - low) / (high - low)
        y[:, DRIFTING] += CENTRE - np.median(y[:, DRIFTING], axis=0)
        yield name, x, t, np.clip(y, -0.6, 1.8).astype(np.float32)
