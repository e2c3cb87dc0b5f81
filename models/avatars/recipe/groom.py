"""Strands: scalp, beard, brows, lashes and fuzz. Decimetres, x to the person's left, y up, z front. Pure numpy."""
import numpy as np
from scipy.spatial import cKDTree

from shape import smoothstep

AZIMUTH = [0, 14, 26, 36, 46, 56, 66, 76, 88, 100, 112, 125, 145, 180]  # from the face's middle, degrees
HAIRLINE = {  # height at each azimuth as a share of eyes-to-crown
    "round": [0.545, 0.555, 0.55, 0.51, 0.40, 0.27, 0.15, 0.00, 0.02, 0.06, -0.16, -0.34, -0.42, -0.45],
    "low": [0.50, 0.505, 0.50, 0.46, 0.36, 0.25, 0.14, 0.00, 0.02, 0.06, -0.16, -0.34, -0.42, -0.45],
    "receding": [0.60, 0.62, 0.70, 0.74, 0.56, 0.38, 0.22, -0.02, 0.02, 0.06, -0.18, -0.32, -0.38, -0.40],
}


def unit(a):
    return a / (np.linalg.norm(a, axis=-1, keepdims=True) + 1e-9)


class Surface:
    """A triangle mesh to draw roots from and to collide with."""

    def __init__(self, vertices, normals, triangles):
        self.v, self.n, self.t = vertices, normals, triangles
        corners = vertices[triangles]
        self.centre = corners.mean(1)
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self.area = np.linalg.norm(cross, axis=1) / 2
        self.normal = unit(cross)
        self.tree = cKDTree(vertices)

    def sample(self, rng, density, count):
        p = self.area * density
        t = rng.choice(len(p), count, p=p / p.sum())
        w = rng.dirichlet((1, 1, 1), count)[..., None]
        return (self.v[self.t[t]] * w).sum(1), unit((self.n[self.t[t]] * w).sum(1)), t

    def nearest(self, p):
        _, i = self.tree.query(p)
        return self.v[i], self.n[i]


class Head:
    """Measures of the head that the groom hangs on."""

    def __init__(self, surface, eye_left, ears, hairline="round"):
        self.s, self.ears, self.hairline = surface, ears, HAIRLINE[hairline]
        self.ex, self.ey = eye_left[0], eye_left[1]
        upper = surface.v[surface.v[:, 1] > self.ey]
        self.top = surface.v[:, 1].max()
        self.height = self.top - self.ey
        self.back, self.front = upper[:, 2].min(), upper[:, 2].max()
        self.middle = self.back + 0.52 * (self.front - self.back)
        self.ear_z = surface.v[ears > 0.3].mean(0)[2]

    def scalp(self, p, ear, rng, band=0.05):
        """Density of the scalp's hair, 0..1, soft at the hairline."""
        azimuth = np.degrees(np.arctan2(np.abs(p[:, 0]), p[:, 2] - self.ear_z))
        line = self.ey + self.height * np.interp(azimuth, AZIMUTH, self.hairline)
        d = p[:, 1] - line + 0.012 * np.sin(p[:, 0] * 17 + 1) + 0.020 * np.clip(rng.standard_normal(len(p)), -2, 2)
        return smoothstep(-band * 0.6, band, d) * (ear < 0.15) * (p[:, 1] > self.ey - 0.62)


def clump(p, rng, count, amount, power):
    """Draws every strand toward one of `count` leaders, more so toward the tip."""
    leaders = rng.choice(len(p), count, replace=False)
    _, i = cKDTree(p[leaders, 0]).query(p[:, 0] + rng.normal(0, 0.012, p[:, 0].shape))
    t = np.linspace(0, 1, p.shape[1])[None, :, None] ** power
    return p + (p[leaders][i] - p) * t * amount[i][:, None, None], i


