"""What lies behind the lips: two rows of teeth on an arch, the tongue and the cavity, and their shared picture."""
import cv2
import numpy as np
from scipy.spatial import cKDTree

from layers import Part
from shape import lips, smoothstep

# widths in dm from the middle outwards (central and lateral incisor, canine, premolars, molars), and crown heights
UPPER = dict(width=[0.085, 0.066, 0.076, 0.070, 0.068, 0.098, 0.090], crown=[0.102, 0.090, 0.098, 0.084, 0.078, 0.072, 0.068])
LOWER = dict(width=[0.054, 0.059, 0.068, 0.070, 0.071, 0.105, 0.098], crown=[0.086, 0.088, 0.098, 0.084, 0.078, 0.072, 0.068])
EDGE_DROP = {"upper": 0.030, "lower": 0.010}  # dm below the seam of the closed lips (lower: their edges, behind the upper)
CAVITY_RING = 7  # where the bowl behind the lips begins, a little inside of the body's own rim
GUM = 0.09  # dm of gum above the crowns
TILE = {"upper": (0.0, 0.36), "lower": (0.36, 0.72), "tongue": (0.72, 1.0)}  # v ranges in mouth.jpg


def _arch(shape, which):
    """The front of the teeth helper as z(x): a smooth even curve (dm)."""
    q = np.unique(shape.base.of(f"helper-{which}-teeth"))
    p = shape.neutral[q]
    x = np.abs(p[:, 0])
    bins = np.linspace(0, x.max(), 7)
    z = [p[(x >= a - 0.03) & (x <= a + 0.05), 2].max() for a in bins]
    c = np.polyfit(bins**2, z, 2)
    return q, p, lambda s: np.polyval(c, np.square(s)), x.max()


def _row(which):
    """Along the arch (dm from the middle, one side): the tooth's number, its share 0..1, and the joints."""
    t = UPPER if which == "upper" else LOWER
    joints = np.r_[0, np.cumsum(t["width"])]
    return t, joints


def teeth(shape, framing, which, columns=121, rows=7):
    q, helper, arch, half = _arch(shape, which)
    table, joints = _row(which)
    seam = _seam(shape)
    # arc length along the arch
    xs = np.linspace(0, half * 0.97, 400)
    arc = np.r_[0, np.cumsum(np.hypot(np.diff(xs), np.diff(arch(xs))))]
    s = np.linspace(-1, 1, columns) * min(arc[-1], joints[-1])
    x = np.sign(s) * np.interp(np.abs(s), arc, xs)
    k = np.clip(np.searchsorted(joints, np.abs(s), side="right") - 1, 0, len(table["width"]) - 1)
    share = (np.abs(s) - joints[k]) / np.array(table["width"])[k]
    # crowns: rounded corners at the biting edge, a bulge on the front
    corner = np.clip(np.abs(share - 0.5) * 2, 0, 1)
    crown = np.interp(np.abs(s), (joints[:-1] + joints[1:]) / 2, table["crown"])
    lateral = np.where(k == 1, 0.010, 0.0) if which == "upper" else 0.0
    bite = 0.012 * corner**4 + lateral + 0.012 * smoothstep(0.30, 0.55, np.abs(s))
    v, uvs = [], []
    sign = 1 if which == "upper" else -1
    edge_y = seam - EDGE_DROP[which]
    z_back = 0.012 if which == "upper" else 0.034
    for i in range(rows):
        t = i / (rows - 1)
        up = t * (crown + GUM)
        in_crown = np.clip(up / crown, 0, 1)
        bulge = 0.016 * (1 - corner**2.5) * np.sin(np.pi * np.clip(in_crown * 0.8 + 0.15, 0, 1)) * (up < crown * 1.05)
        lean = 0.03 * (1 - t)  # biting edges lie a little behind
        y = edge_y + sign * (np.maximum(up, 0) + bite * (1 - t) ** 2)
        z = arch(x) - z_back + bulge - 0.4 * lean - 0.03 * smoothstep(0.75, 1, t)
        v.append(np.stack([x, y + 0 * x, z], 1))
        uvs.append(np.stack([(s / (2 * joints[-1]) + 0.5), np.full(columns, t)], 1))
    p, uv = np.concatenate(v), np.concatenate(uvs)
    low, high = TILE[which]
    uv[:, 1] = low + (high - low) * (0.03 + 0.94 * uv[:, 1])
    faces = []
    for i in range(rows - 1):
        for j in range(columns - 1):
            a = i * columns + j
            faces += [(a, a + 1, a + columns + 1), (a, a + columns + 1, a + columns)]
    faces = np.array(faces)
    if sign < 0:
        faces = faces[:, [0, 2, 1]]
    part = Part(framing.head(p), uv, np.ones(len(p)), faces)
    if which == "lower":
        d, i = cKDTree(helper).query(p, k=6)
        w = np.exp(-((d / 0.12) ** 2)) + 1e-9
        w /= w.sum(1, keepdims=True)
        for name, unit in shape.units.items():
            if name.startswith("jaw"):
                part.morphs[name] = (unit[q][i] * w[..., None]).sum(1) / framing.unit
    return part


