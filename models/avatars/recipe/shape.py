"""The person's geometry: identity, resting expression and the 52 face units, with closed lips and lids that meet."""
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

import data

EYE_SEED = 11915  # deepest vertex of the left eye's socket; the right one is found by mirroring
MOUTH_SEED = 710  # deepest vertex of the mouth
LID_MARGIN = 18  # rings of quads from the socket's deepest vertex to the edge of the lids
LASH_RING = 19  # and to where the lashes stand
EYE_HEIGHT, EYE_DEPTH = 6.795, 1.115  # dm: every person's eyes are brought here, so that the groom's heights hold
UPPER_TEETH_MOVE = np.array([0.0, -0.05, 0.03])


def smoothstep(a, b, x):
    t = np.clip((x - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass
class Shape:
    base: data.Base
    neutral: np.ndarray  # [19158, 3] dm: identity and resting expression
    units: dict[str, np.ndarray]  # ARKit name -> deltas [19158, 3] on top of neutral
    limit: "Limit"
    eyes: dict = field(default_factory=dict)  # side -> (centre, radius)
    eye_rings: dict = field(default_factory=dict)  # side -> ring number of every vertex (large where far)
    mouth_ring: np.ndarray = None

    def posed(self, weights: dict[str, float]) -> np.ndarray:
        v = self.neutral.copy()
        for name, w in weights.items():
            v += w * self.units[name]
        return v


class Limit:
    """Catmull-Clark limit positions of the body's cage: what the subdivided render shows at each cage vertex."""

    def __init__(self, quads, count):
        import scipy.sparse as sp

        edges, faces = {}, {}
        for q in quads:
            for i in range(4):
                edges.setdefault(q[i], set()).update((q[(i + 1) % 4], q[i - 1]))
                faces.setdefault(q[i], []).append(q[(i + 2) % 4])
        row, col, val = [], [], []
        for i in range(count):
            n = len(faces.get(i, ()))
            if n < 3 or len(edges[i]) != n:  # not on a closed surface: leave it
                row.append(i), col.append(i), val.append(1.0)
                continue
            total = n * (n + 5)
            row.append(i), col.append(i), val.append(n * n / total)
            for e in edges[i]:
                row.append(i), col.append(e), val.append(4 / total)
            for f in faces[i]:
                row.append(i), col.append(f), val.append(1 / total)
        self.matrix = sp.csr_matrix((val, (row, col)), shape=(count, count))

    def __call__(self, v):
        return self.matrix @ v


def neighbours(quads):
    adj = {}
    for q in quads:
        for i in range(4):
            a, b = int(q[i]), int(q[(i + 1) % 4])
            adj.setdefault(a, set()).add(b)
            adj.setdefault(b, set()).add(a)
    return adj


def ring_numbers(adj, seed, depth):
    """How many edges each vertex is from `seed`; 999 beyond `depth`."""
    out = np.full(data.VERTICES, 999)
    out[seed] = 0
    current = [seed]
    for k in range(1, depth + 1):
        current = sorted({b for a in current for b in adj[a] if out[b] == 999})
        out[current] = k
    return out


def identity(person, base):
    s = person["shape"]
    v = base.vertices.copy()
    for age, wa in (("young", 1 - s["old"]), ("old", s["old"])):
        for people, we in s["ethnicity"].items():
            v += wa * we * data.target(f"macrodetails/{people}-{s['sex']}-{age}")
        v += wa * data.target(f"macrodetails/universal-{s['sex']}-{age}-averagemuscle-{s['weight']}")
    v += s["ideal_proportions"] * data.target(
        f"macrodetails/proportions/{s['sex']}-young-averagemuscle-averageweight-idealproportions"
    )
    for name, w in s["targets"].items():
        v += w * data.target(name)
    eye = v[slice(*data.EYES["left"])]
    v[:, 1] += EYE_HEIGHT - (eye[:, 1].min() + eye[:, 1].max()) / 2
    v[:, 2] += EYE_DEPTH - (eye[:, 2].min() + eye[:, 2].max()) / 2
    return v


def swell(person, v, units):
    """Makes parts of the face larger or smaller about a point, as a caricature does, and the face units with them. Each of the
    person's `shape.swell` has `at` = [x, y] (dm from between the eyes; both sides), `scale` = [x and depth, y] and
    `reach` = [all within, none beyond]."""
    for part in person["shape"].get("swell", []):
        (x, y), (inner, outer) = part["at"], part["reach"]
        scale = np.array([part["scale"][0], part["scale"][1], part["scale"][0]])
        weight, move = np.zeros(len(v)), np.zeros((len(v), 3))
        for sx in sorted({x, -x}):
            d = np.hypot(v[:, 0] - sx, v[:, 1] - EYE_HEIGHT - y)
            w = smoothstep(outer, inner, d) * smoothstep(0.35, 0.65, v[:, 2])
            depth = np.average(v[:, 2], weights=w)
            move += w[:, None] * ((v - [sx, EYE_HEIGHT + y, depth]) * (scale - 1))
            weight += w
        v += move / np.maximum(weight, 1)[:, None]
        factor = 1 + np.minimum(weight, 1)[:, None] * (scale - 1)
        for name in units:
            units[name] = units[name] * factor


def build(person) -> Shape:
    base = data.base()
    body = base.of("body")
    units = {k: d.copy() for k, d in data.face_units().items()}
    v = identity(person, base)
    swell(person, v, units)
    for name, w in person["expression"].items():
        v += w * units[name]
    # what the resting face has spent of a unit is not there to be spent again
    for name, w in person["expression"].items():
        units[name] *= 1 - 0.5 * w
    upper = np.unique(base.of("helper-upper-teeth"))
    v[upper] += UPPER_TEETH_MOVE

    shape = Shape(base, v, units, Limit(body, data.VERTICES))
    adj = neighbours(body)
    tree = cKDTree(base.vertices[np.unique(body)] * [-1, 1, 1])
    mirror = np.unique(body)[tree.query(base.vertices[EYE_SEED])[1]]
    seeds = {"left": EYE_SEED, "right": int(mirror)}
    for side, (a, b) in data.EYES.items():
        p = v[a:b]
        shape.eyes[side] = ((p.min(0) + p.max(0)) / 2, np.ptp(p[:, 0]) / 2)
        shape.eye_rings[side] = ring_numbers(adj, seeds[side], 30)
    shape.mouth_ring = ring_numbers(adj, MOUTH_SEED, 30)
    smooth(shape, body, person["shape"].get("smooth", 0))
    close_lips(shape)
    for side in data.EYES:
        meet_lids(shape, side)
    return shape


def smooth(shape, body, rounds):
    """Takes the relief out of the face, as a doll maker does; lids, lips, nose and ears stay."""
    keep = np.minimum.reduce([shape.mouth_ring - 3, *shape.eye_rings.values()])
    v = shape.neutral
    x, y, z = v.T
    nose = np.exp(-((x / 0.16) ** 4) - (((y - EYE_HEIGHT + 0.32) / 0.17) ** 4))
    weight = np.zeros(len(v))
    weight[np.unique(body)] = 1  # not the eyes, the teeth and the clothes
    weight *= smoothstep(20, 25, keep) * (1 - 0.9 * nose)
    weight *= smoothstep(0.68, 0.55, np.abs(x)) * smoothstep(5.9, 6.15, y) * smoothstep(0.2, 0.5, z)
    pairs = np.concatenate([body[:, [i, (i + 1) % 4]] for i in range(4)])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    degree = np.maximum(np.bincount(pairs[:, 0], minlength=len(v)), 1)[:, None]
    for _ in range(rounds):
        mean = np.stack([np.bincount(pairs[:, 0], v[pairs[:, 1], k], minlength=len(v)) for k in range(3)], 1) / degree
        v += 0.5 * weight[:, None] * (mean - v)


def _profile(points, xs):
    """y and z of a polyline of points along x."""
    p = points[np.argsort(points[:, 0])]
    return np.interp(xs, p[:, 0], p[:, 1]), np.interp(xs, p[:, 0], p[:, 2])


def lips(shape):
    """Vertex indexes of the upper and the lower lip, by what the jaw carries."""
    body = np.unique(shape.base.of("body"))
    ring = shape.mouth_ring[body]
    near = body[(ring >= 6) & (ring <= 24)]
    upper_delta = shape.units["jawOpen"][near, 1]
    return near[upper_delta > -0.08], near[upper_delta <= -0.08]


def close_lips(shape, overlap=0.006):
    """Brings the lips together in the resting face: at every x the upper lip's lowest point lies `overlap` below the
    lower lip's highest one, half of the way made by each lip."""
    lim = shape.limit
    for _ in range(4):
        p = lim(shape.neutral)
        up, low = lips(shape)
        xs = np.linspace(-0.30, 0.30, 61)
        gap = np.full(len(xs), np.nan)
        for i, x in enumerate(xs):
            a, b = up[np.abs(p[up, 0] - x) < 0.02], low[np.abs(p[low, 0] - x) < 0.02]
            if len(a) and len(b):
                gap[i] = p[a, 1].min() - p[b, 1].max()
        ok = ~np.isnan(gap)
        if not ok.any():
            return
        need = np.maximum(np.interp(xs, xs[ok], gap[ok]) + overlap, 0)
        need[[0, -1]] = 0
        if need.max() < 1e-3:
            return
        for part, sign in ((up, -1), (low, 1)):
            at = p[part]
            seam = at[:, 1].min() if sign < 0 else at[:, 1].max()
            reach = np.exp(-((np.abs(at[:, 1] - seam) / 0.07) ** 2))
            shape.neutral[part, 1] += sign * 0.5 * np.interp(at[:, 0], xs, need, left=0, right=0) * reach


def lid_margins(shape, side, ring=LID_MARGIN):
    """Vertices of a ring around the lids' edges, upper and lower, corners in both, from -x to +x."""
    margin = np.where(shape.eye_rings[side] == ring)[0]
    p = shape.neutral[margin]
    i, j = np.argmin(p[:, 0]), np.argmax(p[:, 0])
    line = np.interp(p[:, 0], [p[i, 0], p[j, 0]], [p[i, 1], p[j, 1]])
    corner = np.isin(np.arange(len(p)), (i, j))
    order = np.argsort(p[:, 0])
    upper, lower = (p[:, 1] > line) | corner, (p[:, 1] <= line) | corner
    return margin[order][upper[order]], margin[order][lower[order]]


def meet_lids(shape, side, overlap=0.004):
    """Re-scales the blink so that at weight 1 the upper lid's edge lies on the lower lid's edge, all along the eye."""
    name = "eyeBlink" + side.capitalize()
    upper, lower = lid_margins(shape, side)
    rings = shape.eye_rings[side]
    near = np.where((rings >= 13) & (rings <= 26))[0]
    rest = shape.neutral[near]
    line_y, _ = _profile(shape.neutral[upper], rest[:, 0])
    low_y, _ = _profile(shape.neutral[lower], rest[:, 0])
    is_upper = rest[:, 1] > (line_y + low_y) / 2
    distance = np.where(rings[near] <= LID_MARGIN, 0, rest[:, 1] - line_y)
    reach = np.where(is_upper, np.exp(-((np.clip(distance, 0, None) / 0.06) ** 2)), 0)
    x0, x1 = shape.neutral[upper, 0].min(), shape.neutral[upper, 0].max()
    inside = smoothstep(x0 - 0.03, x0 + 0.01, rest[:, 0]) * smoothstep(x1 + 0.03, x1 - 0.01, rest[:, 0])
    for _ in range(8):
        p = shape.limit(shape.neutral + shape.units[name])
        uy, uz = _profile(p[upper], rest[:, 0])
        ly, lz = _profile(p[lower], rest[:, 0])
        miss_y = ly - overlap - uy
        miss_z = np.maximum(lz + 0.004 - uz, 0)
        shape.units[name][near, 1] += miss_y * reach * inside
        shape.units[name][near, 2] += 0.6 * miss_z * reach * inside
    # the line one sees is the lashes' ring: make it run smooth
    ring, _ = lid_margins(shape, side, LASH_RING)
    for _ in range(3):
        p = shape.limit(shape.neutral + shape.units[name])[ring]
        line = np.poly1d(np.polyfit(p[:, 0], p[:, 1], 4))
        miss = np.interp(rest[:, 0], p[:, 0], line(p[:, 0]) - p[:, 1])
        shape.units[name][near, 1] += miss * reach * inside
