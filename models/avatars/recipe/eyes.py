"""The eyeball: its picture (iris, limbus, veins) and its meshes in the render."""
import math

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from nodes import Tree, image, mesh, smooth_object
from shape import smoothstep

IRIS = 0.475  # radius of the limbus as a share of the eyeball's radius


def picture(person, n=1024):
    """The eyeball's front seen straight, sRGB 0..1 [n, n, 3]; the disc touches the edges."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:n, 0:n]
    x, y = (x + 0.5) / n * 2 - 1, 1 - (y + 0.5) / n * 2
    t, angle = np.hypot(x, y) / (IRIS * person["eyes"].get("size", 1.0)), np.arctan2(y, x)
    outer, inner = [np.array(v) / 255 for v in person["eyes"]["iris"]]
    fibres = gaussian_filter(rng.standard_normal((64, 2048)), (5, 2.2), mode=("nearest", "wrap"))
    fibres /= fibres.std()
    u, v = (angle + np.pi) / (2 * np.pi) * 2047, np.clip(t, 0, 1) * 63
    fibre = cv2.remap(fibres.astype(np.float32), u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    ring = np.exp(-(((t - 0.52 - 0.03 * fibre) / 0.13) ** 2))[..., None]
    iris = (outer * (1 - ring) + inner * ring) * (1 + 0.30 * fibre)[..., None]
    iris *= (1 - 0.62 * smoothstep(0.76, 1.0, t))[..., None]
    iris = iris * (1 - smoothstep(0.36, 0.31, t + 0.006 * fibre))[..., None] + 0.012

    white = np.ones((n, n, 3)) * np.array(person["eyes"]["sclera"]) / 255
    blotch = gaussian_filter(rng.standard_normal((n, n)), 40)
    white *= (1 + 0.02 * blotch / blotch.std())[..., None]
    edge = smoothstep(0.55, 1.0, np.abs(x))[..., None]
    white = white * (1 - 0.30 * edge) + np.array([186, 118, 104]) / 255 * 0.30 * edge
    veins = np.zeros((n, n), np.float32)
    for _ in range(person["eyes"].get("veins", 46)):
        side = rng.choice([-1, 1])
        px, py = side * (0.98 - 0.1 * rng.random()), rng.uniform(-0.5, 0.5)
        a = np.pi * (side > 0) + rng.normal(0, 0.4)
        points = []
        for _ in range(int(rng.integers(12, 46))):
            points.append(((px + 1) / 2 * n, (1 - py) / 2 * n))
            a += rng.normal(0, 0.28)
            px, py = px + 0.012 * np.cos(a), py + 0.012 * np.sin(a)
        cv2.polylines(veins, [np.array(points, np.int32)], False, float(rng.uniform(0.2, 0.7)), 1, cv2.LINE_AA)
    veins = cv2.GaussianBlur(veins, (0, 0), 1.1)[..., None] * 0.40
    white = white * (1 - veins) + np.array([168, 62, 54]) / 255 * veins
    m = smoothstep(0.93, 1.09, t)[..., None]
    return np.clip(iris * (1 - m) + white * m, 0, 1)


def _globe(centre, radius, cornea, gaze_degrees, iris=IRIS, around=96, along=96):
    """A globe looking along +z, turned by the gaze (x to the person's left, y up)."""
    theta = np.linspace(0, np.pi * 0.75, along + 1)[:, None]
    phi = np.linspace(0, 2 * np.pi, around, endpoint=False)[None]
    limbus = math.asin(iris)
    if cornea:
        r = radius * 1.004 * (1 + 0.085 * np.exp(-((theta / (limbus * 0.98)) ** 4)))
        z = r * np.cos(theta)
    else:  # the iris lies in a dish
        r = radius * 0.998
        dish = 0.10 * (1 - smoothstep(0.88, 1.02, theta / limbus)) * (1 - 0.35 * np.clip(theta / limbus, 0, 1))
        z = r * np.cos(theta) - radius * dish
    p = np.stack(np.broadcast_arrays(r * np.sin(theta) * np.cos(phi), r * np.sin(theta) * np.sin(phi), z), -1).reshape(-1, 3)
    uv = (p[:, :2] / radius + 1) / 2
    gx, gy = np.radians(gaze_degrees)
    turn = np.array([[math.cos(gx), 0, math.sin(gx)], [0, 1, 0], [-math.sin(gx), 0, math.cos(gx)]])
    tilt = np.array([[1, 0, 0], [0, math.cos(gy), -math.sin(gy)], [0, math.sin(gy), math.cos(gy)]])
    faces = [
        (i * around + j, (i + 1) * around + j, (i + 1) * around + (j + 1) % around, i * around + (j + 1) % around)
        for i in range(along)
        for j in range(around)
    ]
    return mesh("globe", p @ (turn @ tilt).T + centre, faces, uv[np.array(faces).ravel()])


def add(person, shape, framing):
    """Both eyes, looking at the camera."""
    m = Tree("eye")
    tex = m.node("TexImage", image=image("eye", picture(person)), extension="EXTEND")
    m.set(Base_Color=tex.outputs[0], Roughness=0.35, Subsurface_Weight=0.15, Subsurface_Radius=(1.0, 0.4, 0.3))
    m.set(Subsurface_Scale=0.02, Specular_IOR_Level=0.3)
    c = Tree("cornea")
    gloss = c.node("BsdfGlossy", dict(Roughness=0.02)).outputs[0]
    clear = c.node("BsdfTransparent").outputs[0]
    seen = c.node("LightPath").outputs["Is Camera Ray"]
    amount = c.mul(c.mul(c.node("Fresnel", dict(IOR=1.40)).outputs[0], 3.0), seen)
    c.surface(c.node("MixShader", {0: amount, 1: clear, 2: gloss}).outputs[0])
    iris = IRIS * person["eyes"].get("size", 1.0)
    for centre, radius in shape.eyes.values():
        inward = -math.degrees(math.atan2(centre[0], framing.distance * framing.unit))
        smooth_object("eye", _globe(centre, radius * 0.985, False, (inward, 0), iris), m.material)
        cornea = smooth_object("cornea", _globe(centre, radius * 0.985, True, (inward, 0), iris), c.material)
        cornea.visible_shadow = cornea.visible_diffuse = False
