"""Vacuum above and below a slab of ice, where nothing is segmented and nothing is picked.

The faces are those that `slab` sees in the tomogram. Unless it sees both, nothing is vacuum: in
small volumes, one may be the edge of whatever they hold. A margin beyond each face is kept, for the
dirt and the parts of particles that reach over it, and for the error of the face.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.log import logger
from ssn3d.io.tomogram import IsData, Tomogram
from ssn3d.measure.slab import Slab, find_slab

MARGIN_ANGSTROM = 150.0
"""Half the width of a large particle. In simulated lamellae, faces are found within 60 A."""


@dataclass(frozen=True)
class Vacuum:
    """Voxels of a tomogram beyond the faces of its slab and a margin."""

    tomogram: Tomogram
    slab: Slab
    margin_angstrom: float = MARGIN_ANGSTROM

    @property
    def fraction(self) -> float:
        """Fraction of the voxels with data, by the bins of the survey of the tomogram's opening."""
        survey = self.tomogram.found
        data = ~np.isnan(survey.binned)
        middles = (survey.bin_voxels * (np.arange(n) + 0.5) - 0.5 for n in data.shape)
        below, above = self._beyond(*np.ix_(*middles))
        return float((below | above)[data].mean())

    def where(self, part: tuple[slice, ...]) -> NDArray[np.bool_]:
        """Return a mask of the vacuum in part of the tomogram, (z, y, x) with start and stop."""
        z, y, x = np.ix_(*(np.arange(axis.start, axis.stop) for axis in part))
        below, above = self._beyond(z, y, x)
        return np.asarray(below | above)

    def holds(self, first: tuple[float, ...], stop: tuple[float, ...]) -> bool:
        """Return True if the vacuum on one side holds all voxels from `first` to before `stop`."""
        ends = ((start, end - 1) for start, end in zip(first, stop, strict=True))
        corners = [self._beyond(*map(np.asarray, corner)) for corner in product(*ends)]
        return any(all(bool(corner[side]) for corner in corners) for side in (0, 1))

    def is_specimen(self, part: tuple[slice, ...]) -> NDArray[np.bool_]:
        """Return a mask of the voxels of a part that hold data and are no vacuum."""
        data, vacuum = self.tomogram.is_data(part), self.where(part)
        return ~vacuum if data is None else data & ~vacuum

    def _beyond(
        self, z: NDArray[np.number], y: NDArray[np.number], x: NDArray[np.number]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return masks of the voxels below the bottom and above the top face and margin."""
        grid = self.tomogram.grid
        z, y, x = (at + 0.5 - n / 2 for at, n in zip((z, y, x), grid.shape, strict=True))
        return self.slab.beyond(z, y, x, self.margin_angstrom / grid.voxel_size_angstrom)


def find_vacuum(tomogram: Tomogram) -> Vacuum | None:
    """Find the vacuum of a tomogram, and log its part; None unless both faces are seen.

    The file is not read: the survey of its opening is enough.
    """
    slab = find_slab(tomogram.found.binned, tomogram.found.bin_voxels, tomogram.grid.shape)
    if slab is None or slab.thickness_voxels is None:
        return None
    vacuum = Vacuum(tomogram, slab)
    logger.info(
        "%s: ice with faces is seen; the vacuum beyond them (and a margin of %g A), %.0f%% of the "
        "data, is left out (--keep-vacuum of `ssn3d segment` and `pick` keeps it)",
        *(tomogram.path, MARGIN_ANGSTROM, 100 * vacuum.fraction),
    )
    return vacuum


def specimen_of(tomogram: Tomogram, *, keep_vacuum: bool = False) -> IsData:
    """Return the function that tells specimen from padding and, unless it is kept, vacuum."""
    vacuum = None if keep_vacuum else find_vacuum(tomogram)
    return tomogram.is_data if vacuum is None else vacuum.is_specimen
