"""Short hands for Blender: meshes from numpy arrays, attributes, node trees."""
import bpy
import numpy as np


def srgb(c):
    """sRGB 0..255 to linear 0..1."""
    c = np.asarray(c, float) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def rgba(c):
    return (*srgb(c), 1.0)


def to_blender(p):
    return np.stack([p[..., 0], -p[..., 2], p[..., 1]], -1)


def from_blender(p):
    return np.stack([p[..., 0], p[..., 2], -p[..., 1]], -1)


def link(ob):
    bpy.context.collection.objects.link(ob)
    return ob


def mesh(name, vertices, faces, uv=None):
    me = bpy.data.meshes.new(name)
    me.from_pydata(to_blender(vertices).tolist(), [], np.asarray(faces).tolist())
    if uv is not None:
        me.uv_layers.new(name="UVMap").data.foreach_set("uv", np.asarray(uv, np.float32).ravel())
    return me


def subdivided(vertices, quads, uv, level):
    """Catmull-Clark; uv by corner [n, 4, 2]."""
    used, inverse = np.unique(quads, return_inverse=True)
    me = mesh("cage", vertices[used], inverse.reshape(quads.shape), uv)
    ob = link(bpy.data.objects.new("cage", me))
    mod = ob.modifiers.new("s", "SUBSURF")
    mod.levels = mod.render_levels = level
    mod.boundary_smooth = "PRESERVE_CORNERS"
    graph = bpy.context.evaluated_depsgraph_get()
    fine = bpy.data.meshes.new_from_object(ob.evaluated_get(graph))
    bpy.data.objects.remove(ob)
    return fine


def _get(items, attribute, n, kind=np.float32):
    a = np.zeros(n, kind)
    items.foreach_get(attribute, a)
    return a


def vertices(me):
    return from_blender(_get(me.vertices, "co", len(me.vertices) * 3).reshape(-1, 3).astype(float))


def normals(me):
    return from_blender(_get(me.vertices, "normal", len(me.vertices) * 3).reshape(-1, 3).astype(float))


def quads(me):
    return _get(me.loops, "vertex_index", len(me.loops), np.int32).reshape(-1, 4)


def vertex_uv(me):
    uv = _get(me.uv_layers[0].data, "uv", len(me.loops) * 2).reshape(-1, 2)
    out = np.zeros((len(me.vertices), 2))
    out[_get(me.loops, "vertex_index", len(me.loops), np.int32)] = uv
    return out


def set_vertices(me, v):
    me.vertices.foreach_set("co", to_blender(v).astype(np.float32).ravel())
    me.update()


def smooth_object(name, me, material):
    me.materials.clear()
    me.materials.append(material)
    me.polygons.foreach_set("use_smooth", [True] * len(me.polygons))
    return link(bpy.data.objects.new(name, me))


def point_attribute(me, name, values):
    if values.ndim == 2:
        a = me.color_attributes.new(name, "FLOAT_COLOR", "POINT")
        a.data.foreach_set("color", np.c_[values, np.ones(len(values))].astype(np.float32).ravel())
    else:
        me.attributes.new(name, "FLOAT", "POINT").data.foreach_set("value", values.astype(np.float32))


def image(name, pixels, linear=False):
    h, w = pixels.shape[:2]
    im = bpy.data.images.new(name, w, h, float_buffer=linear)
    im.pixels.foreach_set(np.dstack([pixels[::-1], np.ones((h, w))]).astype(np.float32).ravel())
    im.update()
    im.pack()
    return im


class Tree:
    """A material's node tree."""

    def __init__(self, name):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.bsdf = self.tree.nodes["Principled BSDF"]
        self.output = self.tree.nodes["Material Output"]

    def _put(self, value, socket):
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def node(self, kind, inputs=None, **settings):
        n = self.tree.nodes.new("ShaderNode" + kind)
        for k, v in settings.items():
            setattr(n, k, v)
        for k, v in (inputs or {}).items():
            self._put(v, n.inputs[k])
        return n

    def set(self, **inputs):
        for k, v in inputs.items():
            self._put(v, self.bsdf.inputs[k.replace("_", " ")])

    def math(self, operation, a, b=0.0):
        n = self.node("Math", operation=operation)
        self._put(a, n.inputs[0])
        self._put(b, n.inputs[1])
        return n.outputs[0]

    def mul(self, a, b):
        return self.math("MULTIPLY", a, b)

    def add(self, a, b):
        return self.math("ADD", a, b)

    def attribute(self, name):
        return self.node("Attribute", attribute_name=name)

    def surface(self, shader):
        self.tree.links.new(shader, self.output.inputs[0])