def bob(head, rng, hair, keys=40):
    """A bob of the person file's measures. Gives strands [n, keys, 3], the scalp's density by triangle and a melanin offset by strand."""
    s = head.s
    density = head.scalp(s.centre, head.ears[s.t].max(1), rng)
    n, end = hair["strands"], hair["end"]
    root, normal, _ = s.sample(rng, density ** hair.get("edge", 1.0), n)
    parting = hair.get("parting", 0.20) + 0.03 * np.sin(root[:, 2] * 3)
    side = np.where(root[:, 0] > parting + 0.018 * rng.standard_normal(n), 1.0, -1.0)
    back = smoothstep(head.middle + 0.25, head.middle - 0.35, root[:, 2])
    front = smoothstep(head.middle + 0.15, head.front - 0.25, root[:, 2])
    own_side = np.sign(root[:, 0] + 0.08 * rng.standard_normal(n))
    side = np.where(back > 0.6, np.where(rng.random(n) < 0.5, side, own_side), side)
    height = np.clip((root[:, 1] - head.ey) / head.height, -0.5, 1)

    d = np.stack([side * (1 - 0.75 * back), 0.30 * front, -0.15 - 0.9 * back - 0.30 * front], 1)
    d = unit(d + 0.06 * rng.standard_normal((n, 3)) + normal * 0.10)
    tip = head.ey + end - 0.04 * rng.standard_normal(n) - 0.08 * back
    ragged = 0.25 * (rng.random(n) < 0.08) * rng.random(n)
    length = root[:, 1] - tip + 0.30 + 0.42 * np.clip(height, 0, 1) + 0.08 * rng.standard_normal(n) - ragged
    length = np.clip(length, 0.25, 3.2)
    layer = 0.02 + 0.075 * np.clip(height + 0.2, 0, 1.1) * (0.45 + 0.55 * rng.random(n)) + 0.05 * rng.random(n)
    lift = 0.03 * front + 0.03

    p = np.zeros((n, keys, 3))
    p[:, 0] = q = root.copy()
    step = length / (keys - 1)
    down = np.array([0.0, -1.0, 0.0])
    for k in range(1, keys):
        t, arc = k / (keys - 1), step * k
        d = unit(d + down * (np.clip(arc / 0.9, 0.05, 1) * 0.24 * (step / 0.05))[:, None])
        q2 = q + d * step[:, None]
        # collide with the head, then hug the skull above the jaw
        v, nv = s.nearest(q2)
        above = ((q2 - v) * nv).sum(1)
        want = layer * smoothstep(-0.15, 1.1, arc) + lift * np.sin(np.pi * np.clip(arc / 1.4, 0, 1)) * 0.25
        push = np.clip(want - above, 0, 0.2) * (np.linalg.norm(q2 - v, axis=1) < 0.45)
        pull = np.clip(above - want, 0, 0.12) * 0.45 * smoothstep(head.ey - 0.75, head.ey - 0.25, q2[:, 1])
        q2 = q2 + nv * (push - pull)[:, None]
        q2 = keep_face_free(head, q2, side)
        # fullness in the lower half, ends turned in
        full = 0.010 * smoothstep(0.30, 0.55, t) * smoothstep(0.85, 0.6, t) * (0.3 + 0.7 * (layer / 0.14))
        q2 = q2 + unit((q2 - [0, 0, head.ear_z]) * [1, 0, 1]) * full[:, None]
        q2[:, 0] -= np.sign(q2[:, 0]) * smoothstep(0.72, 1, t) * 0.012
        d = unit(0.75 * d + 0.25 * unit(q2 - q))
        d = unit(q2 - q) * 0.6 + d * 0.4
        q = q2
        p[:, k] = q

    p, small = clump(p, rng, 1300, 0.50 + 0.38 * rng.random(1300), hair.get("clumping", 0.8))
    p, large = clump(p, rng, 160, 0.02 + 0.16 * rng.random(160), 1.6)
    # soft waves by clump and fine frizz
    phase, swing = rng.random(160)[large] * 6.3, (0.022 + 0.022 * rng.random(160))[large]
    pitch = (1.7 + 0.6 * rng.random(160))[large]
    arc = np.linspace(0, 1, keys)[None] * length[:, None]
    wave = swing[:, None] * smoothstep(0.25, 1.2, arc) * np.sin(pitch[:, None] * arc * 3.2 + phase[:, None])
    along = unit(np.gradient(p, axis=1))
    out = unit((p - [0, 0, head.ear_z]) * [1, 0, 1])
    p = p + out * wave[..., None] * 0.8 + np.cross(along, out) * (wave * 0.7)[..., None]
    frizz = np.cumsum(rng.standard_normal((n, keys, 3)) * 0.0022, 1) * (1 + 4 * (rng.random(n) < hair.get("stray", 0.035)))[:, None, None]
    p = p + frizz - frizz[:, :1]
    shade = np.clip(0.6 * rng.standard_normal(1300)[small] + 0.5 * rng.standard_normal(160)[large], -1.6, 1.6)
    return p, density, shade


