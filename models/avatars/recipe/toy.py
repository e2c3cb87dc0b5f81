"""What a stylised character wears instead of strands: a sculpted cap of hair and two soft brows. Decimetres."""
import bpy
import numpy as np

import groom
import nodes
from nodes import Tree, rgba
from shape import smoothstep


def _clay(name, colour, roughness):
    m = Tree(name)
    m.set(Base_Color=rgba(colour), Roughness=roughness, Subsurface_Weight=0.15, Subsurface_Radius=(1.0, 0.5, 0.3))
    m.set(Subsurface_Scale=0.03, Specular_IOR_Level=0.25, Sheen_Weight=0.15)
    return m.material


def cap(who, head, p, n, quads):
    """The head's skin under the hair, lifted: thick on the crown, rounded at its edge, combed in broad locks. Puts it into the
    scene; gives its points."""
    c = who["toy"]["hair"]
    x, y, z = p.T
    azimuth = np.degrees(np.arctan2(np.abs(x), z - head.ear_z))
    line = head.ey + head.height * np.interp(azimuth, groom.AZIMUTH, head.hairline)
    fringe = c.get("fringe", 0.12) * smoothstep(75, 40, azimuth)
    parting = c.get("parting", 0.30)
    inside = y - line + fringe * np.where(x < parting, 1 - 0.8 * ((x + 0.45) / 0.75) ** 2, -0.3)
    shown = (inside > -0.10) & (y > head.ey - 0.62) & (head.ears < 0.3)
    height = np.clip((y - head.ey) / head.height, 0, 1)
    side = x - parting
    swoop = np.exp(-(((x - parting + 0.45) / 0.55) ** 2)) * smoothstep(head.middle - 0.2, head.front, z) * smoothstep(0.35, 0.75, height)
    thick = c["thickness"] * (0.55 + 0.45 * height + c.get("swoop", 0.8) * swoop)
    # locks run back from the brow, away from the parting
    across = 9.0 * np.arctan2(side, 1.1 * head.height - (y - head.ey) + 1.2) * 2.2 + 2.4 * (z - head.middle)
    locks = 0.5 + 0.5 * np.cos(across * c.get("locks", 2.2))
    groove = np.exp(-((side / 0.05) ** 2)) * smoothstep(0.3, 0.6, height) * smoothstep(head.middle - 0.3, head.middle + 0.1, z)
    thick = thick * (0.80 + 0.20 * locks**0.6) * (1 - 0.45 * groove)
    rounded = np.sqrt(np.clip(1 - (1 - np.clip(inside / 0.11, 0, 1)) ** 2, 0, 1))
    lift = np.where(inside > 0, thick * rounded, 0.4 * inside)
    grown = p + n * lift[:, None] + np.array([0, 0.25, 0.10]) * (lift * swoop)[:, None]
    keep = quads[shown[quads].all(1)]
    used, inverse = np.unique(keep, return_inverse=True)
    me = nodes.mesh("cap", grown[used], inverse.reshape(keep.shape))
    ob = nodes.smooth_object("cap", me, _clay("cap", c["colour"], 0.55))
    smooth = ob.modifiers.new("smooth", "SMOOTH")
    smooth.iterations, smooth.factor = 6, 0.5
    graph = bpy.context.evaluated_depsgraph_get()
    return nodes.vertices(ob.evaluated_get(graph).to_mesh())


def brows(who, head, surface, around=16, along=40):
    """Two felt-like rolls, thicker at the nose."""
    b = who["toy"]["brows"]
    front = surface.v[surface.v[:, 2] > head.ear_z + 0.4]
    tree = groom.cKDTree(front[:, :2])
    material = _clay("brow", b["colour"], 0.7)
    u = np.linspace(0, 1, along)
    radius = b["thickness"] * np.sqrt(np.clip(np.sin(np.pi * (0.02 + 0.96 * u)), 0, 1)) * (1.1 - 0.35 * u)
    for sign in (1, -1):
        x = head.ex + b.get("width", 0.40) * (u - 0.46)
        y = head.ey + b["height"] + b.get("arch", 0.06) * np.sin(np.pi * (0.10 + 0.82 * u))
        _, i = tree.query(np.stack([sign * x, y], 1))
        z = np.convolve(np.pad(front[i, 2], 4, "edge"), np.ones(9) / 9, "valid") + 0.25 * b["thickness"]
        a = np.linspace(0, 2 * np.pi, around, endpoint=False)
        line = np.stack([sign * x, y, z], 1)
        ring = np.stack([0 * a, np.cos(a), 0.62 * np.sin(a)], 1)
        p = (line[:, None] + ring[None] * radius[:, None, None]).reshape(-1, 3)
        faces = [
            (k * around + j, k * around + (j + 1) % around, (k + 1) * around + (j + 1) % around, (k + 1) * around + j)
            for k in range(along - 1)
            for j in range(around)
        ]
        nodes.smooth_object("brow", nodes.mesh("brow", p, faces), material)
