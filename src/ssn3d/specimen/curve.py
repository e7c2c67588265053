"""Worm-like chains: the curves of stiff filaments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

STEP_ANGSTROM = 10.0
"""Between the points of a curve."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Points along a curve, and a frame at each that bends with it without twisting."""

    points_angstrom: Points
    """(n, 3), x, y, z."""
    frames: Points
    """(n, 3, 3): columns are two directions across, and the one along, right-handed."""

    @property
    def length_angstrom(self) -> float:
        """From end to end, along the curve."""
        return STEP_ANGSTROM * (len(self.points_angstrom) - 1)

    def at(self, along_angstrom: Points) -> tuple[Points, Points]:
        """Points (m, 3) and frames (m, 3, 3) at distances (m,) from the beginning."""
        knots = STEP_ANGSTROM * np.arange(len(self.points_angstrom))
        axes = [np.interp(along_angstrom, knots, axis) for axis in self.points_angstrom.T]
        nearest = np.rint(along_angstrom / STEP_ANGSTROM).astype(int).clip(0, len(knots) - 1)
        return np.stack(axes, axis=1), self.frames[nearest]


def worm_like_chain(
    length_angstrom: float, persistence_angstrom: float, rng: np.random.Generator
) -> Curve:
    """Draw a curve whose direction at a distance s has a mean cosine of exp(-s / persistence).

    Its middle is at the origin, and its direction there is z.
    """
    steps = max(2, round(length_angstrom / STEP_ANGSTROM))
    bends = rng.normal(scale=np.sqrt(STEP_ANGSTROM / persistence_angstrom), size=(steps, 2))
    frames = [np.eye(3)]
    for about_first, about_second in bends:
        turn = Rotation.from_rotvec([about_first, about_second, 0.0]).as_matrix()
        frames.append(frames[-1] @ turn)
    turned = np.stack(frames)
    middle = turned[len(turned) // 2]
    turned = middle.T @ turned
    points = np.concatenate([np.zeros((1, 3)), np.cumsum(turned[1:, :, 2], axis=0)])
    points *= STEP_ANGSTROM
    return Curve(points - points[len(points) // 2], turned)


def directed(curve: Curve, direction: Points, spin: float) -> Curve:
    """Turn a curve so that its middle points along a unit vector (3,), x, y, z, after a spin."""
    z = np.array([0.0, 0.0, 1.0])
    axis = np.cross(z, direction)
    length = np.linalg.norm(axis)
    about = axis / length if length > 0 else np.array([1.0, 0.0, 0.0])
    to_direction = Rotation.from_rotvec(about * np.arctan2(length, direction[2]))
    turn = (to_direction * Rotation.from_rotvec(spin * z)).as_matrix()
    return Curve(curve.points_angstrom @ turn.T, turn @ curve.frames)
