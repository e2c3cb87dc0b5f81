"""A knitted jumper: the base mesh's shirt, cut by a tilted plane at the neck, with a ribbed collar swept along the cut."""
import math

import bmesh
import numpy as np
from scipy.ndimage import gaussian_filter

import nodes
from nodes import Tree, from_blender, rgba, to_blender
from shape import smoothstep


def _cloth(person):
    m = Tree("cloth")
    at = m.node("TexCoord").outputs["Object"]
    w1 = m.node("TexWave", dict(Vector=at, Scale=13.0, Distortion=1.6, Detail=2.0), bands_direction="X").outputs["Fac"]
    w2 = m.node("TexWave", dict(Vector=at, Scale=11.0, Distortion=2.2, Detail=2.0), bands_direction="Z").outputs["Fac"]
    fluff = m.node("TexNoise", dict(Vector=at, Scale=70.0, Detail=4.0)).outputs["Fac"]
    knit = m.add(m.mul(m.mul(w1, w2), 0.6), m.mul(fluff, 0.9))
    value = m.add(m.mul(knit, 0.35 * person["cloth"].get("knit", 1.0)), 0.75)
    m.set(Base_Color=m.node("HueSaturation", dict(Color=rgba(person["cloth"]["colour"]), Value=value)).outputs[0])
    strength = 0.7 * person["cloth"].get("knit", 1.0)
    m.set(Normal=m.node("Bump", dict(Height=knit, Strength=strength, Distance=0.015)).outputs[0])
    m.set(Roughness=0.95, Sheen_Weight=0.5, Sheen_Roughness=0.5, Specular_IOR_Level=0.15)
    return m.material


def _rib(person):
    m = Tree("rib")
    at = m.node("TexCoord").outputs["Object"]
    rib = m.math("SINE", m.mul(m.attribute("rib").outputs["Fac"], 64.0))
    fluff = m.node("TexNoise", dict(Vector=at, Scale=70.0, Detail=4.0)).outputs["Fac"]
    height = m.add(m.mul(rib, 0.6), m.mul(fluff, 0.6))
    value = m.add(m.mul(height, 0.28), 0.72)
    m.set(Base_Color=m.node("HueSaturation", dict(Color=rgba(person["cloth"]["colour"]), Value=value)).outputs[0])
    m.set(Normal=m.node("Bump", dict(Height=height, Strength=0.8, Distance=0.02)).outputs[0])
    m.set(Roughness=0.95, Sheen_Weight=0.5, Specular_IOR_Level=0.15)
    return m.material


def add(person, shape):
    """Puts the jumper into the scene; gives the points of its surface."""
    c = person["cloth"]
    base, v = shape.base, shape.neutral
    middle = v[base.quads].mean(1)
    part = (base.group == "helper-tights") & (middle[:, 1] > 3.0) & (np.abs(middle[:, 0]) < 2.7)
    me = nodes.subdivided(v, base.quads[part], base.uv[base.quads_uv[part]], 2)
    p, n = nodes.vertices(me), nodes.normals(me)
    fold = np.sin(p[:, 0] * 5 + p[:, 1] * 7 + 2 * np.sin(p[:, 1] * 3)) * 0.012
    fold += np.sin(p[:, 0] * 9 - p[:, 1] * 4 + 3 * np.sin(p[:, 2] * 4)) * 0.008
    nodes.set_vertices(me, p + n * (c["offset"] + fold * smoothstep(5.4, 4.6, p[:, 1]))[:, None])

    tilt = math.radians(c["tilt"])
    at = np.array([0, c["neck"], 0.15])
    normal = np.array([0, math.cos(tilt), -math.sin(tilt)])
    bm = bmesh.new()
    bm.from_mesh(me)
    everything = bm.verts[:] + bm.edges[:] + bm.faces[:]
    bmesh.ops.bisect_plane(bm, geom=everything, plane_co=to_blender(at), plane_no=to_blender(normal), clear_outer=True)
    on_plane = [v for v in bm.verts if v.is_boundary and abs((from_blender(np.array(v.co[:])) - at) @ normal) < 1e-4]
    loop = from_blender(np.array([v.co[:] for v in on_plane]))
    bm.to_mesh(me)
    bm.free()
    shirt = nodes.smooth_object("shirt", me, _cloth(person))
    thick = shirt.modifiers.new("t", "SOLIDIFY")
    thick.thickness, thick.offset = 0.05, -1

    collar = _collar(loop, at, normal, c["roll"])
    me2 = nodes.mesh("collar", collar[0], collar[1])
    nodes.point_attribute(me2, "rib", collar[2])
    nodes.smooth_object("collar", me2, _rib(person))
    return np.concatenate([nodes.vertices(me), collar[0]])


def _collar(loop, at, normal, roll, around=240, section=20):
    centre = loop.mean(0)
    angle = np.arctan2(loop[:, 2] - centre[2], loop[:, 0] - centre[0])
    order = np.argsort(angle)
    radius = np.hypot(loop[order, 0] - centre[0], loop[order, 2] - centre[2])
    a = np.linspace(-np.pi, np.pi, around, endpoint=False)
    r = gaussian_filter(np.interp(a, angle[order], radius, period=2 * np.pi), 5, mode="wrap")
    ring = np.stack([centre[0] + r * np.cos(a), 0 * a, centre[2] + r * np.sin(a)], 1)
    ring[:, 1] = at[1] - ((ring[:, [0, 2]] - at[[0, 2]]) @ normal[[0, 2]]) / normal[1]
    out = ring - centre
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    s = np.linspace(0, 2 * np.pi, section, endpoint=False)
    width = np.sign(np.cos(s)) * np.abs(np.cos(s)) ** 0.7 * roll * 0.42
    height = np.sin(s) * roll * 0.93 + roll * 0.375
    p = ring[:, None] + out[:, None] * (width - 0.30 * np.clip(height, 0, 9))[None, :, None] + normal * height[None, :, None]
    faces = [
        (i * section + j, (i + 1) % around * section + j, (i + 1) % around * section + (j + 1) % section, i * section + (j + 1) % section)
        for i in range(around)
        for j in range(section)
    ]
    return p.reshape(-1, 3), faces, np.repeat(a, section)
