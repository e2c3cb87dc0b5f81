"""The skin: colour, gloss and masks by vertex, and its material."""
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

import data
import groom
from nodes import Tree, srgb
from shape import LASH_RING, lid_margins, smoothstep


def uv_mask(name, uv, blur=4.0):
    """An MPFB mask texture at the given uv, 0..1."""
    im = cv2.GaussianBlur(cv2.imread(str(data.mask_image(name)), 0), (0, 0), blur).astype(np.float32) / 255
    h, w = im.shape
    row = np.clip(((1 - uv[:, 1]) * h).astype(int), 0, h - 1)
    return im[row, np.clip((uv[:, 0] * w).astype(int), 0, w - 1)].astype(float)


@dataclass
class Paint:
    """What the body's material reads, by vertex."""

    colour: np.ndarray  # sRGB 0..1
    roughness: np.ndarray
    lip: np.ndarray
    pores: np.ndarray


def waves(p, frequency, seed):
    """Cheap smooth noise, about -1..1."""
    axes = groom.unit(np.random.default_rng(seed).standard_normal((9, 3)))
    return sum(np.sin((p @ d) * frequency * (1 + 0.13 * i) + i * 1.7 + seed) for i, d in enumerate(axes)) / 3


def paint(person, shape, p, uv, triangles, head, density, rng) -> Paint:
    """`p`: the neutral body's vertices; `density`: the scalp's hair by triangle."""
    s = person["skin"]
    x, y, z = p.T
    ax, yy, ex = np.abs(x), y - head.ey, head.ex
    lips, ears, inside = uv_mask("lips", uv, 2.0), head.ears, uv_mask("inside-mouth", uv)
    colour = np.ones((len(p), 3)) * np.array(s["base"]) / 255

    def blob(cx, cy, sx, sy, power=2):
        return np.exp(-(np.abs((ax - cx) / sx) ** power) - np.abs((yy - cy) / sy) ** power) * (z > 0.3)

    def mix(to, amount):
        nonlocal colour
        a = np.clip(amount, 0, 1)[:, None]
        colour = colour * (1 - a) + np.array(to) / 255 * a

    mottle = s.get("mottle", 1.0)
    colour *= (1 + mottle * (0.020 * waves(p, 5, 1) + 0.018 * waves(p, 14, 2) + 0.016 * waves(p, 38, 3)))[:, None]
    colour[:, 0] *= 1 + 0.012 * mottle * waves(p, 9, 4)
    colour[:, 2] *= 1 - 0.02 * mottle * waves(p, 7, 6)
    uneven = 1 + 0.35 * mottle * waves(p, 10, 8)
    mix(s["blush"], 0.30 * blob(0.44, -0.36, 0.24, 0.20) * uneven)  # cheeks, nose, ears, chin, chest
    mix(s["blush"], 0.30 * blob(0, -0.34, 0.15, 0.12) * uneven)
    mix(s["blush"], 0.45 * ears)
    mix(s["blush"], 0.18 * blob(0, -0.92, 0.2, 0.12) * uneven)
    mix(s["blush"], 0.16 * smoothstep(6.0, 5.3, y) * uneven)
    mix(s["dark"], 0.35 * blob(ex - 0.03, -0.125, 0.17, 0.045) + 0.25 * blob(ex - 0.15, -0.02, 0.06, 0.09))
    mix(s["dark"], 0.20 * blob(ex, 0.07, 0.2, 0.05))
    mix(s["sallow"], 0.12 * blob(0, 0.45, 0.5, 0.25))
    mix(s["dark"], 0.16 * np.clip(waves(p, 3.5, 31), 0, 1) * blob(0, 0.50, 0.6, 0.25))  # the forehead is not one tone
    mix(s["dark"], 0.35 * blob(0.155, -0.37, 0.03, 0.05) + 0.30 * blob(0.30, -0.62, 0.05, 0.05))  # nostril wing, mouth corner
    fold = np.exp(-(((ax - (0.17 + (-0.33 - yy) * 0.42)) / 0.018) ** 2)) * smoothstep(-0.62, -0.50, yy) * smoothstep(-0.33, -0.38, yy)
    mix(s["dark"], 0.30 * fold * (z > 0.5))  # nasolabial fold
    brow = blob(ex + 0.02, 0.235, 0.20, 0.045, 2.4)
    mix(s.get("brow", (110, 78, 60)), 0.34 * brow * (yy > 0.14))  # shade under the brow's hairs
    for _ in range(s["freckles"]):
        where = blob(0.30, -0.25, 0.3, 0.18) + 0.08 * (z > 0.4) * (y > 5.8)
        i = rng.choice(len(p), p=where / where.sum())
        size = 0.005 + 0.007 * rng.random()
        mix(s["dark"], (0.10 + 0.30 * rng.random()) * np.exp(-((p - p[i]) ** 2).sum(1) / size**2))
    for i in rng.choice(np.where((z > 0.4) & (y > 5.7) & (ax > 0.2) & (yy < 0.3) & (np.abs(yy) > 0.2))[0], s.get("moles", 3)):
        mix([v * 0.45 for v in s["dark"]], 0.8 * np.exp(-((((p - p[i]) ** 2).sum(1) / 0.009**2) ** 2)))

    to_eye = np.minimum(*[np.linalg.norm(p - c, axis=1) - r for c, r in shape.eyes.values()])
    rim = np.exp(-np.clip(to_eye - 0.004, 0, 1) / 0.012) * (np.abs(yy) < 0.25) * (z > 0.5)
    mix(s["rim"], 0.5 * rim)
    edge = cKDTree(np.concatenate([lash_edge(shape, side, shape.neutral, True) for side in data.EYES]))
    mix(s["lash_line"], 0.80 * np.exp(-((edge.query(p)[0] / 0.011) ** 2)))
    edge = cKDTree(np.concatenate([lash_edge(shape, side, shape.neutral, False) for side in data.EYES]))
    mix(s["dark"], 0.45 * np.exp(-((edge.query(p)[0] / 0.009) ** 2)))

    lip = smoothstep(0.15, 0.85, lips)
    mix(s["lips"], 0.80 * lip * (1 + 0.12 * waves(p, 20, 12)))
    mix([v * 0.62 for v in s["lips"]], 0.55 * mottle * lip * np.exp(-(((yy - seam_height(shape, x) + head.ey) / 0.016) ** 2)))
    mix((92, 36, 34), smoothstep(0.4, 0.8, inside))
    scalp = np.zeros(len(p))
    np.maximum.at(scalp, triangles.ravel(), np.repeat(density, 3))
    mix(person["hair"]["scalp"], 0.55 * smoothstep(0.45, 1.0, scalp) * smoothstep(0.50, 0.66, yy / head.height + 0.9 * (ax > 0.45)))

    oil = blob(0, 0.40, 0.35, 0.3) * 0.8 + blob(0, -0.15, 0.12, 0.25) + 0.5 * blob(0, -0.92, 0.2, 0.1) + 0.5 * blob(0.42, -0.22, 0.16, 0.1)
    rough = s["roughness"] + 0.03 * waves(p, 30, 21) - s["oil"] * np.clip(oil, 0, 1)
    rough = rough * (1 - lip) + 0.40 * lip
    rough = rough * (1 - rim) + 0.14 * rim
    pores = (1 - 0.8 * lip) * (0.5 + 0.5 * np.clip(blob(0.25, -0.2, 0.35, 0.3) + blob(0, 0.4, 0.5, 0.3), 0, 1))
    return Paint(np.clip(colour, 0, 1), np.clip(rough, 0.08, 0.9), lip, pores)


