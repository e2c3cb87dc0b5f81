"""Writes ../template: the head that `vasa avatar create` fits to a photograph. Nobody in particular: the mean of the base mesh's
people, with all 52 units, teeth, tongue and eyes, and where the 468 landmarks of MediaPipe's face mesh lie on it.

    python landmarks.py > landmarks.json      # with mediapipe
    python template.py landmarks.json         # with the recipe's own requirements
"""
import json
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file
from scipy.spatial import cKDTree

import data
import layers
import mouth
import package
import shape as shapes
from framing import Framing

HERE = Path(__file__).parent
OUT = HERE.parent / "template"
PEOPLE = {"caucasian": 1 / 3, "asian": 1 / 3, "african": 1 / 3}

# Landmarks of the lips and of the lids by what they move with: on a closed mouth or a narrow eye the nearest surface may be the wrong one.
UPPER_LIP = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 62, 76, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408]
LOWER_LIP = [95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375, 96, 89, 179, 86, 15, 316, 403, 319, 325, 77, 90, 180, 85, 16, 315, 404, 320, 307]
UPPER_LID = [246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398]
LOWER_LID = [7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382]


class Bald:
    """Stands in for the depth of a render: there is no hair to hide the face."""

    by_kind = {"hair": None}

    def sample(self, field, uv):
        return np.full(len(uv), -99.0)


def mean_person():
    """The mean of woman and man, neither young nor old."""
    who = {"shape": {"sex": "female", "old": 0.3, "ethnicity": PEOPLE, "weight": "averageweight", "ideal_proportions": 0.3, "targets": {}}, "expression": {"eyeWideLeft": 0.2, "eyeWideRight": 0.2}}
    base = data.base()
    both = [shapes.identity({"shape": who["shape"] | {"sex": sex}}, base) for sex in ("female", "male")]
    mean = (both[0] + both[1]) / 2
    own = shapes.identity
    shapes.identity = lambda *_: mean.copy()
    try:
        return shapes.build(who)
    finally:
        shapes.identity = own


def landmark_places(template, seen):
    """Corners (vertices of the base mesh) and their shares for the 468 landmarks: each the mean, on the template's surface, of where
    the people's portraits have it."""
    quads = template.base.of("body")
    tri = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    frame = Framing.of(template)
    at = frame.head(template.limit(template.neutral))
    total = np.zeros((468, 3))
    for name, marks in seen.items():
        person = shapes.build(tomllib.loads((HERE.parent / f"{name}.toml").read_text()))
        framing = Framing.of(person)
        p = framing.head(person.limit(person.neutral))
        corners, share = on_surface(person, framing, p, tri, np.array(marks))
        total += (at[corners] * share[..., None]).sum(1)
    mean = total / len(seen)
    mean = (mean + mean[mirrored(at, mean)] * [-1, 1, 1]) / 2
    return nearest(template, at, tri, mean)


def mirrored(at, p):
    """The landmark on the other side of each, by its place."""
    return cKDTree(p).query(p * [-1, 1, 1])[1]


def penalties(person, tri):
    """How much farther than it is each triangle seems, by the landmark's kind (head units)."""
    jaw = np.abs(person.units["jawOpen"][tri]).sum(2).mean(1)
    blink = (np.abs(person.units["eyeBlinkLeft"]) + np.abs(person.units["eyeBlinkRight"]))[tri].sum(2).mean(1)
    bag = (person.mouth_ring[tri] < layers.LIP_INNER_RING).any(1)
    for rings in person.eye_rings.values():
        bag |= (rings[tri] < layers.LID_INNER_RING).any(1)
    out = np.zeros((468, len(tri)), np.float32)
    out[UPPER_LIP] += 0.3 * (jaw > 0.25)
    out[LOWER_LIP] += 0.3 * (jaw < 0.12)
    out[UPPER_LID] += 0.3 * (blink < 0.10)
    out[LOWER_LID] += 0.3 * (blink > 0.12)
    return out + 9.0 * bag


