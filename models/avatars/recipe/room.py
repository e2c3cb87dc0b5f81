"""The room behind the person: a few boxes in warm light, rendered small and put out of focus."""
import math

import bpy
import cv2
import numpy as np

import nodes
import passes
from nodes import Tree, link, rgba
from framing import Framing


def _plain(name, colour, rough=0.8):
    m = Tree(name)
    m.set(Base_Color=rgba(colour), Roughness=rough)
    return m.material


def _glow(name, colour, strength):
    m = Tree(name)
    m.surface(m.node("Emission", dict(Color=rgba(colour), Strength=strength)).outputs[0])
    return m.material


def _box(name, low, high, material):
    (x0, y0, z0), (x1, y1, z1) = low, high
    v = np.array([(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)], float)
    f = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    me = nodes.mesh(name, v, f)
    me.materials.append(material)
    return link(bpy.data.objects.new(name, me))


def plain(colour, height, width):
    """A paper backdrop of one colour: lighter behind the head, darker to the corners."""
    y, x = np.mgrid[0:height, 0:width] / height
    away = np.hypot(x - width / height / 2, 0.8 * (y - 0.40))
    grain = np.random.default_rng(1).normal(0, 0.006, (height, width))  # so that no bands show
    light = 1.04 - 0.16 * np.clip(away / 0.9, 0, 1) ** 1.5 + grain
    return (np.array(colour[::-1]) / 255 * light[..., None]).clip(0, 1).astype(np.float32)


def plate(who, framing: Framing, work, height, threads):
    """sRGB BGR 0..1 [height, 16/9 height, 3]. Lengths in decimetres around the sitter, who is not in it. The person file's
    `room` may set the colour of the wall, the seed of the books and `mirrored`; or a `plain` colour instead of a room."""
    own = who.get("room", {})
    if "plain" in own:
        return plain(own["plain"], height, round(height * framing.plate_aspect))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rng = np.random.default_rng(own.get("seed", 12))
    back = -24.0  # the far wall
    _box("wall", (-40, -12, back - 1), (40, 24, back), _plain("wall", own.get("wall", (196, 182, 164))))
    _box("floor", (-40, -12, -40), (40, -11, 30), _plain("floor", (120, 86, 60)))
    _box("ceiling", (-40, 24, -40), (40, 25, 30), _plain("ceiling", (225, 220, 212)))
    _box("side", (-41, -12, -40), (-40, 24, 30), _plain("side", (190, 176, 158)))
    wood = _plain("wood", (126, 88, 58), 0.5)
    for y in (1.0, 5.4, 9.8):
        _box("board", (-15.5, y - 0.25, back), (-4.6, y, back + 2.6), wood)
    for x in (-15.7, -4.8):
        _box("post", (x, -6, back), (x + 0.25, 13.5, back + 2.6), wood)
    tones = [(150, 72, 52), (58, 84, 92), (206, 186, 150), (92, 62, 48), (166, 128, 74), (70, 88, 66), (120, 48, 50), (210, 200, 184)]
    for y in (1.0, 5.4, 9.8):
        x = -15.2
        while x < -5.6:
            w, tall = rng.uniform(0.35, 0.8), rng.uniform(2.0, 3.2)
            if rng.random() < 0.74:
                _box("book", (x, y, back + 0.3), (x + w * 0.94, y + tall, back + 2.1), _plain("book", tones[rng.integers(len(tones))]))
            x += w if rng.random() < 0.85 else w + 1.0
    # a window with a curtain to the right, a lamp and a plant
    _box("window", (8.2, 1.5, back + 0.02), (14.6, 14.5, back + 0.1), _glow("sky", (236, 232, 220), 1.5))
    frame = _plain("frame", (232, 226, 216))
    _box("bar", (11.2, 1.5, back + 0.1), (11.6, 14.5, back + 0.4), frame)
    _box("bar", (8.2, 7.7, back + 0.1), (14.6, 8.0, back + 0.4), frame)
    _box("curtain", (14.0, -9, back + 0.6), (17.6, 16, back + 1.4), _plain("curtain", (206, 184, 150)))
    _box("curtain", (6.2, -9, back + 0.6), (8.5, 16, back + 1.4), _plain("curtain", (206, 184, 150)))
    _box("table", (-4, -5.6, back + 0.5), (9, -5.2, back + 5), wood)
    _box("shade", (5.8, -1.2, back + 2), (8.0, 1.0, back + 4), _glow("shade", (255, 196, 120), 2.2))
    _box("foot", (6.7, -5.2, back + 2.8), (7.1, -1.2, back + 3.2), _plain("foot", (60, 50, 44)))
    for o in bpy.data.objects:  # boxes are laid out with the eyes at height 0
        o.location = nodes.to_blender(framing.origin).tolist()
    leaf = _plain("leaf", (52, 88, 50))
    for _ in range(46):
        a, r, y = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 1.6), rng.uniform(-5, -0.4)
        at = framing.origin + [-3.4 + r * math.cos(a), y, back + 3 + r * math.sin(a)]
        bpy.ops.mesh.primitive_uv_sphere_add(segments=8, ring_count=6, radius=0.42, location=nodes.to_blender(at))
        ob = bpy.context.object
        ob.scale = (1, 0.3, 0.6)
        ob.rotation_euler = rng.uniform(0, 3, 3)
        ob.data.materials.append(leaf)

    from scene import _area, _studio

    _studio({"light": {"key": 0.001, "exposure": 0.1}}, framing)
    o = framing.origin
    _area(tuple(o + [11, 8, back + 3]), 5200, (8, 12), (1, 0.95, 0.86), tuple(o + [0, -4, 0]))
    _area(tuple(o + [-10, 22, -8]), 4600, (14, 10), (1, 0.90, 0.78), tuple(o + [-6, -2, back]))
    _area(tuple(o + [6.9, 1.6, back + 3.6]), 260, (1, 1), (1, 0.70, 0.40), tuple(o + [6.9, 12, back]))
    width = round(height * framing.plate_aspect)
    passes.settings(426, 240, 32, threads, 0.0)
    bpy.context.scene.render.film_transparent = False
    im = passes.render(work / "room.png")[..., :3]
    if own.get("mirrored", False):
        im = np.ascontiguousarray(im[:, ::-1])
    im = cv2.resize(im, (width, height), interpolation=cv2.INTER_CUBIC)
    n = int(height * 0.06) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (n, n)).astype(np.float32)
    im = cv2.filter2D(np.clip(im, 0, 1) ** 2.2, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(np.clip(im, 0, 1) ** (1 / 2.2), (0, 0), height * 0.004)
