"""A slab of vitreous ice, between whose faces the specimen lies.

The slab continues beyond the field, so every ray of a tilt image crosses as much ice, thickness /
cos(tilt), and ice adds a constant to the image: an even slab has no contrast, and nor has the step
to the vacuum at its faces. Neither is drawn. A slab cut off at the borders of the field would have
much contrast there, and none that a real specimen has. The same holds for the mean of the matter in
the slab: `subtract_slab_mean` subtracts it inside the slab alone; over the whole volume, it would
leave a cut-off slab. `add_slab` draws one nevertheless, for tomograms in which vacuum, above and
below a cell, differs from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.ranges import draw
from ssn3d.specimen.settings import SpecimenSettings

_VOXEL_SIGMA = 1 / np.sqrt(12)  # standard deviation of a voxel along an axis


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
        """Depth of points (..., 3) below the nearer face; negative outside."""
        return np.asarray(self.thickness / 2 - np.abs(self.height(points)))


def slab_normal(tilt_about_x_deg: float, tilt_about_y_deg: float) -> NDArray[np.float64]:
    """Normal (z, y, x) of a level slab after turns about x, then y, both by the right-hand rule."""
    about_x, about_y = np.deg2rad([tilt_about_x_deg, tilt_about_y_deg])
    across = np.cos(about_x)
    return np.array([across * np.cos(about_y), -np.sin(about_x), across * np.sin(about_y)])


def draw_slab(
    settings: SpecimenSettings, rng: np.random.Generator
) -> tuple[Slab | None, dict[str, float]]:
    """Return the slab in the middle of a tomogram, or None without ice, and its values by key."""
    if settings.ice is None:
        return None, {}
    values = settings.ice.model_dump(exclude_none=True)
    numbers = {key: draw(value, rng) for key, value in values.items()}
    normal = slab_normal(numbers["tilt_about_x_deg"], numbers["tilt_about_y_deg"])
    centre = np.array(settings.tomogram_size_voxels.zyx, dtype=float) / 2
    thickness = numbers["thickness_angstrom"] / settings.voxel_size_angstrom
    return Slab(centre, normal, thickness), {f"ice.{key}": n for key, n in numbers.items()}


def clip_to_slab(
    density: NDArray[np.float32], slab: Slab, corner: NDArray[np.int_], sigma: float
) -> None:
    """Set a density (z, y, x) to 0 outside the slab, in place; the faces are blurred by sigma.

    `corner` (3,) is the voxel of the tomogram at the first voxel of the density.
    """
    for z, share in enumerate(_shares(density.shape, slab, corner, sigma)):
        density[z] *= share


def add_slab(
    density: NDArray[np.float32], slab: Slab, contrast_dalton_per_nm3: float, sigma: float
) -> None:
    """Add the slab itself to a density (z, y, x), in place; its faces are blurred by sigma."""
    shares = _shares(density.shape, slab, np.zeros(3, dtype=int), sigma)
    for z, share in enumerate(shares):
        density[z] += np.float32(contrast_dalton_per_nm3) * share


def subtract_slab_mean(density: NDArray[np.float32], slab: Slab) -> None:
    """Subtract from a density (z, y, x), in place and inside the slab alone, its mean there."""
    total = density.sum(dtype=np.float64)
    corner = np.zeros(3, dtype=int)
    shares = partial(_shares, density.shape, slab, corner)
    mean = total / sum(float(share.sum(dtype=np.float64)) for share in shares())
    for z, share in enumerate(shares()):
        density[z] -= np.float32(mean) * share


def _shares(
    shape: tuple[int, ...], slab: Slab, corner: NDArray[np.int_], sigma: float = _VOXEL_SIGMA
) -> Iterator[NDArray[np.float32]]:
    """Yield the fraction (y, x) of the voxels inside the slab, plane by plane of a box.

    Across a face it falls linearly, over one voxel or as far as a blur of the same sigma.
    """
    z, y, x = (np.arange(n) + f - c for n, f, c in zip(shape, corner, slab.centre, strict=True))
    across = (y[:, None] * slab.normal[1] + x * slab.normal[2]).astype(np.float32)
    width = np.float32(np.sqrt(12) * sigma)
    for upwards in z * slab.normal[0]:
        depth = slab.thickness / 2 - np.abs(across + np.float32(upwards))
        yield np.clip(depth / width + np.float32(0.5), 0, 1)