def short(head, rng, hair, keys=7):
    """Hair of a few millimetres that stands and curls; it is shorter on the sides than on the crown."""
    s = head.s
    density = head.scalp(s.centre, head.ears[s.t].max(1), rng, 0.07)
    count, length = hair["strands"], hair["length"]
    root, normal, t = s.sample(rng, density, count)
    height = np.clip((root[:, 1] - head.ey) / head.height, 0, 1)
    size = length * (0.40 + 0.60 * smoothstep(0.25, 0.75, height)) * (0.75 + 0.5 * rng.random(count)) * np.clip(density[t], 0.35, 1)
    d = unit(normal + 0.45 * rng.standard_normal((count, 3)) + [0, 0, 0.15])
    a = unit(np.cross(d, rng.standard_normal((count, 3))))
    b = np.cross(d, a)
    phase = rng.random(count) * 6.3
    p = np.zeros((count, keys, 3))
    for k in range(keys):
        turn = phase + k * 1.5
        curl = a * (np.cos(turn) - np.cos(phase))[:, None] + b * (np.sin(turn) - np.sin(phase))[:, None]
        p[:, k] = root + d * (size * k / (keys - 1))[:, None] + curl * 0.009
    p, _ = clump(p, rng, 4500, np.full(4500, 0.45), 1.2)
    return p, density, np.zeros(count)


def along_surface(d, normal):
    return unit(d - normal * (d * normal).sum(1, keepdims=True))


def laid(head, rng, root, normal, d, size, above, keys, pull=0.35):
    """Strands that start along `d` and lie `above` [n, keys] over the skull (dm); gives [n, keys, 3]."""
    s = head.s
    p = np.zeros((len(root), keys, 3))
    p[:, 0] = q = root
    step = (size / (keys - 1))[:, None]
    for k in range(1, keys):
        q = q + d * step
        v, nv = s.nearest(q)
        miss = above[:, k] - ((q - v) * nv).sum(1)
        q = q + nv * np.where(miss > 0, 0.8 * miss, pull * miss)[:, None]
        d = unit(0.6 * d + 0.4 * unit(q - p[:, k - 1]) + [0, -0.02, 0])
        p[:, k] = q
    return p


def combed(head, rng, hair, keys=14):
    """Short sides and a longer top that rises at the brow and is combed away from the parting."""
    s = head.s
    density = head.scalp(s.centre, head.ears[s.t].max(1), rng, 0.09)
    n = hair["strands"]
    root, normal, t = s.sample(rng, density ** hair.get("edge", 1.7), n)
    height = (root[:, 1] - head.ey) / head.height
    x = root[:, 0]
    top = smoothstep(*hair.get("fade", (0.36, 0.66)), height + 0.05 * rng.standard_normal(n))
    front = smoothstep(head.middle - 0.1, head.front - 0.15, root[:, 2])
    side = np.where(x > hair.get("parting", 0.35) + 0.02 * rng.standard_normal(n), 1.0, -1.0)
    swept, rise = hair.get("swept", 0.7), hair.get("rise", 0.5)
    up = np.stack([side * swept, 0.25 * front, 0.25 * front - 0.9 * (1 - 0.4 * front)], 1)
    down = np.stack([0.15 * np.sign(x), np.full(n, -0.9), np.full(n, -0.55)], 1)
    d = along_surface(up * top[:, None] + down * (1 - top)[:, None] + 0.16 * rng.standard_normal((n, 3)), normal)
    d = unit(d + normal * (0.25 + 0.9 * rise * top * (0.35 + 0.65 * front))[:, None])
    sides = hair.get("sides", 0.10)
    thin = np.clip(density[t], 0.30, 1)
    size = (sides + (hair["length"] - sides) * top) * (0.65 + 0.45 * rng.random(n)) * thin
    k = np.linspace(0, 1, keys)[None]
    beside = np.abs(x - hair.get("parting", 0.35))
    volume = hair.get("volume", 0.12) * (0.5 + 0.5 * smoothstep(0.0, 0.3, beside))  # it rises gently from the parting
    body = volume * top * (0.55 + 0.45 * front) * (0.35 + 0.65 * rng.random(n)) + 0.022 + 0.03 * rng.random(n)
    above = body[:, None] * np.sin(np.pi * (0.06 + 0.62 * k)) * thin[:, None]
    p = laid(head, rng, root, normal, d, size, above, keys, 0.25)
    p, i = clump(p, rng, 1500, 0.25 + 0.50 * rng.random(1500), 1.1)
    p, _ = clump(p, rng, 240, 0.05 + 0.25 * rng.random(240), 1.5)
    frizz = np.cumsum(rng.standard_normal((n, keys, 3)) * 0.0028, 1) * (1 + 3 * (rng.random(n) < hair.get("stray", 0.03)))[:, None, None]
    p = p + frizz - frizz[:, :1]
    return p, density, np.clip(0.7 * rng.standard_normal(1500)[i], -1.6, 1.6)


