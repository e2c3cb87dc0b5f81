"""Draws a package in many states, the way the renderer does, into one sheet: `python preview.py ../anna sheet.jpg`."""
import argparse
import tomllib
from pathlib import Path

import cv2
import numba
import numpy as np
from safetensors.numpy import load_file

NAMES = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight
eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight
eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose
mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight
mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper
mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight
tongueOut""".split()


def both(name, w):
    return {name + "Left": w, name + "Right": w}


STATES = {
    "neutral": {},
    "jawOpen .15": {"jawOpen": 0.15},
    "jawOpen .4": {"jawOpen": 0.4},
    "jawOpen .8": {"jawOpen": 0.8},
    "funnel": {"jawOpen": 0.25, "mouthFunnel": 0.8},
    "pucker": {"mouthPucker": 0.9},
    "smile": {**both("mouthSmile", 0.8), **both("cheekSquint", 0.4)},
    "smile open": {**both("mouthSmile", 0.8), "jawOpen": 0.2, **both("mouthUpperUp", 0.3), **both("mouthLowerDown", 0.3)},
    "mouthClose+jaw": {"jawOpen": 0.5, "mouthClose": 0.5},
    "press, roll": {**both("mouthPress", 0.7), "mouthRollLower": 0.5, "mouthRollUpper": 0.5},
    "blink": both("eyeBlink", 1.0),
    "half blink": both("eyeBlink", 0.5),
    "wink left .8": {"eyeBlinkLeft": 0.8},
    "wide": both("eyeWide", 0.8),
    "gaze left": {"gaze": (20, 0), "eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6},
    "gaze right": {"gaze": (-20, 0), "eyeLookOutRight": 0.6, "eyeLookInLeft": 0.6},
    "gaze up": {"gaze": (0, 14), **both("eyeLookUp", 0.5)},
    "gaze down": {"gaze": (0, -16), **both("eyeLookDown", 0.6)},
    "brows up": {"browInnerUp": 0.8, **both("browOuterUp", 0.7)},
    "brows down": both("browDown", 0.8),
    "yaw +12": {"head": (12, 0, 0)},
    "yaw -12": {"head": (-12, 0, 0)},
    "pitch +10": {"head": (0, 10, 0)},
    "pitch -10": {"head": (0, -10, 0)},
    "roll 10": {"head": (0, 0, 10)},
    "talk a": {"jawOpen": 0.35, **both("mouthLowerDown", 0.3), **both("mouthUpperUp", 0.2), "head": (5, 2, 1)},
    "talk ee": {"jawOpen": 0.12, **both("mouthStretch", 0.5), **both("mouthSmile", 0.3), **both("mouthLowerDown", 0.4), "head": (-6, -2, -2)},
    "talk oo": {"jawOpen": 0.12, "mouthPucker": 0.6, "mouthFunnel": 0.3, "head": (-4, 3, 2)},
    "talk f": {"jawOpen": 0.08, "mouthRollLower": 0.6, **both("mouthUpperUp", 0.35)},
    "frown": {**both("mouthFrown", 0.7), "mouthShrugLower": 0.3},
    "sneer, puff": {**both("noseSneer", 0.6), "cheekPuff": 0.5},
    "all turned": {"head": (10, -7, -6), "jawOpen": 0.3, **both("eyeBlink", 0.3)},
}


@numba.njit(cache=True)
def raster(tri, xy, iz, attr, zbuf, acc, which):
    """Depth-tested, perspective-correct: leaves attributes and 1/depth of the nearest triangle in every pixel."""
    h, w = zbuf.shape
    for t in range(tri.shape[0]):
        a, b, c = tri[t, 0], tri[t, 1], tri[t, 2]
        x0, y0, x1, y1, x2, y2 = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        for y in range(max(int(min(y0, y1, y2)), 0), min(int(max(y0, y1, y2)) + 1, h - 1) + 1):
            for x in range(max(int(min(x0, x1, x2)), 0), min(int(max(x0, x1, x2)) + 1, w - 1) + 1):
                px, py = x + 0.5, y + 0.5
                wa = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                wb = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * iz[a] + wb * iz[b] + wc * iz[c]
                if z > zbuf[y, x]:
                    zbuf[y, x] = z
                    which[y, x] = 1
                    for k in range(attr.shape[1]):
                        acc[y, x, k] = (wa * attr[a, k] * iz[a] + wb * attr[b, k] * iz[b] + wc * attr[c, k] * iz[c]) / z


def rotation(yaw, pitch, roll):
    y, p, r = np.radians([yaw, pitch, roll])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return rz @ ry @ rx


class Package:
    def __init__(self, folder):
        self.meta = tomllib.loads((folder / "avatar.toml").read_text())
        self.t = load_file(folder / "mesh.safetensors")
        names = {"portrait.jpg", "plate.jpg", "eye.jpg", "mouth.jpg"} | {k["picture"] for k in self.meta["key"]}
        names |= {p["texture"] for p in self.meta["part"] if "texture" in p}
        self.pictures = {n: cv2.imread(str(folder / n), cv2.IMREAD_UNCHANGED).astype(np.float32) / 255 for n in names}
        matte = cv2.imread(str(folder / "matte.png"), 0).astype(np.float32) / 255
        self.matte = matte[..., None]

    def sample(self, im, uv):
        h, w = im.shape[:2]
        u = np.ascontiguousarray(uv[..., 0] * w - 0.5, np.float32)
        v = np.ascontiguousarray(uv[..., 1] * h - 0.5, np.float32)
        n = u.size  # OpenCV takes no row of over 32,767: fold it
        fold = [np.pad(x.ravel(), (0, -n % 1024)).reshape(-1, 1024) for x in (u, v)]
        out = cv2.remap(im, *fold, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return out.reshape(fold[0].size, -1)[:n].reshape(*uv.shape[:-1], -1)

    def positions(self, part, state):
        name = part["name"]
        p = self.t[f"{name}.position"].astype(float)
        target, vertex = self.t[f"{name}.morph.target"], self.t[f"{name}.morph.vertex"]
        weights = np.array([state.get(n, 0.0) for n in NAMES])[target]
        np.add.at(p, vertex, self.t[f"{name}.morph.delta"].astype(float) * weights[:, None])
        if "centre" in part and "gaze" in state:
            c = np.array(part["centre"])
            p = (p - c) @ rotation(*state["gaze"], 0).T + c
        pivot = np.array(self.meta["pivot"]["neck"])
        turned = (p - pivot) @ rotation(*state.get("head", (0, 0, 0))).T + pivot
        head = self.t[f"{name}.head"][:, None]
        return p * (1 - head) + turned * head

    def draw(self, state, height, over=2, plain=None):
        """BGR 0..1 of the whole frame (plate aspect)."""
        m = self.meta
        h = height * over
        w = round(h * m["picture"]["plate_aspect"])
        frame = cv2.resize(self.pictures["plate.jpg"], (w, h)) if plain is None else np.full((h, w, 3), plain, np.float32)
        zbuf = np.zeros((h, w))
        cam, half = m["camera"], m["camera"]["tan_half_height"]
        light = np.array(m["light"]["key"])
        for part in m["part"]:
            n = part["name"]
            p = self.positions(part, state)
            depth = cam["distance"] - p[:, 2]
            x = (p[:, 0] / depth - cam["centre"][0] / cam["distance"]) / half
            y = (p[:, 1] / depth - cam["centre"][1] / cam["distance"]) / half
            xy = np.stack([w / 2 + x * h / 2, h / 2 - y * h / 2], 1)
            tri = self.t[f"{n}.triangles"].astype(np.int64)
            corner = p[tri]
            face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
            normal = np.zeros_like(p)
            for k in range(3):
                np.add.at(normal, tri[:, k], face)
            normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
            attr = [self.t[f"{n}.uv"], normal, p]
            keys = m.get("key", []) if part["material"] == "portrait" else []
            for key in keys:
                attr += [self.t[f"{n}.key.{key['name']}.uv"], self.t[f"{n}.key.{key['name']}.mask"][:, None]]
            attr = np.concatenate(attr, 1).astype(float)
            acc, which = np.zeros((h, w, attr.shape[1])), np.zeros((h, w), np.uint8)
            raster(tri, xy, 1 / depth, attr, zbuf, acc, which)
            ys, xs = np.where(which)
            if not len(ys):
                continue
            a = acc[ys, xs][None]
            colour, alpha = self.shade(part, a, keys, state, light)
            frame[ys, xs] = frame[ys, xs] * (1 - alpha[0]) + colour[0] * alpha[0]
        return cv2.resize(frame, (w // over, h // over), interpolation=cv2.INTER_AREA)

    def shade(self, part, a, keys, state, light):
        uv, normal = a[..., :2], a[..., 2:5]
        one = np.ones((*a.shape[:2], 1))
        wrap = np.clip((normal * light).sum(-1, keepdims=True) * 0.5 + 0.5, 0, 1)
        kind = part["material"]
        if kind == "portrait":
            c, alpha = self.sample(self.pictures["portrait.jpg"], uv), self.sample(self.matte, uv)
            at = 8
            for key in keys:
                k = a[..., at + 2 : at + 3] * np.clip(state.get(key["weight"], 0.0), 0, 1)
                c = c * (1 - k) + self.sample(self.pictures[key["picture"]], a[..., at : at + 2]) * k
                at += 3
            return c, alpha
        if kind == "cavity":
            return one * np.array([0.03, 0.02, 0.07]), one
        c = self.sample(self.pictures[part["texture"]], uv)
        half = np.array([0, 0, 1.0]) + light
        shine = np.clip((normal * half / np.linalg.norm(half)).sum(-1, keepdims=True), 0, 1)
        if kind == "eye":
            cornea = np.clip((0.26 - np.linalg.norm(uv - 0.5, axis=-1, keepdims=True)) / 0.05, 0, 1)
            c = c * (1 - 0.15 * cornea) + 0.15 * 0.77 * cornea
            return c * (0.78 + 0.26 * wrap) + 0.75 * shine**220, one
        dark = np.clip((a[..., 7:8] + 0.15) / 0.75, 0.25, 1) if kind == "tongue" else one
        return c * (0.42 + 0.48 * wrap) * dark + 0.10 * shine**40, one


def sheet(package, height, columns, only=None):
    tiles = []
    for name, state in STATES.items():
        if only and not any(o in name for o in only):
            continue
        im = (np.clip(package.draw(state, height), 0, 1) * 255).astype(np.uint8)
        crop = round(im.shape[0] * 1.0)
        x = (im.shape[1] - crop) // 2
        im = np.ascontiguousarray(im[:, x : x + crop])
        cv2.putText(im, name, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(im)
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("folder", type=Path)
    a.add_argument("picture", type=Path)
    a.add_argument("--height", type=int, default=360)
    a.add_argument("--columns", type=int, default=6)
    a.add_argument("--only", nargs="*", help="draw only the states whose names hold one of these")
    a.add_argument("--face", action="store_true", help="crop to the face")
    args = a.parse_args()
    numba.set_num_threads(1)
    package = Package(args.folder)
    im = sheet(package, args.height, args.columns, args.only)
    if args.face:
        n = args.height
        rows = [np.hstack([im[r : r + n, c : c + n][int(0.1 * n) : int(0.72 * n), int(0.19 * n) : int(0.81 * n)] for c in range(0, im.shape[1], n)]) for r in range(0, im.shape[0], n)]
        im = np.vstack(rows)
    cv2.imwrite(str(args.picture), im, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
