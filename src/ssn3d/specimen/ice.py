"""A slab of vitreous ice; what is in the specimen lies between its two faces.

The slab continues beyond the field, so every ray of a tilt image crosses as much ice, thickness /
cos(tilt), and ice adds a constant to the image: an even slab has no contrast, and nor has the step
to the vacuum at its faces. Neither is drawn. A slab cut off at the borders of the field would have
much contrast there, and none that a real specimen has. The same holds for the mean of the matter in
the slab: `level` subtracts it there, not over the whole volume, which would leave a cut-off slab.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.specimen.settings import IceSettings


@dataclass(frozen=True)
class Slab:
    """The space between two parallel planes."""

    centre: NDArray[np.float64]
    """(3,) any point of its middle plane, (z, y, x) in voxels."""
    normal: NDArray[np.float64]
    """(3,) unit vector, upwards."""
    thickness: float
    """In voxels."""

    def height(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of points (..., 3) from the middle plane, upwards."""
        return np.asarray((points - self.centre) @ self.normal)

    def depth(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """How deep points (..., 3) lie in it, from the nearer face; negative outside."""
        return np.asarray(self.thickness / 2 - np.abs(self.height(points)))


def slab_of(
    ice: IceSettings, size_zyx: tuple[int, int, int], voxel_size_angstrom: float
) -> Slab | None:
    """Give the slab in the middle of a volume, or None where ice is without end.

    A flat slab is turned about x, then about y, both by the right-hand rule.
    """
    if ice.thickness_angstrom is None:
        return None
    about_x, about_y = np.deg2rad([ice.tilt_about_x_deg, ice.tilt_about_y_deg])
    upwards = np.array([np.cos(about_x), -np.sin(about_x), 0.0])
    normal = np.array([upwards[0] * np.cos(about_y), upwards[1], upwards[0] * np.sin(about_y)])
    centre = np.array(size_zyx, dtype=float) / 2
    return Slab(centre, normal, ice.thickness_angstrom / voxel_size_angstrom)


def level(density: NDArray[np.float32], slab: Slab) -> None:
    """Subtract from a density (z, y, x), in place, its mean in the slab, inside the slab alone."""
    total = density.sum(dtype=np.float64)
    mean = total / sum(float(share.sum()) for _, share in _shares(density.shape, slab))
    for z, share in _shares(density.shape, slab):
        density[z] -= (mean * share).astype(np.float32)


def _shares(shape: tuple[int, ...], slab: Slab) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield each plane z, and the share (y, x) of its voxels that is in the slab."""
    z, y, x = (np.arange(n) - c for n, c in zip(shape, slab.centre, strict=True))
    across = y[:, None] * slab.normal[1] + x * slab.normal[2]
    for plane, upwards in enumerate(z * slab.normal[0]):
        yield plane, np.clip(slab.thickness / 2 - np.abs(across + upwards) + 0.5, 0, 1)
