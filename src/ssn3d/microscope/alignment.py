"""Alignment errors of a tilt series, which the reconstruction ignores.

The image of a tilt is rotated about its middle, pixel n // 2 (from x towards y), and then shifted:
q -> R q + shift, with q and shift in (x, y). Middle, angle and shift are those of RELION 5
(`rlnTomoZRot`, `rlnTomoXShiftAngst`, `rlnTomoYShiftAngst`).
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_map


@dataclass(frozen=True)
class Alignment:
    """The true alignment of a tilt series."""

    shifts_angstrom: NDArray[np.float64]
    """(tilts, 2), x and y."""
    rotations_deg: NDArray[np.float64]
    """(tilts,)"""

    @classmethod
    def exact(cls, tilts: int) -> "Alignment":
        """Alignment without errors."""
        return cls(np.zeros((tilts, 2)), np.zeros(tilts))

    @classmethod
    def drawn(
        cls,
        tilts: int,
        rng: np.random.Generator,
        *,
        shift_sd_angstrom: float,
        rotation_sd_deg: float,
        axis_rotation_deg: float,
    ) -> "Alignment":
        """Draw normally distributed errors, about a tilt axis rotated in all images."""
        shifts = shift_sd_angstrom * rng.standard_normal((tilts, 2))
        rotations = axis_rotation_deg + rotation_sd_deg * rng.standard_normal(tilts)
        return cls(shifts, rotations)

    def __getitem__(self, kept: NDArray[np.int_]) -> "Alignment":
        return Alignment(self.shifts_angstrom[kept], self.rotations_deg[kept])

    def matrices(self) -> NDArray[np.float64]:
        """Rotations as matrices (tilts, 2, 2) in x, y."""
        angles = np.deg2rad(self.rotations_deg)
        cosines, sines = np.cos(angles), np.sin(angles)
        rows = np.array([[cosines, -sines], [sines, cosines]])
        return np.ascontiguousarray(rows.transpose(2, 0, 1))

    def misalign(self, images: NDArray[np.float32], pixel_size_angstrom: float) -> None:
        """Rotate and shift images (tilts, y, x) in place, by cubic splines with mirrored borders.

        Without errors, images stay exactly as they are.
        """
        if not (self.shifts_angstrom.any() or self.rotations_deg.any()):
            return
        middle = np.array(images.shape[1:]) // 2
        # A pixel's source is found by the inverse, which in (y, x) order has the numbers of R.
        sources = self.matrices()
        shifts = self.shifts_angstrom[:, ::-1] / pixel_size_angstrom

        def move(tilt: int) -> None:
            offset = middle - sources[tilt] @ (middle + shifts[tilt])
            images[tilt] = scipy.ndimage.affine_transform(
                images[tilt], sources[tilt], offset, order=3, mode="mirror"
            )

        parallel_map(move, range(len(images)))