def tied(head, rng, hair, keys=30):
    """Long hair drawn back from a parting to a knot low at the back of the head, with a few loose wisps at the temples."""
    s = head.s
    density = head.scalp(s.centre, head.ears[s.t].max(1), rng, 0.06)
    n = hair["strands"]
    root, normal, _ = s.sample(rng, density, n)
    side = np.where(root[:, 0] > hair.get("parting", 0.15) + 0.025 * np.sin(root[:, 2] * 4) + 0.022 * rng.standard_normal(n), 1.0, -1.0)
    height = np.clip((root[:, 1] - head.ey) / head.height, 0, 1)
    front = smoothstep(head.middle - 0.2, head.front - 0.2, root[:, 2])
    knot = np.array([0, head.ey - 0.10, head.back - 0.10])
    to = knot - root
    far = np.linalg.norm(to, axis=1)
    d = unit(to) + np.stack([side * 1.5 * front * smoothstep(0.2, 0.6, height), -0.1 * front, 0.1 * front], 1)
    d = unit(along_surface(d + 0.06 * rng.standard_normal((n, 3)), normal) + normal * 0.22)
    volume = hair.get("volume", 0.10)
    beside = np.abs(root[:, 0] - hair.get("parting", 0.15))
    volume = volume * (0.45 + 0.55 * smoothstep(0.0, 0.25, beside))  # it rises gently from the parting
    layer = 0.02 + 0.03 * rng.random(n) + volume * smoothstep(0.0, 0.7, height) * (0.35 + 0.65 * rng.random(n))
    size = np.minimum(far * 1.25, 2.6) * (0.85 + 0.15 * rng.random(n))
    p = np.zeros((n, keys, 3))
    p[:, 0] = q = root
    for k in range(1, keys):
        share = k / (keys - 1)
        arc = size * share
        q2 = q + d * (size / (keys - 1))[:, None]
        v, nv = s.nearest(q2)
        want = layer * smoothstep(-0.05, 0.45, arc) * (0.5 + 0.5 * smoothstep(1.0, 0.6, share))
        miss = want - ((q2 - v) * nv).sum(1)
        q2 = q2 + nv * np.clip(miss, -0.05, 0.2)[:, None] * np.where(miss > 0, 0.9, 0.5)[:, None]
        aim = along_surface(knot - q2, nv) + [0, 0.10 * (1 - share), 0]
        d = unit(0.72 * unit(q2 - q) + 0.28 * unit(aim))
        q = q2
        p[:, k] = q
    loose = (rng.random(n) < hair.get("wisps", 0.004)) & (front > 0.3) & (height < 0.5)
    p, i = clump(p, rng, 1500, 0.40 + 0.40 * rng.random(1500), hair.get("clumping", 0.9))
    p, large = clump(p, rng, 140, 0.02 + 0.16 * rng.random(140), 1.4)
    if loose.any():
        m = int(loose.sum())
        arc = np.linspace(0, 1, keys)[None] * (0.45 + 0.55 * rng.random((m, 1)))
        out = np.sign(root[loose, 0])[:, None]
        fall = np.stack([out * (0.10 * arc + 0.03 * np.sin(arc * 5 + 6.3 * rng.random((m, 1)))), -arc, -0.05 * arc], -1)
        p[loose] = root[loose][:, None] + fall + normal[loose][:, None] * 0.05 * smoothstep(0, 0.3, arc)[..., None]
    frizz = np.cumsum(rng.standard_normal((n, keys, 3)) * 0.0022, 1) * (1 + 5 * (rng.random(n) < hair.get("stray", 0.03)))[:, None, None]
    p = p + frizz - frizz[:, :1]
    return p, density, np.clip(0.6 * rng.standard_normal(1500)[i] + 0.6 * rng.standard_normal(140)[large], -1.8, 1.8)


