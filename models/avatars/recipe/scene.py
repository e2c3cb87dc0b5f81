"""The studio: the person in front of a long lens, a softbox, fill and rims. Everything is rebuilt for each pose."""
import math

import bpy
import mathutils
import numpy as np

import clothes
import data
import eyes
import groom
import nodes
import skin
import toy
from framing import Framing
from nodes import Tree, link, to_blender


CREASE_DEPTH = 0.010  # dm, of a crease of strength 1


def _curves(rng, name, strands, material, radius, tip=0.25, vary=0.2, shade=None):
    n, k = strands.shape[:2]
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([k] * n)
    curves.position_data.foreach_set("vector", to_blender(strands).astype(np.float32).ravel())
    taper = 1 - (1 - tip) * np.linspace(0, 1, k)[None] ** 2
    r = radius * taper * (1 + vary * rng.standard_normal((n, 1))).clip(0.4, 1.8)
    attribute = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    attribute.data.foreach_set("value", r.astype(np.float32).ravel())
    if shade is not None:
        curves.attributes.new("shade", "FLOAT", "CURVE").data.foreach_set("value", shade.astype(np.float32))
    curves.materials.append(material)
    link(bpy.data.objects.new(name, curves))


def _hair_material(name, melanin, redness, rough, radial, random=0.25, variation=None):
    m = Tree(name)
    b = m.node("BsdfHairPrincipled", parametrization="MELANIN")
    values = {"Melanin": melanin, "Melanin Redness": redness, "Roughness": rough, "Radial Roughness": radial}
    values |= {"Random Color": random, "Random Roughness": 0.2}
    for k, v in values.items():
        b.inputs[k].default_value = v
    if variation is not None:
        offset = m.mul(m.attribute("shade").outputs["Fac"], variation)
        m.tree.links.new(m.add(offset, melanin), b.inputs["Melanin"])
    m.tree.links.new(m.node("HairInfo").outputs["Random"], b.inputs["Random"])
    m.surface(b.outputs[0])
    return m.material


def _grey(rng, groomed, strands, shade):
    """The melanin offsets of a table of the person file, some of the strands white if it says `grey`."""
    if "grey" not in groomed:
        return shade
    return groom.greyed(rng, len(strands), groomed["grey"], groomed["melanin"], groomed.get("variation", 0.2), shade)


def _strands(rng, name, strands, groomed, redness, rough, radius, tip):
    """Brows or a beard: one tone, or salt and pepper."""
    shade = _grey(rng, groomed, strands, np.zeros(len(strands))) if "grey" in groomed else None
    variation = groomed.get("variation", 0.2) if "grey" in groomed else None
    material = _hair_material(name, groomed["melanin"], redness, rough, 0.5, variation=variation)
    _curves(rng, name, strands, material, radius, tip, shade=shade)


def _aim(ob, at, to):
    at, to = to_blender(np.array(at, float)), to_blender(np.array(to, float))
    ob.location = at
    ob.rotation_euler = mathutils.Vector(to - at).to_track_quat("-Z", "Y").to_euler()


def _area(at, energy, size, colour=(1, 1, 1), to=(0, 6.6, 0.6)):
    light = bpy.data.lights.new("area", "AREA")
    light.energy, light.shape, light.color = energy, "RECTANGLE", colour
    light.size, light.size_y = size
    _aim(link(bpy.data.objects.new("area", light)), at, to)