def on_surface(person, framing, p, tri, uv):
    """The nearest place of the visible surface to each landmark in the picture."""
    flat = (framing.uv(p) - 0.5) * [framing.aspect, -1] * 2 * framing.tan_half_height * framing.distance
    goal = (uv - 0.5) * [framing.aspect, -1] * 2 * framing.tan_half_height * framing.distance
    a, b, c = (flat[tri[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    z = p[tri, 2].mean(1)
    visible = (area > 1e-9) & (z > -1.2) & (p[tri, 1].mean(1) > -2.6)
    more = penalties(person, tri)[:, visible] + 0.05 * (z.max() - z[visible])
    return project(tri[visible], flat, goal, more)


def nearest(template, at, tri, goal):
    keep = (at[tri, 2].mean(1) > -1.2) & (np.abs(at[tri, 0]).max(1) < 2)
    return project(tri[keep], at, goal, penalties(template, tri)[:, keep])


def project(tri, p, goal, more):
    """For each goal (2-D or 3-D) the triangle whose nearest point, `more` added, is nearest; corners and shares."""
    a, b, c = (p[tri[:, k]] for k in range(3))
    u, v = b - a, c - a
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    det = uu * vv - uv * uv + 1e-15
    corners, shares = [], []
    for g, extra in zip(goal, more):
        w = g - a
        wu, wv = (w * u).sum(1), (w * v).sum(1)
        s, t = (vv * wu - uv * wv) / det, (uu * wv - uv * wu) / det
        share = np.clip(np.stack([1 - s - t, s, t], 1), 0, None)
        share /= share.sum(1, keepdims=True)
        at = share[:, :1] * a + share[:, 1:2] * b + share[:, 2:] * c
        k = np.argmin(np.linalg.norm(at - g, axis=1) + extra)
        corners.append(tri[k])
        shares.append(share[k])
    return np.array(corners), np.array(shares)


def face(shape, framing, p):
    """The face's vertices (of the base mesh), its triangles by them, and its rim in order."""
    quads = shape.base.of("body")
    region, rim, _ = layers.face_region(shape, framing, p, quads, Bald())
    loop = layers._loop(rim)
    kept = quads[region]
    bag = shape.mouth_ring < layers.LIP_INNER_RING
    for side in shape.eye_rings:
        bag |= layers._inside_lids(shape, side)
    kept = kept[~bag[kept].any(1)]
    return np.unique(kept), np.concatenate([kept[:, [0, 1, 2]], kept[:, [0, 2, 3]]]), loop


def lids(shape, side, used, index):
    """Edges of the lids from -x to +x, and how far each vertex of the face goes with the upper one's edge when it closes."""
    upper, lower = (m[np.isin(m, used)] for m in shapes.lid_margins(shape, side))
    rings, rest = shape.eye_rings[side][used], shape.neutral[used]
    line, _ = shapes._profile(shape.neutral[upper], rest[:, 0])
    low, _ = shapes._profile(shape.neutral[lower], rest[:, 0])
    above = rest[:, 1] > (line + low) / 2
    far = np.where(rings <= shapes.LID_MARGIN, 0, np.clip(rest[:, 1] - line, 0, None))
    near = (rings >= 13) & (rings <= 26) & above
    x0, x1 = shape.neutral[upper, 0].min(), shape.neutral[upper, 0].max()
    inside = shapes.smoothstep(x0 - 0.03, x0 + 0.01, rest[:, 0]) * shapes.smoothstep(x1 + 0.03, x1 - 0.01, rest[:, 0])
    return index[upper], index[lower], np.where(near, np.exp(-((far / 0.06) ** 2)), 0) * inside


def lip_edges(shape, used, index, p):
    """The line where the lips touch, by the upper and by the lower one's vertices, from -x to +x, and how far each vertex goes with
    its line."""
    out = []
    for part, pick in zip(shapes.lips(shape), (np.argmin, np.argmax)):
        part = part[np.isin(part, used)]
        q = p[part]
        edge = []
        for x in np.linspace(-0.29, 0.29, 30):
            near = np.where((np.abs(q[:, 0] - x) < 0.025) & (np.abs(q[:, 1] - q[np.argmin(np.abs(q[:, 0])), 1]) < 0.4))[0]
            if len(near):
                edge.append(int(part[near[pick(q[near, 1])]]))
        edge = np.array(list(dict.fromkeys(edge)))
        edge = edge[np.argsort(p[edge, 0])]
        along = np.interp(q[:, 0], p[edge, 0], p[edge, 1])
        reach = np.zeros(len(used))
        reach[index[part]] = np.exp(-((np.abs(q[:, 1] - along) / 0.13) ** 2)) * shapes.smoothstep(0.62, 0.42, np.abs(q[:, 0]))
        out += [index[edge], reach]
    return out


def main():
    shape = mean_person()
    framing = Framing.of(shape)
    p = framing.head(shape.limit(shape.neutral))
    corners, share = landmark_places(shape, json.loads(Path(sys.argv[1]).read_text()))
    used, tri, loop = face(shape, framing, p)
    used = np.unique(np.concatenate([used, loop]))
    index = np.full(len(p), -1)
    index[used] = np.arange(len(used))
    lost = index[corners] < 0
    print(f"{len(used)} vertices, {len(tri)} triangles, rim {len(loop)}, landmarks beside it: {lost.any(1).sum()}")
    body = layers.Part(p[used], np.zeros((len(used), 2)), np.ones(len(used)), index[tri])
    for name, unit in shape.units.items():
        body.morphs[name] = shape.limit(unit)[used] / framing.unit
    names = list(data.face_units())
    mesh = package.tensors("face", body, names)
    for name in ("face.uv", "face.head"):
        mesh.pop(name)
    mesh["face.rim"] = index[loop].astype(np.uint16)
    mesh["landmark.corner"] = np.where(lost, 0, index[corners]).astype(np.uint16)
    share[lost.any(1)] = 0  # those have no place on the face
    mesh["landmark.share"] = share.astype(np.float32)
    for side in ("left", "right"):
        upper, lower, reach = lids(shape, side, used, index)
        mesh[f"lid.{side}.upper"], mesh[f"lid.{side}.lower"] = upper.astype(np.uint16), lower.astype(np.uint16)
        mesh[f"lid.{side}.reach"] = reach.astype(np.float32)
    up, up_reach, low, low_reach = lip_edges(shape, used, index, p)
    mesh["lip.upper"], mesh["lip.lower"] = up.astype(np.uint16), low.astype(np.uint16)
    mesh["lip.upper.reach"], mesh["lip.lower.reach"] = up_reach.astype(np.float32), low_reach.astype(np.float32)
    skin = np.unique(shape.base.of("body"))
    head = p[skin]
    head = head[(head[:, 1] > -4.5) & (np.abs(head[:, 0]) < 3.6)]
    mesh["head.position"] = head.astype(np.float32)
    centres = {}
    for side in ("left", "right"):
        part, centre = layers.eye(shape, framing, side)
        mesh |= package.tensors(f"eye_{side}", part, names)
        centres[side] = centre
        mesh[f"eye_{side}.centre"] = centre.astype(np.float32)
    for name, part in (("mouth_cavity", mouth.cavity(shape, framing)), ("tongue", mouth.tongue(shape, framing)), ("teeth_lower", mouth.teeth(shape, framing, "lower")), ("teeth_upper", mouth.teeth(shape, framing, "upper"))):
        mesh |= package.tensors(name, part, names)
    OUT.mkdir(exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in mesh.items()}, str(OUT / "head.safetensors"))
    cv2.imwrite(str(OUT / "mouth.jpg"), (np.clip(mouth.picture(), 0, 1) * 255 + 0.5).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(f"{OUT}: {sum(f.stat().st_size for f in OUT.iterdir()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
