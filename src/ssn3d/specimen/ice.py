"""A slab of vitreous ice, between whose faces the specimen lies.

The slab continues beyond the field, so every ray of a tilt image crosses as much ice, thickness /
cos(tilt), and ice adds a constant to the image: an even slab has no contrast, and nor has the step
to the vacuum at its faces. Neither is drawn. A slab cut off at the borders of the field would have
much contrast there, and none that a real specimen has. The same holds for the mean of the matter in
the slab: `subtract_slab_mean` subtracts it inside the slab alone; over the whole volume, it would
leave a cut-off slab.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.ranges import draw
from ssn3d.specimen.settings import SpecimenSettings


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
    numbers = {key: draw(value, rng) for key, value in settings.ice.model_dump().items()}
    normal = slab_normal(numbers["tilt_about_x_deg"], numbers["tilt_about_y_deg"])
    centre = np.array(settings.tomogram_size_voxels.zyx, dtype=float) / 2
    thickness = numbers["thickness_angstrom"] / settings.voxel_size_angstrom
    return Slab(centre, normal, thickness), {f"ice.{key}": n for key, n in numbers.items()}


def subtract_slab_mean(density: NDArray[np.float32], slab: Slab) -> None:
    """Subtract from a density (z, y, x), in place and inside the slab alone, its mean there."""
    total = density.sum(dtype=np.float64)
    mean = total / sum(
        float(share.sum(dtype=np.float64)) for _, share in _shares(density.shape, slab)
    )
    for z, share in _shares(density.shape, slab):
        density[z] -= np.float32(mean) * share


def _shares(shape: tuple[int, ...], slab: Slab) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each plane z, and the fraction (y, x) of its voxels inside the slab."""
    z, y, x = (np.arange(n) - c for n, c in zip(shape, slab.centre, strict=True))
    across = (y[:, None] * slab.normal[1] + x * slab.normal[2]).astype(np.float32)
    for plane, upwards in enumerate(z * slab.normal[0]):
        depth = slab.thickness / 2 - np.abs(across + np.float32(upwards))
        yield plane, np.clip(depth + np.float32(0.5), 0, 1)
