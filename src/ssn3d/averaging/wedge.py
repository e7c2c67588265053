"""Range of tilts measured from a tomogram's power spectrum, compared with the range given.

Each tilt fills one line of the (z, x) plane of Fourier space, at the tilt angle (`band`). Power by
angle therefore shows the missing wedge, which is nearly empty unless software filled it.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ssn3d.core.log import logger

BIN_DEG = 5.0
_MOST_SECTIONS = 64
_RINGS = np.linspace(0.15, 0.4, 11)
"""Edges of rings in cycles per voxel: fine enough for sharp angles, inside Nyquist."""
_TYPICAL_QUANTILE = 0.8
"""Quantile over angles that gives the power of recorded ones, if they span 40 degrees or more."""
_EMPTY = 0.3
"""Relative power below which an angle was not recorded."""
_NARROWEST_DEG = 60.0
"""Narrower ranges are not those of tilt series, but of volumes far smoother along z than x."""
_SHARP = 0.1
"""Maximum power of the second bin beyond a sharp edge, relative to the third within."""
_MIRRORED, _HALF_EMPTY = 2.0, 0.5
"""The sign of tilt is opposite if the angles in the mirrored range alone have at least this many
times the power of those in the given range alone, and the latter less than this."""
_LEAST_EXCESS_DEG = 10.0
"""Smaller differences from the given range are within the blur of thin tomograms."""
_THINNEST_VOXELS = 16


@dataclass(frozen=True)
class AngularPower:
    """Power of a tomogram by angle in the (z, x) plane; about 1 where tilts recorded it."""

    angles_deg: NDArray[np.float64]
    """(n,) middles of bins from -90 to 90."""
    rings: NDArray[np.float64]
    """(r, n) power in rings of rising frequency."""

    def mean(self, chosen: NDArray[np.bool_]) -> float:
        """Mean power of the chosen bins (n,)."""
        return float(np.median(self.rings, axis=0)[chosen].mean())

    def within(self, tilt_range_deg: tuple[float, float]) -> NDArray[np.bool_]:
        """True for bins (n,) wholly in a range."""
        low, high = tilt_range_deg
        half = BIN_DEG / 2
        return (self.angles_deg - half >= low) & (self.angles_deg + half <= high)

    def recorded_deg(self) -> tuple[float, float] | None:
        """Range of angles that are not empty; None unless it is one range, the same in all rings.

        Where z is smoother than x, power falls with the angle as well, but sooner in higher rings.
        """
        middle = len(self.rings) // 2
        parts = (self.rings, self.rings[:middle], self.rings[middle:])
        ranges = [self._range_deg(np.median(part, axis=0)) for part in parts]
        known = [found for found in ranges if found is not None]
        if len(known) < len(ranges) or np.ptp(known, axis=0).max() > BIN_DEG:
            return None
        low, high = known[0]
        return known[0] if high - low >= _NARROWEST_DEG else None

    def _range_deg(self, power: NDArray[np.float64]) -> tuple[float, float] | None:
        """Range of the bins whose power (n,) is not empty; None unless its ends are sharp."""
        edges = np.flatnonzero(np.diff(np.r_[False, power >= _EMPTY, False]))
        if len(edges) != 2:  # noqa: PLR2004 -- the ends of one range
            return None
        first, end = edges.tolist()
        if end - first < 3:  # noqa: PLR2004 -- a line
            return None
        padded = np.pad(power, 2)  # beyond +-90 degrees there is nothing to be empty
        outside, inside = padded[[first, end + 3]], power[[first + 2, end - 3]]
        if (outside > _SHARP * inside).any():
            return None
        half = BIN_DEG / 2
        return float(self.angles_deg[first] - half), float(self.angles_deg[end - 1] + half)


def measured_sections(sections: int) -> NDArray[np.int_]:
    """Numbers (n,) of the y-sections that are measured, at most 64."""
    return np.unique(np.linspace(0, sections - 1, _MOST_SECTIONS).astype(int))


def angular_power(volume: NDArray[np.float32]) -> AngularPower:
    """Measure the power of a volume (z, y, x) by angle."""
    depth, sections, width = volume.shape
    z, x = scipy.fft.fftfreq(depth)[:, None], scipy.fft.rfftfreq(width)
    angles = np.rad2deg(np.arctan2(z, x))
    ring = np.digitize(np.hypot(z, x), _RINGS)
    edges = np.arange(-90.0, 90.0 + BIN_DEG, BIN_DEG)
    sector = np.clip(np.digitize(angles, edges), 1, len(edges) - 1) - 1
    window = np.hanning(depth + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]
    power = np.zeros(ring.shape)
    for row in measured_sections(sections):
        section = volume[:, row].astype(np.float64)
        power += np.abs(scipy.fft.rfft2((section - section.mean()) * window)) ** 2
    shape = (len(_RINGS) + 1, len(edges) - 1)
    place = np.ravel_multi_index((ring, sector), shape).ravel()
    counts = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
    totals = np.bincount(place, power.ravel(), shape[0] * shape[1]).reshape(shape)
    mean = np.divide(totals, counts, out=np.full(shape, np.nan), where=counts > 0)[1:-1]
    middles = (edges[:-1] + edges[1:]) / 2
    rings = []
    for row in mean:
        known = ~np.isnan(row)  # thin volumes have no frequency at some angles, or in some rings
        if not known.any():
            continue
        typical = max(float(np.quantile(row[known], _TYPICAL_QUANTILE)), 1e-30)
        rings.append(np.interp(middles, middles[known], row[known]) / typical)
    return AngularPower(middles, np.array(rings))


def warn_of_tilts(
    volume: NDArray[np.float32], tilt_range_deg: tuple[float, float], name: str
) -> None:
    """Log a warning if the power of a volume (z, y, x) contradicts the range of tilts."""
    if min(volume.shape[0], volume.shape[2]) < _THINNEST_VOXELS:
        return
    measured = angular_power(volume)
    found = measured.recorded_deg()
    if found is None:
        return
    low, high = tilt_range_deg
    mirrored = (-high, -low)
    given, turned = measured.within(tilt_range_deg), measured.within(mirrored)
    ours, theirs = given & ~turned, turned & ~given
    if ours.any() and measured.mean(ours) < min(measured.mean(theirs) / _MIRRORED, _HALF_EMPTY):
        logger.warning(
            "%s: its power spectrum shows tilts from %g to %g degrees, not from %g to %g: the "
            "reconstruction has the opposite sign of tilt; give --tilts %g %g (in a table of "
            "tomograms, tilt_min_deg and tilt_max_deg)",
            *(name, *mirrored, *tilt_range_deg, *mirrored),
        )
        return
    if found[0] - low >= _LEAST_EXCESS_DEG or high - found[1] >= _LEAST_EXCESS_DEG:
        logger.warning(
            "%s: its power spectrum shows tilts from about %g to %g degrees only, but --tilts are "
            "%g %g (in a table of tomograms, tilt_min_deg and tilt_max_deg); give those of the "
            "tilt series",
            *(name, *found, *tilt_range_deg),
        )
