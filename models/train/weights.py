"""The eight lip channels -> ARKit weights. `src/motion/shapes.rs` is the same in Rust; change both (the fixture tests tell).

The gap between the lips is what a viewer reads first, so it is laid down first: gap = jawOpen - mouthClose + .3 mouthLowerDown
+ .2 mouthUpperUp. The jaw follows the chin, the lips their own channels, and mouthClose takes back whatever they open too much:
a p with a lowered jaw is jawOpen .1 under mouthClose .1. Width beyond rest stretches and smiles; below rest it rounds, as a
funnel where the mouth is open, as a pucker where it is nearly shut."""

import numpy as np

NAMES = [
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft",
    "mouthUpperUpRight", "mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthSmileRight", "mouthPressLeft",
    "mouthPressRight", "mouthRollLower", "mouthRollUpper",
]
REST_APERTURE, REST = 0.10, 0.45  # channels of a mouth at rest


def knee(x, soft):
    """max(0, x) with a soft corner `soft` wide."""
    return 0.5 * (x + np.sqrt(x * x + soft * soft))


def weights(c, voice=1.0):
    """c (n, 8) channels, voice (n,) 0 silent .. 1 speaking -> {name: (n,)}."""
    aperture, width, protrude, upper, lower, jaw, _, thick = np.moveaxis(np.asarray(c, np.float32), -1, 0)
    gap = 0.52 * knee(aperture - REST_APERTURE, 0.08) * voice
    wide = (width - REST) * voice
    spread, round_ = knee(wide, 0.05) - 0.025, knee(-wide, 0.05) - 0.025
    round_ = round_ + 0.35 * np.maximum(0, protrude - 0.6) * voice
    open_ = np.clip(gap / 0.30, 0, 1)
    up = np.clip(0.30 * (upper - 0.35) * voice, 0, 0.5) * open_
    down = np.clip(0.35 * (lower - 0.15) * voice, 0, 0.6) * open_
    chin = np.clip(0.22 * jaw * voice, 0, 1)
    jaw_open = np.clip(np.maximum(0.55 * chin + 0.6 * gap, gap - 0.3 * down - 0.2 * up), 0, 1)
    close = np.clip(jaw_open + 0.3 * down + 0.2 * up - gap, 0, 1)
    shut = np.clip(1 - gap / 0.10, 0, 1) * voice
    press = shut * np.clip(0.3 + 0.7 * (REST - thick), 0, 0.6)
    funnel, pucker = np.clip(1.5 * round_ * open_, 0, 1), np.clip(1.5 * round_ * (1 - 0.5 * open_), 0, 1)
    stretch, smile = np.clip(0.7 * spread, 0, 1), np.clip(0.4 * spread, 0, 1)
    roll = 0.5 * press
    return dict(zip(NAMES, [jaw_open, close, funnel, pucker, down, down, up, up, stretch, stretch, smile, smile, press, press, roll, roll]))
