"""Grids of rotations to search: all orientations, or small turns."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

# Alexa 2022, Super-Fibonacci spirals (CVPR): psi is the positive root of psi^4 = psi + 4.
_PHI, _PSI = np.sqrt(2.0), 1.533751168755204288118041


def even_rotations(step_deg: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Rotations (n, 3, 3), a randomly turned spiral over all orientations.

    Each covers the volume of a cube whose edge is the step in radians; all cover 8 pi^2.
    """
    count = round(8 * np.pi**2 / np.deg2rad(step_deg) ** 3)
    place = np.arange(count) + 0.5
    fraction = place / count
    inner, outer = np.sqrt(fraction), np.sqrt(1 - fraction)
    alpha, beta = 2 * np.pi * place / _PHI, 2 * np.pi * place / _PSI
    quaternions = np.stack(
        [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)],
        axis=1,
    )
    turned = Rotation.from_quat(quaternions) * Rotation.random(rng=rng)
    return turned.as_matrix()


def nearby_rotations(step_deg: float) -> NDArray[np.float64]:
    """Rotations (27, 3, 3): none, and turns by a step about each of 26 directions of a cube."""
    directions = np.stack(np.meshgrid(*([[-1.0, 0.0, 1.0]] * 3), indexing="ij"), axis=-1)
    turns = directions.reshape(-1, 3)
    length = np.linalg.norm(turns, axis=1, keepdims=True)
    turns = turns / np.maximum(length, 1) * np.deg2rad(step_deg)
    return Rotation.from_rotvec(turns).as_matrix()
