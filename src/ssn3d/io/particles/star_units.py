"""Units of positions in STAR files: pixels of the tilt series or tomogram, or fractions of it.

The unit is in the first of the columns below that the file has, by optics group or by particle.
RELION 3.0 has a detector's pixel size in um and a magnification; pytom-match-pick names the voxel
size in angstrom after the detector. Warp's template matching writes fractions of the tomogram's
size and no pixel size.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.particles.frame import TomogramFrame, frame_values
from ssn3d.io.star_file import star_numbers

CENTRED = [f"rlnCenteredCoordinate{axis}Angst" for axis in "ZYX"]
PIXELS = [f"rlnCoordinate{axis}" for axis in "ZYX"]
_ORIGINS = [f"rlnOrigin{axis}Angst" for axis in "ZYX"]
_ORIGINS_IN_PIXELS = [f"rlnOrigin{axis}" for axis in "ZYX"]
_GROUP = "rlnOpticsGroup"
_DETECTOR, _MAGNIFICATION, _OF_PYTOM = "rlnDetectorPixelSize", "rlnMagnification", "rlnLCCmax"
_OF_IMAGES = ["rlnImagePixelSize", "rlnPixelSize"]
_OF_COORDINATES = [
    "rlnTomoTiltSeriesPixelSize",
    "rlnMicrographOriginalPixelSize",
    "rlnMicrographPixelSize",
    *_OF_IMAGES,
]
_ANGSTROM_PER_UM = 1e4


@dataclass(frozen=True)
class StarParticles:
    """Rows of a STAR file of particles, with the frames of their tomograms."""

    path: PathLike
    table: pd.DataFrame
    """Cells as text, in RELION's columns."""
    optics: pd.DataFrame
    frames: list[TomogramFrame]
    """(n,)"""
    given_angstrom: float | None
    """Unit of the coordinates that overrides the file's."""

    def _error(self, problem: str) -> DataError:
        return DataError(f"{self.path}: {problem}")

    def numbers(
        self, columns: list[str], table: pd.DataFrame | None = None, *, may_be_missing: bool = False
    ) -> NDArray[np.float64]:
        """Read columns (n, columns) of the particles, or of another table, as finite numbers.

        Numbers that may be missing are NaN if they are not finite.
        """
        try:
            values = star_numbers(self.table if table is None else table, columns)
        except ValueError as error:
            raise self._error(f"{columns[0]} holds no numbers ({error}); correct it") from error
        if may_be_missing:
            return np.where(np.isfinite(values), values, np.nan)
        if not np.isfinite(values).all():
            raise self._error(f"{', '.join(columns)}: NaN or infinity; correct them")
        return values

    def coordinates_angstrom(self) -> NDArray[np.float64]:
        """Return the coordinates (n, 3), z, y, x, from the first voxel, without origins.

        Raises DataError if their unit or the size of the tomogram is not known.
        """
        if set(CENTRED) <= set(self.table):
            centres = frame_values(self.frames, "size_angstrom") / 2
            if not np.isfinite(centres).all():
                raise self._error(
                    "coordinates from the centre of a tomogram of unknown size; give the tomogram, "
                    "or --tomograms"
                )
            return self.numbers(CENTRED) + centres
        values = self.numbers(PIXELS)
        unit = self._unit()
        if unit is not None:
            return values * unit
        if len(values) and values.min() >= 0 and values.max() <= 1:
            return self._fractions(values)
        unit = frame_values(self.frames, "pixel_size_angstrom")
        if not np.isfinite(unit).all():
            raise self._error("pixels of unknown size; give the tomogram or --pixel-size")
        if len(values):
            message = "%s: no pixel size in it; coordinates are in pixels of %.4g A (--pixel-size)"
            logger.info(message, self.path, unit[0, 0])
        return values * unit

    def origins_angstrom(self) -> NDArray[np.float64]:
        """Return the origins (n, 3), z, y, x; 0 if there are none."""
        if set(_ORIGINS) & set(self.table):
            return self._optional(_ORIGINS)
        origins = self._optional(_ORIGINS_IN_PIXELS)
        if not origins.any():
            return origins
        unit = self._stated(_OF_IMAGES)
        unit = self._unit() if unit is None else unit
        if unit is None and not set(CENTRED) <= set(self.table):
            unit = frame_values(self.frames, "pixel_size_angstrom")
        if unit is None:
            raise self._error("origins (rlnOriginX) in pixels of unknown size; give --pixel-size")
        return origins * unit

    def _optional(self, columns: list[str]) -> NDArray[np.float64]:
        """Read columns (n, columns), 0 for columns that are missing."""
        zeros = np.zeros(len(self.table))
        values = [self.numbers([c])[:, 0] if c in self.table else zeros for c in columns]
        return np.column_stack(values)

    def _fractions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates (n, 3) in angstrom of fractions of the tomogram's size."""
        sizes = frame_values(self.frames, "size_angstrom")
        if not np.isfinite(sizes).all():
            raise self._error(
                "coordinates from 0 to 1 are fractions of a tomogram's size; give the tomogram, or "
                "--pixel-size if they are pixels"
            )
        logger.info(
            "%s: coordinates from 0 to 1 are fractions of the tomogram's size (give --pixel-size "
            "if they are pixels)",
            self.path,
        )
        return values * sizes

    def _unit(self) -> NDArray[np.float64] | None:
        """Return the unit (n, 1) of coordinates in angstrom; None if nothing states it."""
        if self.given_angstrom is not None:
            return np.full((len(self.table), 1), self.given_angstrom)
        return self._stated(_OF_COORDINATES)

    def _stated(self, columns: list[str]) -> NDArray[np.float64] | None:
        """Return the pixel size (n, 1) in the first of the columns that the file has."""
        for column in columns:
            found = self._by_particle(column)
            if found is not None:
                return found
        detector = self._by_particle(_DETECTOR)
        if detector is not None and _OF_PYTOM in self.table:
            return detector
        magnification = self._by_particle(_MAGNIFICATION)
        if detector is not None and magnification is not None:
            return _ANGSTROM_PER_UM * detector / magnification
        return None

    def _by_particle(self, column: str) -> NDArray[np.float64] | None:
        """Read a positive column (n, 1) of the optics or the particles; None if it is missing."""
        in_optics = column in self.optics and len(self.optics) > 0
        if not in_optics and column not in self.table:
            return None
        values = self.numbers([column], self.optics if in_optics else None)
        if (values <= 0).any():
            raise self._error(f"{column} is not above 0; correct it")
        return values[self._rows_of_optics(values)] if in_optics else values

    def _rows_of_optics(self, values: NDArray[np.float64]) -> NDArray[np.int_]:
        """Return the row (n,) of each particle's optics group, given the groups' values (m, 1)."""
        if _GROUP not in self.table or _GROUP not in self.optics:
            if len(np.unique(values)) > 1:
                raise self._error(
                    f"optics of several pixel sizes, but particles have no {_GROUP}; give "
                    "--pixel-size"
                )
            return np.zeros(len(self.table), dtype=int)
        rows: dict[float, int] = {}
        for row, group in enumerate(self.numbers([_GROUP], self.optics)[:, 0].tolist()):
            if values[rows.setdefault(group, row)] != values[row]:
                raise self._error(
                    f"optics group {group:g} is listed with two pixel sizes; remove one"
                )
        groups = self.numbers([_GROUP])[:, 0].tolist()
        unknown = next((group for group in groups if group not in rows), None)
        if unknown is not None:
            raise self._error(f"optics group {unknown:g} is not in its optics table; correct one")
        return np.array([rows[group] for group in groups], dtype=np.int_)
