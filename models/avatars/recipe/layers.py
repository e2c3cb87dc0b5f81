"""The body's mesh: the real face mesh, joined with an outer surface (hair, ears, neck, clothes) taken from the depth."""
from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import Delaunay, cKDTree

from shape import smoothstep

# The holes' rims lie where one sees the edge of the lids and the lips; what goes on inside of these rings is left out.
LID_INNER_RING = 18
LID_CORNER_RING = 13
LIP_INNER_RING = 10
GRID = 0.13  # head units between the outer surface's points


@dataclass
class Part:
    position: np.ndarray  # [n, 3] head units
    uv: np.ndarray
    head: np.ndarray
    triangles: np.ndarray
    morphs: dict = field(default_factory=dict)  # ARKit name -> [n, 3]
    keys: dict = field(default_factory=dict)  # name -> (uv, mask)


class Depth:
    """The nearest visible surface by pixel, splatted from the render's own geometry; head units."""

    def __init__(self, points, framing, height=240):
        self.h, self.w = height, round(height * framing.aspect)
        self.by_kind = {k: self._splat(framing, p) for k, p in points.items()}
        z = np.max(list(self.by_kind.values()), axis=0)
        self.raw = z
        hole = z < -50
        rows, cols = distance_transform_edt(hole, return_distances=False, return_indices=True)
        self.filled = z[rows, cols]

    def _splat(self, framing, p):
        p = framing.head(p.astype(float))
        p = p[p[:, 2] > -2.2]
        uv = framing.uv(p)
        c, r = (uv[:, 0] * self.w).astype(int), (uv[:, 1] * self.h).astype(int)
        ok = (c >= 0) & (c < self.w) & (r >= 0) & (r < self.h)
        z = np.full((self.h, self.w), -99.0)
        np.maximum.at(z, (r[ok], c[ok]), p[ok, 2])
        closed = cv2.morphologyEx(z.astype(np.float32), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        return np.where(z < -50, closed, z)

    def smoothed(self, sigma_px):
        return cv2.GaussianBlur(cv2.medianBlur(self.filled.astype(np.float32), 5), (0, 0), sigma_px)

    def sample(self, field, uv):
        c = np.clip(uv[:, 0] * self.w - 0.5, 0, self.w - 1).astype(np.float32)
        r = np.clip(uv[:, 1] * self.h - 0.5, 0, self.h - 1).astype(np.float32)
        return cv2.remap(field.astype(np.float32), c[None], r[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]


def _edge_map(quads):
    edges = {}
    for k, q in enumerate(quads):
        for i in range(4):
            a, b = int(q[i]), int(q[(i + 1) % 4])
            edges.setdefault((min(a, b), max(a, b)), []).append(k)
    return edges


def _component(chosen, pairs, seed):
    """Quads joined to `seed` through `chosen` ones."""
    out, stack = {seed}, [seed]
    while stack:
        for n in pairs[stack.pop()]:
            if chosen[n] and n not in out:
                out.add(n)
                stack.append(n)
    return out


def face_region(shape, framing, p, quads, depth, banned=()):
    """Quads [bool] that make the face: front facing, not under hair, one disc without holes (eye and mouth bags included)."""
    a, b, c, d = (p[quads[:, i]] for i in range(4))
    normal = np.cross(c - a, d - b)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    middle = (a + b + c + d) / 4
    over = depth.sample(depth.by_kind["hair"], framing.uv(middle)) - middle[:, 2]
    front = p[quads][(middle[:, 1] > -2.5) & (np.abs(middle[:, 0]) < 1)][..., 2].max()
    spine = p[(np.abs(p[:, 0]) < 0.05) & (p[:, 1] < -0.8) & (p[:, 1] > -2.6) & (p[:, 2] > front - 0.95) & np.isin(np.arange(len(p)), quads)]
    chin = spine[:, 1].min()
    ok = (normal[:, 2] > 0.42) & (over < 0.04) & (middle[:, 1] > chin - 0.02) & (middle[:, 2] > front - 1.6)
    ok &= (np.abs(middle[:, 0]) < 1.6) & (middle[:, 1] > -2.6)

    ok[list(banned)] = False

    edges = _edge_map(quads)
    pairs = [[] for _ in quads]
    for ks in edges.values():
        if len(ks) == 2:
            pairs[ks[0]].append(ks[1])
            pairs[ks[1]].append(ks[0])
    tip = int(np.argmax(np.where(ok, middle[:, 2], -99)))
    for _ in range(6):  # no quad may hang on by a single side
        for k in np.where(ok)[0]:
            if sum(ok[n] for n in pairs[k]) < 2:
                ok[k] = False
    region = np.zeros(len(quads), bool)
    region[list(_component(ok, pairs, tip))] = True
    outside = np.zeros(len(quads), bool)  # holes (nostrils, bags) belong to the face
    outside[list(_component(~region, pairs, int(np.argmin(middle[:, 1]))))] = True
    region = ~outside
    while True:  # the rim must be one simple loop
        rim = [e for e, ks in edges.items() if len(ks) == 2 and region[ks[0]] != region[ks[1]]]
        count = np.bincount(np.array(rim).ravel(), minlength=len(p))
        bad = np.where(count > 2)[0]
        if not len(bad):
            return region, rim, chin
        region[np.isin(quads, bad).any(1) & region] = False


def _loop(rim):
    """Orders the rim's edges into a cycle of vertexes."""
    to = {}
    for a, b in rim:
        to.setdefault(a, []).append(b)
        to.setdefault(b, []).append(a)
    start = rim[0][0]
    loop, previous = [start], None
    while True:
        nxt = [v for v in to[loop[-1]] if v != previous]
        previous = loop[-1]
        if nxt[0] == start and len(loop) > 2:
            return loop
        loop.append(nxt[0])


def _outer_points(framing, loop_uv, alpha):
    """uv of the outer surface's grid: wherever the matte is or nearly is, outside the face's rim."""
    span = 2 * framing.tan_half_height * framing.distance
    h = alpha.shape[0]
    reach = int(h * 0.16 / span)
    near = cv2.dilate((alpha > 0.004).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    step = GRID / span
    v = np.arange(-1 * step, 1 + 5 * step, step)
    out = []
    polygon = (loop_uv * [framing.aspect, 1]).astype(np.float32)[:, None]
    for i, row in enumerate(v):
        u = np.arange(-4 * step, framing.aspect + 4 * step, step) + (i % 2) * step / 2
        for x in u:
            c, r = int(x / framing.aspect * (alpha.shape[1] - 1)), int(row * (h - 1))
            if not near[np.clip(r, 0, h - 1), np.clip(c, 0, alpha.shape[1] - 1)]:
                continue
            if cv2.pointPolygonTest(polygon, (float(x), float(row)), True) > -0.45 * step:
                continue
            out.append((x / framing.aspect, row))
    return np.array(out), step


def _inside_lids(shape, side):
    """Vertices of the socket that the body does without: all but the lower lid's wet rim, which one sees from above, and
    the flesh in the corners, which no eyeball covers."""
    ring = shape.eye_rings[side]
    x, y = shape.neutral[:, 0], shape.neutral[:, 1]
    edge = ring == LID_INNER_RING
    middle, half = (x[edge].min() + x[edge].max()) / 2, np.ptp(x[edge]) / 2
    corner = np.abs(x - middle) > 0.50 * half
    lower = y < np.median(y[edge]) - 0.01
    needed = (corner & (ring >= LID_CORNER_RING)) | (lower & (ring >= LID_INNER_RING - 2))
    return (ring < LID_INNER_RING) & ~needed


def _join(framing, loop_uv, outer_uv, step):
    """Triangles over the face's rim (first) and the outer points; points in the way of a rim's edge are left out."""
    n = len(loop_uv)
    rim = loop_uv * [framing.aspect, 1]
    nxt = np.roll(rim, -1, axis=0)
    outer = outer_uv * [framing.aspect, 1]
    for _ in range(8):
        square = np.concatenate([rim, outer])
        tri = Delaunay(square).simplices
        have = {tuple(sorted(e)) for t in tri for e in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))}
        lost = [i for i in range(n) if tuple(sorted((i, (i + 1) % n))) not in have]
        if not lost:
            break
        middle, radius = (rim[lost] + nxt[lost]) / 2, np.linalg.norm(rim[lost] - nxt[lost], axis=1) / 2
        blocking = (np.linalg.norm(outer[:, None] - middle[None], axis=2) < radius * 1.05).any(1)
        if not blocking.any():
            return outer_uv, None, lost
        outer = outer[~blocking]
    polygon = rim.astype(np.float32)[:, None]
    middle = square[tri].mean(1)
    inside = np.array([cv2.pointPolygonTest(polygon, (float(x), float(y)), False) > 0 for x, y in middle])
    longest = np.max([np.linalg.norm(square[tri[:, i]] - square[tri[:, i - 1]], axis=1) for i in range(3)], axis=0)
    return outer / [framing.aspect, 1], tri[~inside & (longest < 3.5 * step)], []


def body(shape, framing, points, alpha) -> Part:
    quads = shape.base.of("body")
    p = framing.head(shape.limit(shape.neutral))
    depth = Depth(points, framing)
    banned = set()
    for _ in range(20):  # quads whose edge no triangle can join stand in a notch: leave them out
        region, rim, chin = face_region(shape, framing, p, quads, depth, banned)
        loop_at = np.array(_loop(rim))
        loop_uv = framing.uv(p[loop_at])
        outer_uv, step = _outer_points(framing, loop_uv, alpha)
        outer_uv, tri, lost = _join(framing, loop_uv, outer_uv, step)
        if not lost:
            break
        for i in lost:
            edge = np.isin(quads, (loop_at[i], loop_at[(i + 1) % len(loop_at)])).sum(1) == 2
            banned |= set(np.where(edge & region)[0].tolist())
    if lost:
        raise SystemExit(f"{len(lost)} edges of the face's rim cannot be joined to the outer surface")
    face = quads[region]
    bag = shape.mouth_ring < LIP_INNER_RING
    for side in shape.eye_rings:
        bag |= _inside_lids(shape, side)
    face = face[~bag[face].any(1)]
    used = np.unique(face)
    index = np.full(len(p), -1)
    index[used] = np.arange(len(used))
    face_uv = framing.uv(p[used])

    z_map = depth.smoothed(2.5)
    z = depth.sample(z_map, outer_uv)
    miss = p[loop_at, 2] - depth.sample(z_map, loop_uv)
    aspect = [framing.aspect / step, 1 / step]
    dist, near = cKDTree(loop_uv * aspect).query(outer_uv * aspect, k=6)
    w = np.exp(-((dist / 1.5) ** 2)) + 1e-12
    z = z + (miss[near] * w).sum(1) / w.sum(1) * np.exp(-((dist[:, 0] / 1.6) ** 2))
    outer = framing.unproject(outer_uv, _relaxed(p[loop_at, 2], z, tri))

    position = np.concatenate([p[used], outer])
    uv = np.concatenate([face_uv, np.clip(outer_uv, 0, 1)])
    outer_index = np.concatenate([index[loop_at], len(used) + np.arange(len(outer))])
    triangles = np.concatenate([face[:, [0, 1, 2]], face[:, [0, 2, 3]]])
    triangles = np.concatenate([index[triangles], outer_index[tri]])
    flat = np.concatenate([face_uv, outer_uv]) * [framing.aspect, -1]
    e1, e2 = flat[triangles[:, 1]] - flat[triangles[:, 0]], flat[triangles[:, 2]] - flat[triangles[:, 0]]
    flip = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0] < 0
    flip[: 2 * len(face)] = False  # the face mesh has its own, true winding
    triangles[flip] = triangles[flip][:, [0, 2, 1]]

    part = Part(position, uv, _head_weight(position, len(used), chin), triangles)
    _morphs(part, shape, framing, used, quads)
    _blink_keys(part, framing, shape)
    return part