STYLES = {"bob": bob, "short": short, "combed": combed, "tied": tied}


def scalp_hair(head, rng, hair):
    """The hair of a person file: strands, the scalp's density by triangle and a melanin offset by strand."""
    style = hair.get("style", "bob")
    if style not in STYLES:
        raise SystemExit(f'the hair style "{style}" is unknown; choose one of: {", ".join(STYLES)}')
    return STYLES[style](head, rng, hair)


def greyed(rng, count, share, melanin, variation, shade):
    """Melanin offsets with a `share` of the strands turned white: salt and pepper."""
    white = (0.01 + 0.07 * rng.random(count) ** 2 - melanin) / max(variation, 1e-6)
    return np.where(rng.random(count) < share, white, shade)


def beard(head, rng, count, length, lip, keys=5):
    """A short beard with moustache; `lip`: the lips' mask by vertex. Gives strands and the density by triangle."""
    s = head.s
    ax, y = np.abs(s.centre[:, 0]), s.centre[:, 1] - head.ey
    jaw = smoothstep(0.10, 0.0, y + 0.66 - 0.44 * smoothstep(0.35, 0.72, ax)) * smoothstep(-1.22, -1.05, y + 0.12 * ax)
    moustache = np.exp(-(((y + 0.545) / 0.055) ** 2)) * (ax < 0.30) * smoothstep(0.03, 0.06, ax + 0.03)
    density = np.clip(jaw + moustache, 0, 1) * (s.centre[:, 2] > head.ear_z - 0.02) * (s.normal[:, 2] > -0.75)
    density = density * (head.ears[s.t].max(1) < 0.15)
    density = density * (1 - np.clip(lip[s.t].max(1) * 4, 0, 1))
    density = density * (1 - 0.6 * np.exp(-(((ax - 0.34) / 0.10) ** 2) - ((y + 0.68) / 0.10) ** 2))
    root, normal, t = s.sample(rng, density, count)
    d = unit(normal * 0.8 + [0, -0.9, 0] + 0.4 * rng.standard_normal((count, 3)))
    size = length * (0.5 + rng.random(count)) * np.clip(density[t] + 0.2, 0.3, 1)
    k = np.linspace(0, 1, keys)[None, :, None]
    bend = rng.standard_normal((count, 1, 3)) * (0.25 * k**2) * size[:, None, None]
    return root[:, None] + d[:, None] * k * size[:, None, None] + bend, density


def keep_face_free(head, q, side):
    """A soft wall beside the cheeks."""
    heights = [head.ey - 1.3, head.ey - 0.75, head.ey - 0.35, head.ey, head.ey + 0.3, head.ey + 0.62 * head.height]
    wall = np.interp(q[:, 1], heights, [0.66, 0.66, 0.69, 0.69, 0.62, 0.10])
    before = (q[:, 2] > head.ear_z + 0.30) & (q[:, 1] < head.ey + 0.62 * head.height) & (np.abs(q[:, 0]) < wall)
    to = np.where(np.abs(q[:, 0]) > 0.12, np.sign(q[:, 0]), side)
    q[:, 0] = np.where(before, q[:, 0] + (to * wall - q[:, 0]) * 0.35, q[:, 0])
    q[:, 2] -= before * 0.018
    return q