def _seam(shape):
    """Height (dm) where the lips meet in the middle of the mouth."""
    p = shape.limit(shape.neutral)
    up, low = lips(shape)
    a = up[np.abs(p[up, 0]) < 0.03]
    b = low[np.abs(p[low, 0]) < 0.03]
    return (p[a, 1].min() + p[b, 1].max()) / 2


def tongue(shape, framing):
    quads = shape.base.of("helper-tongue")
    used, inverse = np.unique(quads, return_inverse=True)
    quads = inverse.reshape(quads.shape)
    p = framing.head(shape.neutral[used])
    low, high = TILE["tongue"]
    span = np.ptp(p, axis=0)
    uv = np.stack([(p[:, 0] - p[:, 0].min()) / span[0], low + (high - low) * (0.05 + 0.9 * (p[:, 2].max() - p[:, 2]) / span[2])], 1)
    part = Part(p - [0, 0.02, 0], uv, np.ones(len(p)), np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))
    for name, unit in shape.units.items():
        if (name.startswith("jaw") or name == "tongueOut") and np.abs(unit[used]).max() > 1e-4:
            part.morphs[name] = unit[used] / framing.unit
    return part


def cavity(shape, framing):
    """A dark bowl behind the teeth: it starts on the lips' inner rim, goes outwards and back, and closes."""
    quads = shape.base.of("body")
    rim_quads = quads[(shape.mouth_ring[quads] <= CAVITY_RING).all(1)]
    edges = {}
    for q in rim_quads:
        for i in range(4):
            e = (int(q[i]), int(q[(i + 1) % 4]))
            edges[e] = edges.get(e[::-1], 0) + 1 if e[::-1] not in edges else edges.pop(e[::-1]) and 0
            if edges[e] == 0:
                edges.pop(e)
    step = dict(edges.keys())
    loop = [next(iter(step))]
    while step[loop[-1]] != loop[0]:
        loop.append(step[loop[-1]])
    rim = framing.head(shape.limit(shape.neutral)[loop])
    middle = rim.mean(0)
    rings = [rim]
    for back, wide in ((0.10, 1.22), (0.40, 1.30), (0.90, 1.15), (1.30, 0.70)):
        r = middle + np.clip((rim - middle) * [wide, wide * 1.15, 0.5], [-0.75, -0.5, -9], [0.75, 0.5, 9])
        r[:, 2] -= back
        rings.append(r)
    position = np.concatenate(rings + [[middle - [0, 0, 1.4]]])
    n = len(loop)
    faces = []
    for k in range(len(rings) - 1):
        for i in range(n):
            a, b = k * n + i, k * n + (i + 1) % n
            faces += [(a, b, b + n), (a, b + n, a + n)]
    last = (len(rings) - 1) * n
    faces += [(last + i, last + (i + 1) % n, len(position) - 1) for i in range(n)]
    part = Part(position, np.zeros((len(position), 2)), np.ones(len(position)), np.array(faces))
    for name, unit in shape.units.items():
        d = shape.limit(unit)[loop] / framing.unit
        if np.abs(d).max() > 1e-3:
            share = [1.0, 0.9, 0.6, 0.3, 0.1]
            part.morphs[name] = np.concatenate([d * s for s in share] + [d.mean(0, keepdims=True) * 0.1])
    return part