def person(who, shape, pose, framing: Framing):
    """Builds the person in the given pose (ARKit weights) and gives the points of the visible surfaces by kind (dm)."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rng = np.random.default_rng(who["seed"])
    base, neutral = shape.base, shape.neutral
    posed = shape.posed(pose)
    middle = neutral[base.quads].mean(1)
    keep = (base.group == "body") & (middle[:, 1] > 3.0) & (np.abs(middle[:, 0]) < 2.5)
    level = 3 if "creases" in who["skin"] or "toy" in who else 2  # creases and locks are finer than the usual mesh
    me = nodes.subdivided(neutral, base.quads[keep], base.uv[base.quads_uv[keep]], level)
    p, n, q, uv = nodes.vertices(me), nodes.normals(me), nodes.quads(me), nodes.vertex_uv(me)
    q_body = q
    triangles = np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])
    surface = groom.Surface(p, n, triangles)
    h = who["hair"]
    head = groom.Head(surface, shape.eyes["left"][0], skin.uv_mask("ears", uv), h.get("hairline", "round"))

    if "toy" in who:
        strands, density, shade = np.zeros((0, 2, 3)), np.zeros(len(triangles)), np.zeros(0)
    else:
        strands, density, shade = groom.scalp_hair(head, rng, h)
    paint = skin.paint(who, shape, p, uv, triangles, head, density, rng)
    creases = skin.creases(who, p, head)
    if "beard" in who:
        beard, beard_density = groom.beard(head, rng, who["beard"]["strands"], who["beard"]["length"], paint.lip)
        skin.shade_under(paint, triangles, beard_density, who["beard"]["skin"], who["beard"].get("shade", 0.45))
    if creases is not None:
        skin.shade_creases(who, paint, creases)
        nodes.set_vertices(me, p - n * (CREASE_DEPTH * creases)[:, None])
    nodes.point_attribute(me, "colour", skin.linear_colour(paint))
    nodes.point_attribute(me, "roughness", paint.roughness)
    nodes.point_attribute(me, "lip", paint.lip)
    nodes.point_attribute(me, "pores", paint.pores)
    if pose:  # colours stay with the neutral's vertices, only places change
        other = nodes.subdivided(posed, base.quads[keep], base.uv[base.quads_uv[keep]], level)
        q = nodes.vertices(other)
        if creases is not None:
            q = q - nodes.normals(other) * (CREASE_DEPTH * creases)[:, None]
        nodes.set_vertices(me, q)
    nodes.smooth_object("body", me, skin.material(who))
    eyes.add(who, shape, framing)

    if "toy" in who:
        on_head = toy.cap(who, head, p, n, q_body)
        toy.brows(who, head, surface)
    else:
        on_head = strands.reshape(-1, 3)
        hair = _hair_material("hair", h["melanin"], h["redness"], h["roughness"], h["radial_roughness"], variation=h["variation"])
        _curves(rng, "hair", strands, hair, h["radius"], shade=_grey(rng, h, strands, shade))
        b = who["brows"]
        brow = groom.brows(head, rng, b["strands"], b["thickness"], b.get("arch", 1.0), b.get("soft", False))
        _strands(rng, "brows", brow, b, b.get("redness", 0.25), 0.5, b.get("radius", 0.00062), 0.12)
    if "beard" in who:
        _strands(rng, "beard", beard, who["beard"], who["beard"].get("redness", 0.10), 0.4, who["beard"].get("radius", 0.0008), 0.3)
    dark = _hair_material("lash", 1.0, 0.1, 0.45, 0.5, 0.05)
    for side in data.EYES:
        centre = shape.eyes[side][0]
        for upper, count, length in ((True, 150, 0.080), (False, 70, 0.032)):
            if not upper and "toy" in who:
                continue
            edge = skin.lash_edge(shape, side, posed, upper)
            blink = pose.get("eyeBlink" + side.capitalize(), 0.0)
            lashes = who.get("lashes", {})
            length *= lashes.get("length", 1.0)
            count = round(count * lashes.get("count", 1.0))
            if upper and blink and lashes.get("in_front", False):
                edge = groom.brought_out(edge, nodes.vertices(me))
            lash = groom.lashes(rng, edge, centre, count, length, upper)
            if upper and blink:  # lashes turn down with the lid
                t = lash - lash[:, :1]
                a = -math.radians(34) * blink
                t = t @ np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]]).T
                lash = lash[:, :1] + [0, 0, 0.008] + t
            _curves(rng, "lash", lash, dark, (0.0012 if upper else 0.0008) * lashes.get("radius", 1.0), 0.12)
    if "toy" not in who:
        _curves(rng, "fuzz", groom.fuzz(head, rng, 9000), _hair_material("fuzz", 0.12, 0.3, 0.4, 0.4), 0.00018, 0.2)
    cloth = clothes.add(who, shape)
    _studio(who, framing)
    return {"skin": p, "hair": on_head, "cloth": cloth}


def _studio(who, framing: Framing):
    sc = bpy.context.scene
    camera = bpy.data.cameras.new("camera")
    ob = link(bpy.data.objects.new("camera", camera))
    at = framing.metric([0, 0, framing.distance])
    _aim(ob, at, at - [0, 0, 1])
    camera.sensor_fit = "VERTICAL"
    camera.sensor_width = camera.sensor_height = 24
    camera.lens = 12 / framing.tan_half_height
    whole = 2 * framing.tan_half_height * framing.distance
    camera.shift_x, camera.shift_y = framing.centre[0] / whole, framing.centre[1] / whole
    sc.camera = ob
    k, rim = who["light"]["key"], who["light"].get("rim", 1.0)
    _area((-5.0, 9.4, 8.6), 1150 * k, (5.0, 6.0), (1, 0.95, 0.88))
    _area((8, 6.6, 8.5), 170 * k, (7, 7), (0.86, 0.93, 1))
    _area((4.4, 9.8, -6.5), 480 * k * rim, (2.4, 5), (1, 0.93, 0.84))
    _area((-5, 8.6, -6.0), 200 * k * rim, (2, 5), (0.86, 0.93, 1))
    _area((0, 2.2, 7), 80 * k, (5, 2), (1, 0.92, 0.85))
    world = bpy.data.worlds.new("world")
    sc.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.36, 0.36, 0.38, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = 0.30
    vs = sc.view_settings
    vs.view_transform = "AgX"
    vs.look = "AgX - Medium High Contrast"
    vs.exposure = who["light"]["exposure"]