def _line(p, points, width):
    """How near each vertex is to a polyline over the front of the face (x, y from the eyes; both sides), 0..1."""
    flat = np.stack([np.abs(p[:, 0]), p[:, 1]], 1)
    points = np.array(points, float)
    near = np.full(len(p), 9.0)
    for a, b in zip(points[:-1], points[1:]):
        t = np.clip(((flat - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        near = np.minimum(near, np.linalg.norm(flat - a - t[:, None] * (b - a), axis=1))
    return np.exp(-((near / width) ** 2)) * (p[:, 2] > 0.3)


def creases(person, p, head):
    """Depth of the skin's lines by vertex, about 0..1; None for a person without any."""
    c = person["skin"].get("creases")
    if c is None:
        return None
    q = p - [0, head.ey, 0]
    wobble = 1 + 0.45 * waves(p, 6, 41)
    out = np.zeros(len(p))
    for y, reach, strength in ((0.34, 0.40, 0.6), (0.43, 0.46, 1.0), (0.53, 0.44, 0.9)):
        side = 0.012 * np.sin(p[:, 0] * 9 + y * 40) - 0.05 * (p[:, 0] / 0.5) ** 2
        along = smoothstep(reach, reach - 0.22, np.abs(p[:, 0])) * (p[:, 2] > 0.3)
        out += c["forehead"] * strength * np.exp(-(((q[:, 1] - y - side) / 0.013) ** 2)) * along * wobble
    frown = _line(q, [(0.055, 0.13), (0.065, 0.25)], 0.014)
    fold = _line(q, [(0.165, -0.33), (0.24, -0.45), (0.295, -0.58)], 0.018)
    corner = _line(q, [(0.300, -0.64), (0.325, -0.74)], 0.016)
    bag = _line(q, [(head.ex - 0.17, -0.10), (head.ex - 0.05, -0.165), (head.ex + 0.12, -0.15)], 0.014)
    x = head.ex + 0.20
    feet = [[(x, 0.02), (x + 0.12, 0.08)], [(x, 0.0), (x + 0.13, 0.01)], [(x - 0.01, -0.03), (x + 0.11, -0.08)]]
    crow = sum(_line(q, f, 0.010) for f in feet)
    out += c["frown"] * frown + c["fold"] * (fold + 0.7 * corner) + c["bag"] * bag * wobble + c["crow"] * crow * wobble
    return np.clip(out, 0, 1.3)


def shade_creases(person, paint, depth):
    a = np.clip(0.35 * depth, 0, 1)[:, None] * (1 - paint.lip[:, None])
    paint.colour[:] = paint.colour * (1 - a) + np.array(person["skin"]["dark"]) / 255 * 0.85 * a


def shade_under(paint, triangles, density, colour, amount):
    """Tints the skin below strands of the given density by triangle."""
    d = np.zeros(len(paint.colour))
    np.maximum.at(d, triangles.ravel(), np.repeat(density, 3))
    a = (amount * d)[:, None]
    paint.colour[:] = paint.colour * (1 - a) + np.array(colour) / 255 * a


def seam_height(shape, x):
    """Height of the line where the lips meet, by x."""
    p = shape.limit(shape.neutral)
    r = np.where((shape.mouth_ring >= 12) & (shape.mouth_ring <= 14))[0]
    q = p[r]
    xs = np.linspace(-0.28, 0.28, 29)
    ys = np.array([np.median(q[np.abs(q[:, 0] - a) < 0.035, 1]) if (np.abs(q[:, 0] - a) < 0.035).any() else np.nan for a in xs])
    ok = ~np.isnan(ys)
    return np.interp(x, xs[ok], ys[ok], left=-9, right=-9)


def lash_edge(shape, side, vertices, upper):
    """Dense points along the roots of the upper or lower lashes, at the given pose of the cage."""
    ring = lid_margins(shape, side, LASH_RING)[0 if upper else 1]
    r = shape.limit(vertices)[ring]
    return np.concatenate([r[:-1] * (1 - t) + r[1:] * t for t in (0, 0.25, 0.5, 0.75)] + [r[-1:]])


def material(person):
    s = person["skin"]
    m = Tree("skin")
    at = m.node("TexCoord").outputs["Object"]
    fine = m.node("TexNoise", dict(Vector=at, Scale=60.0, Detail=6.0, Roughness=0.6)).outputs["Fac"]
    cells = m.node("TexVoronoi", dict(Vector=at, Scale=95.0), feature="SMOOTH_F1").outputs["Distance"]
    stretched = m.node("Mapping", dict(Vector=at, Scale=(48.0, 12.0, 9.0))).outputs[0]
    lines = m.node("TexNoise", dict(Vector=stretched, Scale=1.0, Detail=3.0, Distortion=0.4)).outputs["Fac"]
    broad = m.node("TexNoise", dict(Vector=at, Scale=11.0, Detail=3.0)).outputs["Fac"]
    lip = m.attribute("lip").outputs["Fac"]
    pores = m.mul(m.add(m.mul(fine, 0.9), m.mul(cells, 0.7)), m.attribute("pores").outputs["Fac"])
    height = m.add(m.add(pores, m.mul(broad, 0.8)), m.mul(lines, m.mul(lip, 3.2)))
    bump = m.node("Bump", dict(Height=height, Strength=s["bump"], Distance=0.010)).outputs[0]
    tone = m.node("TexNoise", dict(Vector=at, Scale=26.0, Detail=5.0)).outputs["Fac"]
    mottle = 0.16 * s.get("mottle", 1.0)
    value = m.add(m.mul(tone, mottle), 1 - 0.5 * mottle)
    colour = m.node("HueSaturation", dict(Color=m.attribute("colour").outputs["Color"], Value=value)).outputs[0]
    rough = m.add(m.attribute("roughness").outputs["Fac"], m.mul(m.math("SUBTRACT", fine, 0.5), 0.25 * s.get("mottle", 1.0)))
    m.bsdf.subsurface_method = "RANDOM_WALK"
    m.set(Base_Color=colour, Roughness=rough, Normal=bump, Subsurface_Weight=s["subsurface"])
    m.set(Subsurface_Radius=(1.0, 0.36, 0.19), Subsurface_Scale=0.032, Specular_IOR_Level=s["specular"])
    m.set(Coat_Weight=m.mul(lip, 0.14), Coat_Roughness=0.26)
    return m.material


def linear_colour(paint: Paint):
    return srgb(paint.colour * 255)