def picture(gaps=1.0, n=512):
    """mouth.jpg, BGR 0..1: upper teeth, lower teeth, tongue, in tiles stacked by TILE; `gaps`: how dark it is between the teeth."""
    rng = np.random.default_rng(4)
    im = np.zeros((n, n, 3))
    for which in ("upper", "lower"):
        table, joints = _row(which)
        r0, r1 = [round(v * n) for v in TILE[which]]
        h = r1 - r0
        s = np.abs((np.arange(n) + 0.5) / n * 2 - 1) * joints[-1]
        t = np.clip(((np.arange(h) + 0.5) / h - 0.03) / 0.94, 0, 1)[:, None]
        k = np.clip(np.searchsorted(joints, s, side="right") - 1, 0, len(table["width"]) - 1)
        share = (s - joints[k]) / np.array(table["width"])[k]
        corner = np.abs(share - 0.5) * 2
        crown = np.interp(s, (joints[:-1] + joints[1:]) / 2, table["crown"])
        up = t * (crown + GUM)[None]
        height = up / crown  # 0 biting edge .. 1 gum line
        tooth = np.array([0.93, 0.895, 0.83]) * (1 + 0.02 * np.random.default_rng(6).standard_normal(len(joints)))[k][None, :, None]
        tooth = np.broadcast_to(tooth, (h, n, 3)).copy()
        tooth *= 1 - 0.06 * smoothstep(0.45, 1.0, height)[..., None] * np.array([0.2, 0.6, 1.6])  # warmer to the gum
        tooth *= 1 - 0.07 * smoothstep(0.22, 0.0, height)[..., None]  # glassy edge
        gap = smoothstep(0.80, 1.0, corner)[None] * (0.55 + 0.45 * np.abs(height - 0.45))
        tooth *= 1 - 0.50 * gaps * gap[..., None] * np.array([0.85, 1.0, 1.05])
        gum_line = 1 + 0.10 * (corner[None] ** 2 - 0.6)
        gum = smoothstep(gum_line - 0.04, gum_line + 0.04, height)[..., None]
        pink = np.array([0.66, 0.36, 0.34]) * (1 - 0.25 * smoothstep(1.1, 1.8, height))[..., None]
        tile = tooth * (1 - gum) + pink * gum
        tile *= (1 - 0.72 * smoothstep(0.14, 0.50, s))[None, :, None]  # shade into the cheeks
        im[r0:r1] = tile
    r0 = round(TILE["tongue"][0] * n)
    h = n - r0
    y, x = np.mgrid[0:h, 0:n]
    tongue = np.ones((h, n, 3)) * np.array([0.80, 0.45, 0.44])
    grain = cv2.GaussianBlur(rng.standard_normal((h, n)).astype(np.float32), (0, 0), 1.5)
    tongue *= (1 + 0.10 * grain / grain.std() * 0.5)[..., None]
    tongue *= (1 - 0.18 * np.exp(-(((x - n / 2) / (n * 0.03)) ** 2)))[..., None]
    tongue *= (1 - 0.35 * smoothstep(0.2, 0.9, y / h))[..., None]
    im[r0:] = tongue
    return np.clip(im, 0, 1)[..., ::-1]
