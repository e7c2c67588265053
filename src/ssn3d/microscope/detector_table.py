"""Modulation transfer (MTF) and detective quantum efficiency (DQE) of a detector, from a table.

A CSV file with the columns `cycles_per_pixel` (physical pixels, rising from 0), `mtf` and `dqe`.
`resources/ideal_detector.csv` is that of a perfect detector, which counts every electron in the
pixel it hits: MTF sinc(f), DQE sinc(f)^2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.io.tables import read_csv

_COLUMNS = ("cycles_per_pixel", "mtf", "dqe")
_REMEDY = "correct it, or name another in microscope.detector.mtf"


@dataclass(frozen=True)
class DetectorTable:
    """MTF and DQE, each relative to its value at 0, at frequencies of binned pixels."""

    cycles_per_pixel: NDArray[np.float64]
    mtf: NDArray[np.float64]
    dqe: NDArray[np.float64]

    def at(
        self, cycles_per_pixel: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """MTF and DQE at other frequencies, by linear interpolation; constant beyond the last."""
        both = (self.mtf, self.dqe)
        mtf, dqe = (np.interp(cycles_per_pixel, self.cycles_per_pixel, y) for y in both)
        return mtf, dqe


def read_detector_table(path: PathLike, binning: float) -> DetectorTable:
    """Read a table, for images binned by `binning`.

    Raises DataError if the file is invalid, or ends before the Nyquist frequency of the images.
    """
    table = read_csv(path, dict.fromkeys(_COLUMNS, float), remedy=_REMEDY)
    cycles, mtf, dqe = (table[column].to_numpy() for column in _COLUMNS)
    if cycles[0] != 0 or (np.diff(cycles) <= 0).any():
        raise DataError(f"{path}: cycles_per_pixel does not rise from 0; {_REMEDY}")
    if mtf[0] <= 0 or (mtf < 0).any() or (dqe <= 0).any():
        raise DataError(f"{path}: MTF or DQE is not positive; {_REMEDY}")
    if cycles[-1] * binning < 0.5:  # noqa: PLR2004 -- Nyquist
        raise DataError(
            f"{path}: ends at {cycles[-1]:g} cycles per pixel, before the Nyquist frequency of "
            f"images binned by {binning:g}, {0.5 / binning:g}; {_REMEDY}"
        )
    return DetectorTable(cycles * binning, mtf / mtf[0], dqe / dqe[0])
