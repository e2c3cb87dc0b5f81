"""table.py: how far each ARKit weight moves the eight lip channels, measured on the mesh of a built-in person.

Writes ../motion/mouth.json: for the weights of the mouth (left and right together) the way of each channel at weight 1, in head
units (1 is the distance between the centres of the eyes); what a channel's unit is in them; and the channels of lips at rest.
The first are measured on Anna's mesh (CC0 head, see ../avatars/README.md), the others on GRID's film (targets.py), whose unit is
the distance between the outer eye corners: 1.466 head units on that mesh. `src/motion/solve.rs` holds the same numbers."""

import json
import os

import numpy as np

from common import CHANNELS

HERE = os.path.dirname(os.path.abspath(__file__))
MESH = os.path.join(HERE, "..", "avatars", "anna", "mesh.safetensors")
EYE_CORNERS = 1.466
# 5th to 95th percentile of each channel in GRID's film, outer eye corners apart (targets.clips prints them).
SPAN = [0.1183, 0.0591, 0.0424, 0.0540, 0.1047, 0.0570, 0.0397, 0.0588]
# Medians of the film where the lips are shut (aperture under .05), rounded.
REST = [0.05, 0.45, 0.63, 0.37, 0.09, 0.25, 0.40, 0.47]
BOTH = ["LowerDown", "UpperUp", "Stretch", "Smile"]
SHAPES = {n: [n] for n in ["jawOpen", "mouthClose", "mouthFunnel", "mouthPucker"]}
SHAPES |= {"mouth" + n: [f"mouth{n}Left", f"mouth{n}Right"] for n in BOTH}
SHAPES |= {n: [n] for n in ["mouthRollLower", "mouthRollUpper"]}


def arkit():
    """The 52 names in their order."""
    text = open(os.path.join(HERE, "..", "..", "src", "face.rs")).read().split("NAMES", 1)[1]
    return text.split('"')[1:104:2]


def mesh():
    """Places (n, 3) and the way of each vertex at each weight (52, n, 3)."""
    from safetensors.numpy import load_file

    d = load_file(MESH)
    ways = np.zeros((52, *d["body.position"].shape))
    np.add.at(ways, (d["body.morph.target"].astype(int), d["body.morph.vertex"].astype(int)), d["body.morph.delta"].astype(float))
    return d["body.position"], ways


def table():
    place, ways = mesh()
    jaw = -ways[arkit().index("jawOpen")][:, 1]

    def lips_at(x):
        """The vertices of upper and lower lip that touch at x, as far forward as any."""
        here = (np.abs(place[:, 0] - x) < 0.05) & (place[:, 1] < -0.9) & (place[:, 1] > -1.2) & (place[:, 2] > 0.2)
        upper, lower = np.where(here & (jaw < 0.15))[0], np.where(here & (jaw > 0.35))[0]
        u, l = place[upper][:, None], place[lower][None]
        cost = np.linalg.norm((u - l)[..., 1:], axis=-1) - 0.5 * (u[..., 2] + l[..., 2])
        i, k = np.unravel_index(cost.argmin(), cost.shape)
        return upper[i], lower[k]

    at = lambda *p: ((place - np.array(p)) ** 2).sum(1).argmin()
    pairs = [lips_at(x) for x in (-0.15, 0, 0.15)]
    inner, under = pairs[1]
    nose, wings = at(0, -0.80, 0.60), [at(-0.2, -0.74, 0.45), at(0.2, -0.74, 0.45)]
    top, bottom, rims = at(0, -0.886, 0.63), at(0, -1.26, 0.43), [at(0, -0.943, 0.64), at(0, -1.184, 0.52)]
    chin, bridge, left, right = at(0, -1.741, 0.313), at(0, 0.05, 0.45), at(-0.5, -1.02, 0.28), at(0.5, -1.02, 0.28)
    x, y, z = ways[..., 0], -ways[..., 1], ways[..., 2]  # y down, as in targets.py
    mean = lambda axis, vertices: np.mean([axis[:, v] for v in vertices], 0)
    rows = [
        np.mean([y[:, l] - y[:, u] for u, l in pairs], 0),
        x[:, right] - x[:, left],
        mean(z, [top, bottom, inner, under, *rims]) - mean(z, [nose, *wings]),
        y[:, nose] - y[:, inner],
        y[:, under] - y[:, nose],
        y[:, chin] - y[:, bridge],
        (y[:, inner] + y[:, under] - y[:, left] - y[:, right]) / 2,
        (y[:, inner] - y[:, top]) + (y[:, bottom] - y[:, under]),
    ]
    names, all_ways = arkit(), np.array(rows)
    return {n: all_ways[:, [names.index(s) for s in sides]].sum(1).round(3).tolist() for n, sides in SHAPES.items()}


if __name__ == "__main__":
    unit = [round(s * EYE_CORNERS, 4) for s in SPAN]
    out = dict(channels=CHANNELS, unit=unit, rest=REST, ways=table())
    with open(os.path.join(HERE, "..", "motion", "mouth.json"), "w") as f:
        json.dump(out, f, indent=1)
    for n, w in out["ways"].items():
        print(f"{n:16}", *(f"{v:7.3f}" for v in w))