def brows(head, rng, count, thickness, arch=1.0, soft=False, keys=6):
    """Two brows; `arch`: how much they bend (1: much); `soft`: sparse at the inner end and thinner above, as most grow."""
    s = head.s
    front = s.centre[:, 2] > head.ear_z + 0.4
    centre, normal = s.centre[front], s.normal[front]
    tree = cKDTree(centre[:, :2])
    out = []
    for sg in (1, -1):
        u = np.clip(rng.beta(*((1.45, 1.35) if soft else (1.1, 1.3)), count), 0, 1)
        j = np.clip(rng.standard_normal(count), -2.2, 2.2)
        x = head.ex - 0.165 + 0.40 * u
        middle = head.ey + 0.200 + 0.045 * arch * np.sin(u * np.pi * 0.72) - 0.055 * arch * np.clip(u - 0.55, 0, 1) * 2
        thick = 0.030 * thickness * (1 - 0.70 * u**1.5) * np.clip(u / 0.16 + 0.45, 0, 1)
        if soft:
            j = np.where(rng.random(count) < 0.12, j * 1.5, j * 0.9)
            x = x + 0.012 * rng.standard_normal(count)
        y = middle + thick * j * 0.62
        _, i = tree.query(np.stack([sg * x, y], 1))
        n = normal[i]
        p = np.stack([sg * x, y, centre[i, 2]], 1)
        p -= n * ((p - centre[i]) * n).sum(1)[:, None]
        across = (y - middle) / (thick + 1e-6)
        angle = np.interp(u, [0, 0.15, 0.5, 1], [70, 52, 24, -16])
        angle = np.radians(angle - 24 * across * np.interp(u, [0, 0.3, 1], [0.2, 0.8, 0.6]) + 11 * rng.standard_normal(count))
        d = np.stack([sg * np.cos(angle), np.sin(angle), 0 * x], 1)
        d = unit(d - n * (d * n).sum(1)[:, None])
        length = (0.050 + 0.035 * rng.random(count)) * np.interp(u, [0, 0.3, 1], [0.8, 1, 0.75])
        t = np.linspace(0, 1, keys)[None, :, None]
        droop = np.array([sg * 0.012, -0.012, 0])
        out.append(p[:, None] + d[:, None] * t * length[:, None, None] + n[:, None] * (0.008 * np.sin(t * 2.2)) + droop * t**2)
    return np.concatenate(out)


def lashes(rng, edge, centre, count, length, upper, keys=8):
    """`edge`: points on the lid's edge; `centre`: of the eyeball."""
    r = edge[np.argsort(edge[:, 0])]
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(r, axis=0), axis=1))]
    along /= along[-1]
    u = 0.06 + 0.90 * rng.random(count)
    root = np.stack([np.interp(u, along, r[:, k]) for k in range(3)], 1)
    outward = np.sign(centre[0])
    lateral = u if outward > 0 else u - 1
    d = unit(root - centre) * [1.15, 0, 1]
    d = unit(d + np.stack([0.55 * (lateral - 0.35 * outward), 0 * u, 0 * u], 1) + 0.10 * rng.standard_normal((count, 3)))
    size = length * (1 - 0.45 * np.abs(np.abs(lateral) - 0.62) / 0.62) * (0.7 + 0.5 * rng.random(count))
    t = np.linspace(0, 1, keys)[None, :, None]
    up = np.array([0, 1.0, 0]) if upper else np.array([0, -1.0, 0])
    curl = ((-0.35 if upper else 0.1) * t + t**2) * (size * (0.62 if upper else 0.5))[:, None, None]
    return root[:, None] + d[:, None] * t * size[:, None, None] + up * curl


def brought_out(edge, skin, reach=0.012):
    """The points of a closed lid's edge brought out in front of the skin that bulges over them."""
    skin = skin[(np.abs(skin[:, 1] - edge[:, 1].mean()) < 0.3) & (skin[:, 2] > edge[:, 2].min() - 0.1)]
    near = cKDTree(skin[:, :2]).query_ball_point(edge[:, :2], reach)
    front = np.array([max(skin[i, 2].max(), z) if i else z for i, z in zip(near, edge[:, 2])])
    return np.stack([edge[:, 0], edge[:, 1], front], 1)


def fuzz(head, rng, count, keys=3):
    c = head.s.centre
    where = (c[:, 2] > head.ear_z - 0.1) & (c[:, 1] < head.ey + 0.7 * head.height) & (c[:, 1] > head.ey - 1.0)
    lids = (np.abs(np.abs(c[:, 0]) - head.ex) < 0.22) & (np.abs(c[:, 1] - head.ey) < 0.13)
    p, n, _ = head.s.sample(rng, (where & ~lids).astype(float), count)
    d = unit(n * 0.8 + [0, -1, 0] + 0.3 * rng.standard_normal((count, 3)))
    k = np.linspace(0, 1, keys)[None, :, None]
    return p[:, None] + d[:, None] * k * (0.012 + 0.012 * rng.random(count))[:, None, None]