def _relaxed(rim_z, z, triangles, rounds=10):
    """Smooths the outer depth over the mesh, the rim held: no scallops along the cheek when the head turns."""
    n = len(rim_z)
    all_z = np.concatenate([rim_z, z])
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    degree = np.maximum(np.bincount(pairs[:, 0], minlength=len(all_z)), 1)
    for _ in range(rounds):
        mean = np.bincount(pairs[:, 0], all_z[pairs[:, 1]], minlength=len(all_z)) / degree
        all_z[n:] += 0.6 * (mean - all_z)[n:]
    return all_z[n:]


def _head_weight(position, n_face, chin):
    head = np.ones(len(position))
    out = position[n_face:]
    by_height = smoothstep(chin - 1.05, chin + 0.15, out[:, 1])
    d, _ = cKDTree(position[:n_face]).query(out)
    head[n_face:] = np.maximum(by_height, smoothstep(0.45, 0.05, d))
    return head


def _morphs(part, shape, framing, used, quads):
    """Face vertices take their unit as it is; outer ones the nearest skin's, fading with the distance to it."""
    skin = np.unique(quads)
    skin = skin[shape.neutral[skin, 1] > 5.0]
    bag = shape.mouth_ring[skin] < LIP_INNER_RING
    for r in shape.eye_rings.values():
        bag |= r[skin] < LID_INNER_RING
    skin = skin[~bag]
    at = framing.head(shape.limit(shape.neutral)[skin])
    out = part.position[len(used) :]
    d, i = cKDTree(at).query(out, k=10)
    w = np.exp(-((d / 0.22) ** 2)) + 1e-9
    w /= w.sum(1, keepdims=True)
    w *= np.exp(-((np.clip(d[:, :1] - 0.06, 0, None) / 0.40) ** 2))
    for name, unit in shape.units.items():
        delta = shape.limit(unit) / framing.unit
        outer = (delta[skin][i] * w[..., None]).sum(1)
        all_ = np.concatenate([delta[used], outer])
        if np.abs(all_).max() > 1e-4:
            part.morphs[name] = all_


