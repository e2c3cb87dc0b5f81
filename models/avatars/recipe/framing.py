"""Where things are in the picture: head units, the pinhole camera, pixels. Used by the render, the mesh and the preview."""
from dataclasses import dataclass

import numpy as np


@dataclass
class Framing:
    """`unit` decimetres make one head unit; `origin` (dm) lies midway between the eye centres."""

    unit: float
    origin: np.ndarray
    distance: float = 14.0
    tan_half_height: float = 0.245
    centre: tuple = (0.0, -0.62)
    aspect: float = 4 / 3
    plate_aspect: float = 16 / 9

    @staticmethod
    def of(shape) -> "Framing":
        left, right = shape.eyes["left"][0], shape.eyes["right"][0]
        return Framing(float(np.linalg.norm(left - right)), (left + right) / 2)

    def head(self, p):
        """Decimetres to head units."""
        return (p - self.origin) / self.unit

    def metric(self, p):
        """Head units to decimetres."""
        return np.asarray(p) * self.unit + self.origin

    def uv(self, p):
        """Head units to the picture, 0..1 with v down: the camera stands at (0, 0, distance), its lens is shifted."""
        depth = self.distance - p[..., 2]
        half = self.tan_half_height
        x = (p[..., 0] / depth - self.centre[0] / self.distance) / (half * self.aspect)
        y = (p[..., 1] / depth - self.centre[1] / self.distance) / half
        return np.stack([(1 + x) / 2, (1 - y) / 2], -1)

    def unproject(self, uv, z):
        """The point at depth z (head units) that lands at uv."""
        depth = self.distance - z
        half = self.tan_half_height
        x = ((2 * uv[..., 0] - 1) * half * self.aspect + self.centre[0] / self.distance) * depth
        y = ((1 - 2 * uv[..., 1]) * half + self.centre[1] / self.distance) * depth
        return np.stack([x, y, z], -1)
