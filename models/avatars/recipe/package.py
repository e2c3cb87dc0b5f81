"""Writes the package: avatar.toml, mesh.safetensors and the pictures. See the format in ../README.md."""
import json

import cv2
import numpy as np
from safetensors.numpy import save_file

import data
import eyes
import layers
import mouth
import passes

NECK_PIVOT = [0.0, -1.9, -0.6]
KEY_LIGHT = np.array([-5.0, 2.7, 7.4])  # from the face to the softbox in scene.py


def _jpg(path, bgr, quality=90):
    cv2.imwrite(str(path), (np.clip(bgr, 0, 1) * 255 + 0.5).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])


def pictures(who, shape, framing, work, out):
    """portrait, closed, matte and plate; gives the matte."""
    portrait = np.load(work / "portrait.npy")
    part = np.load(work / "closed.npz")
    alpha = portrait[..., 3].copy()
    alpha[alpha < 0.008] = 0
    alpha[alpha > 0.985] = 1
    bgr = passes.bleed(portrait[..., :3], alpha)
    closed = bgr.copy()
    x, y = part["at"]
    h, w = part["part"].shape[:2]
    feather = np.zeros((h, w), np.float32)
    m = max(3, h // 16)
    feather[m:-m, m:-m] = 1
    feather = cv2.GaussianBlur(feather, (0, 0), m / 3)[..., None]
    closed[y : y + h, x : x + w] = closed[y : y + h, x : x + w] * (1 - feather) + part["part"][..., :3] * feather
    saturation = who["light"]["saturation"]
    for im, name in ((bgr, "portrait.jpg"), (closed, "closed.jpg")):
        _jpg(out / name, passes.grade(im.astype(np.float32), saturation))
    cv2.imwrite(str(out / "matte.png"), (alpha * 255 + 0.5).astype(np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    _jpg(out / "plate.jpg", np.load(work / "plate.npy"), 88)
    eye = cv2.resize(eyes.picture(who)[..., ::-1].astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA)
    graded = passes.grade(portrait[..., :3] * 1.0, saturation)
    _jpg(out / "eye.jpg", as_exposed(who, eye, graded, shape, framing), 92)
    _jpg(out / "mouth.jpg", mouth.picture(0.25 if "toy" in who else 1.0), 90)
    return alpha


def as_exposed(who, eye, portrait, shape, framing):
    """The eyeball's picture with iris and white brought to the tones that they have in the portrait, so that the drawn eye
    looks like the rendered one."""
    n, size = eye.shape[0], who["eyes"].get("size", 1.0)
    y, x = np.mgrid[0:n, 0:n]
    radius = np.hypot(x - n / 2 + 0.5, y - n / 2 + 0.5) / (n / 2) / size
    white = np.clip((radius - 0.44) / 0.06, 0, 1)[..., None]
    h, w = portrait.shape[:2]
    v, u = np.mgrid[0:h, 0:w]
    seen = {"iris": [], "white": []}
    for centre, r in shape.eyes.values():
        c = framing.uv(framing.head(centre)) * [w, h]
        scale = size * r * 0.985 / framing.unit / (2 * framing.tan_half_height * framing.distance) * h
        dx, dy = (u + 0.5 - c[0]) / scale, (v + 0.5 - c[1]) / scale
        d = np.hypot(dx, dy)
        seen["iris"].append(portrait[(d > 0.26) & (d < 0.42) & (np.abs(dy) < 0.22)])
        seen["white"].append(portrait[(d > 0.54) & (d < 0.68) & (np.abs(dy) < 0.12)])
    # the darker part of the white lies in the lids' shade, the brighter part of a dark iris mirrors the lights
    share = {"iris": 50, "white": 80} | who["eyes"].get("percentile", {})
    tone = {k: np.percentile(np.concatenate(p), share[k], axis=0) for k, p in seen.items()}
    # the room mirrored in the cornea is added by who draws the eye (15 % of a light grey): take it out, and a little for depth
    tone["iris"] = np.clip((tone["iris"] - 0.15 * 0.77) / 0.85, 0.05, 1) * 0.92
    own = {"iris": np.median(eye[(radius > 0.26) & (radius < 0.42)], 0), "white": np.median(eye[(radius > 0.54) & (radius < 0.68)], 0)}
    gain = {k: np.log(tone[k]) / np.log(own[k]) for k in tone}  # a power keeps black black and white white
    return eye ** gain["iris"] * (1 - white) + eye ** gain["white"] * white


def tensors(name, part, names, smallest=2e-4):
    t = {
        f"{name}.position": part.position.astype(np.float32),
        f"{name}.uv": part.uv.astype(np.float32),
        f"{name}.head": part.head.astype(np.float32),
        f"{name}.triangles": part.triangles.astype(np.uint32),
    }
    target, vertex, delta = [], [], []
    for unit, d in part.morphs.items():
        moved = np.where(np.abs(d).max(1) > smallest)[0]
        target.append(np.full(len(moved), names.index(unit), np.uint8))
        vertex.append(moved.astype(np.uint16))
        delta.append(d[moved].astype(np.float16))
    empty = (np.zeros(0, np.uint8), np.zeros(0, np.uint16), np.zeros((0, 3), np.float16))
    parts = [np.concatenate(x) if x else e for x, e in zip((target, vertex, delta), empty)]
    for key, value in zip(("target", "vertex", "delta"), parts):
        t[f"{name}.morph.{key}"] = value
    for key, (uv, mask) in part.keys.items():
        t[f"{name}.key.{key}.uv"] = uv.astype(np.float32)
        t[f"{name}.key.{key}.mask"] = mask.astype(np.float32)
    return {k: np.ascontiguousarray(v) for k, v in t.items()}  # safetensors writes a strided view wrongly


def write(who, shape, framing, work, out):
    out.mkdir(parents=True, exist_ok=True)
    alpha = pictures(who, shape, framing, work, out)
    points = dict(np.load(work / "points.npz"))
    left, left_centre = layers.eye(shape, framing, "left")
    right, right_centre = layers.eye(shape, framing, "right")
    parts = [
        ("mouth_cavity", "cavity", None, None, mouth.cavity(shape, framing)),
        ("tongue", "tongue", "mouth.jpg", None, mouth.tongue(shape, framing)),
        ("teeth_lower", "teeth", "mouth.jpg", None, mouth.teeth(shape, framing, "lower")),
        ("teeth_upper", "teeth", "mouth.jpg", None, mouth.teeth(shape, framing, "upper")),
        ("eye_left", "eye", "eye.jpg", left_centre, left),
        ("eye_right", "eye", "eye.jpg", right_centre, right),
        ("body", "portrait", None, None, layers.body(shape, framing, points, alpha)),
    ]
    names = list(data.face_units())
    mesh = {}
    for name, _, _, _, part in parts:
        if len(part.position) > 65535:
            raise SystemExit(f"part {name} has {len(part.position)} vertices; morph indexes allow 65535")
        mesh |= tensors(name, part, names)
        print(f"{name}: {len(part.position)} vertices, {len(part.triangles)} triangles")
    save_file(mesh, str(out / "mesh.safetensors"))
    (out / "avatar.toml").write_text(_toml(who, framing, parts))
    print(f"{out}: {sum(f.stat().st_size for f in out.iterdir()) / 1e6:.2f} MB")


def _toml(who, framing, parts):
    key = KEY_LIGHT / np.linalg.norm(KEY_LIGHT)
    numbers = lambda v: "[" + ", ".join(f"{x:.4f}" for x in v) + "]"  # noqa: E731
    lines = [
        "format = 1",
        f"name = {json.dumps(who['name'])}",
        f"label = {json.dumps(who['label'])}",
        'kind = "model"',
        'licence = "CC0-1.0"',
        'attribution = "Made from the MakeHuman / MPFB base mesh and targets (CC0) and ARKit face units by Mika Suominen (CC0)."',
        "",
        "[camera]                      # at (0, 0, distance), looking along -z; the lens is shifted so that centre is in the middle",
        f"distance = {framing.distance}",
        f"tan_half_height = {framing.tan_half_height}",
        f"centre = {list(framing.centre)}",
        "",
        "[pivot]",
        f"neck = {NECK_PIVOT}",
        "",
        "[picture]",
        f"aspect = {framing.aspect:.6f}",
        f"plate_aspect = {framing.plate_aspect:.6f}",
        "",
        "[light]",
        f"key = {numbers(key)}",
    ]
    for name, material, texture, centre, _ in parts:
        lines += ["", "[[part]]", f'name = "{name}"', f'material = "{material}"']
        if texture:
            lines.append(f'texture = "{texture}"')
        if centre is not None:
            lines.append(f"centre = {numbers(centre)}")
    for side in ("left", "right"):
        lines += ["", "[[key]]", f'name = "blink_{side}"', 'picture = "closed.jpg"', f'weight = "eyeBlink{side.capitalize()}"']
    return "\n".join(lines) + "\n"