def _blink_keys(part, framing, shape):
    for side in ("left", "right"):
        name = "eyeBlink" + side.capitalize()
        centre = framing.head(shape.eyes[side][0])
        d = (part.position - centre)[:, :2] / [0.50, 0.36] + [0, 0.05]
        mask = smoothstep(1.15, 0.80, np.linalg.norm(d, axis=1))
        uv = framing.uv(part.position + part.morphs[name])
        part.keys["blink_" + side] = (np.clip(uv, 0, 1), mask)


def eye(shape, framing, side, columns=40, rows=18) -> tuple[Part, np.ndarray]:
    """A cap of the eyeball, turned to look at the camera, and its rotation centre. Set a little back, so that the lids'
    straight way over a round eye never dips into it."""
    centre, radius = shape.eyes[side]
    c = framing.head(centre) - [0, 0, 0.025]
    r = radius * 0.975 / framing.unit
    theta = np.linspace(0, np.radians(84), rows + 1)[1:, None]
    phi = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    p = np.stack(np.broadcast_arrays(np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), -1).reshape(-1, 3)
    p = np.concatenate([[[0, 0, 1.0]], p])
    uv = np.stack([0.5 + 0.5 * p[:, 0], 0.5 - 0.5 * p[:, 1]], 1)
    t = [(0, 1 + j, 1 + (j + 1) % columns) for j in range(columns)]
    for i in range(rows - 1):
        for j in range(columns):
            a, b = 1 + i * columns + j, 1 + i * columns + (j + 1) % columns
            t += [(a, a + columns, b + columns), (a, b + columns, b)]
    turn = -np.arctan2(c[0], framing.distance - c[2])
    rot = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    return Part(c + r * p @ rot.T, uv, np.ones(len(p)), np.array(t)), c
