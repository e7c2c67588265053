"""Faces of the ice or lamella: two planes between which a tomogram varies more than outside.

Fine detail (30 to 100 A) varies where there are molecules. The logarithm of its amplitude in tiles
has two levels, inside and outside; the faces are the planes that divide them with the least squared
error. Given the levels, that error is a sum over tiles of a function of each face alone, so that
each plane is found by itself, and tiles without molecules add little to it.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from scipy import ndimage

Voxels = NDArray[np.number]
_TILE_BINS = 8
_FINE_BINS, _COARSE_BINS = 1.0, 3.0
"""Standard deviations of the Gaussians of the band, in bins of about 30 A."""
_STRONGEST_QUANTILE = 0.995
"""Stronger detail, of gold or dirt, counts as this."""
_QUIET_QUANTILE = 0.2
"""Amplitude added before the logarithm, so that faint streaks above a face count little."""
_SLOPES = np.linspace(-1.0, 1.0, 21)
"""Trial slopes of faces, rise of z over y or x."""
_ROUNDS = 4
_MOST_TILES = 144
_LEAST_CONTRAST, _LEAST_EXPLAINED = 1.25, 0.35
"""A slab is seen if the amplitude inside is this many times that outside, and both levels explain
this fraction of the variance between tiles and heights."""
_FEWEST_TILES, _FEWEST_BINS = 4, 10
_SEEN_FRACTION = 0.5
"""A face is seen if it lies inside the volume in this fraction of the tiles."""


@dataclass(frozen=True)
class Face:
    """A face of a slab: z = height + y slope_y + x slope_x, in voxels from the volume's middle."""

    height: float
    slope_y: float
    slope_x: float

    @property
    def tilt_about_x_deg(self) -> float:
        """Tilt about x, as `specimen.ice.slab_normal` defines it."""
        about_y = math.atan(self.slope_x)
        return math.degrees(math.atan(self.slope_y * math.cos(about_y)))

    @property
    def tilt_about_y_deg(self) -> float:
        """Tilt about y, the tilt axis."""
        return -math.degrees(math.atan(self.slope_x))


@dataclass(frozen=True)
class Slab:
    """The specimen between its faces; a face that lies outside the volume is None."""

    bottom: Face | None
    top: Face | None
    """The face at higher z."""
    contrast: float
    """Amplitude of detail inside, relative to outside."""
    explained_fraction: float
    """Part of the variance of the amplitude that both levels explain."""

    @property
    def faces(self) -> list[Face]:
        """The faces that are seen, the bottom first."""
        return [face for face in (self.bottom, self.top) if face is not None]

    @property
    def thickness_voxels(self) -> float | None:
        """Distance of the faces along their mean normal; None unless both are seen."""
        if self.bottom is None or self.top is None:
            return None
        y = (self.bottom.slope_y + self.top.slope_y) / 2
        x = (self.bottom.slope_x + self.top.slope_x) / 2
        return (self.top.height - self.bottom.height) / math.sqrt(1 + y**2 + x**2)

    @property
    def middle_height(self) -> float:
        """Height of the middle plane, or of the face seen, in voxels from the volume's middle."""
        return float(np.mean([face.height for face in self.faces]))

    @property
    def tilts_deg(self) -> tuple[float, float]:
        """Tilts about x and y, the mean of the faces seen."""
        tilts = [(face.tilt_about_x_deg, face.tilt_about_y_deg) for face in self.faces]
        about_x, about_y = np.mean(tilts, axis=0).tolist()
        return about_x, about_y

    def beyond(
        self, z: Voxels, y: Voxels, x: Voxels, margin: float = 0.0
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return masks of what lies below the bottom face and above the top one, and a margin.

        Places and margin are in voxels, from the volume's middle; nothing is beyond a face that was
        not seen.
        """
        masks = []
        for face, sign in ((self.bottom, -1), (self.top, 1)):
            height = (
                sign * np.inf if face is None else face.height + y * face.slope_y + x * face.slope_x
            )
            masks.append(np.asarray(sign * (z - height) > margin))
        return masks[0], masks[1]


def find_slab(
    binned: NDArray[np.float32], bin_voxels: int, shape: tuple[int, int, int]
) -> Slab | None:
    """Find the faces in a binned, standardised volume (z, y, x), NaN without data.

    `bin_voxels` is the edge of a bin, about 30 A (`io.tomogram_checks.Survey`), in voxels of the
    tomogram, which has this `shape`. Returns None if there is no slab, or the volume is too small
    to tell.
    """
    amplitudes, places = _amplitudes(binned)
    if len(amplitudes) < _FEWEST_TILES or amplitudes.shape[1] < _FEWEST_BINS:
        return None
    quiet = float(np.quantile(amplitudes, _QUIET_QUANTILE)) or 1.0
    profiles = np.log(amplitudes + quiet)
    fits = [_fit(profiles, places, *levels) for levels in _first_levels(profiles)]
    seen = [fit for fit in fits if fit is not None]
    if not seen:
        return None
    planes, inside, outside, explained = max(seen, key=lambda fit: fit[3])
    contrast = (math.exp(inside) - quiet) / max(math.exp(outside) - quiet, 1e-6 * quiet)
    if contrast < _LEAST_CONTRAST or explained < _LEAST_EXPLAINED:
        return None
    bins = profiles.shape[1]
    beyond = [(n - bin_voxels * m) / 2 for n, m in zip(shape, binned.shape, strict=True)]
    faces = [
        _face(plane, bins, bin_voxels, beyond) if _is_seen(plane, places, bins) else None
        for plane in planes
    ]
    if faces == [None, None]:
        return None
    return Slab(faces[0], faces[1], contrast, explained)


def detail_energy(binned: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared fine detail of a binned volume (z, y, x), that of gold or dirt clipped."""
    data = ~np.isnan(binned)
    filled = np.where(data, binned, np.float32(0))
    band = ndimage.gaussian_filter(filled, _FINE_BINS)
    band -= ndimage.gaussian_filter(filled, _COARSE_BINS)
    energy: NDArray[np.float32] = band**2
    if data.any():
        np.minimum(energy, np.quantile(energy[data], _STRONGEST_QUANTILE), out=energy)
    return energy


def _amplitudes(binned: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Amplitude of fine detail (tiles, z), and places (tiles, 2) in y, x from the middle.

    Tiles with voxels without data are left out.
    """
    data, energy = ~np.isnan(binned), detail_energy(binned)
    depth, height, width = energy.shape
    rows, columns = height // _TILE_BINS, width // _TILE_BINS
    cut = (slice(None), slice(rows * _TILE_BINS), slice(columns * _TILE_BINS))
    split = (depth, rows, _TILE_BINS, columns, _TILE_BINS)
    tiles = energy[cut].reshape(split).mean(axis=(2, 4), dtype=np.float64)
    whole = data[cut].reshape(split).all(axis=(0, 2, 4))
    y, x = (
        _TILE_BINS * (np.arange(n) + 0.5) - m / 2 for n, m in ((rows, height), (columns, width))
    )
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1)
    return np.sqrt(tiles[:, whole].T), places[whole]


def _first_levels(profiles: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Trial levels (inside, outside): quantiles, since molecules may be few and vacuum little."""
    q10, q30, q50, q70, q90 = np.quantile(profiles, (0.1, 0.3, 0.5, 0.7, 0.9)).tolist()
    return [(q50, q10), (q70, q10), (q70, q30), (q90, q50)]


def _fit(
    profiles: NDArray[np.float64], places: NDArray[np.float64], inside: float, outside: float
) -> tuple[NDArray[np.float64], float, float, float] | None:
    """Planes (2, 3), levels inside and outside, and the fraction of the variance they explain."""
    planes: NDArray[np.float64] | None = None
    for _ in range(_ROUNDS):
        planes = _best_planes(profiles, places, inside, outside, planes)
        within = _within(planes, profiles, places)
        if not within.any() or within.all():
            return None
        inside, outside = float(profiles[within].mean()), float(profiles[~within].mean())
    left = float(np.where(within, profiles - inside, profiles - outside).var())
    explained = 1 - left / max(float(profiles.var()), 1e-12)
    return np.asarray(planes), inside, outside, explained


def _best_planes(
    profiles: NDArray[np.float64],
    places: NDArray[np.float64],
    inside: float,
    outside: float,
    last: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Planes (2, 3) of bottom and top: height from bin 0, slopes along y and x.

    They are searched for near the last planes, or everywhere if there are none.
    """
    gain = (profiles - outside) ** 2 - (profiles - inside) ** 2
    below = np.pad(np.cumsum(gain, axis=1), ((0, 0), (1, 0)))  # gain of all bins below an edge
    planes = []
    for place, score in enumerate((-below, below)):
        start = _trial_plane(score, places) if last is None else last[place]
        planes.append(_refined_plane(score, places, start))
    return np.stack(planes)


def _trial_plane(score: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plane (3,) of trial slopes along which the scores (tiles, edges) have the largest sum."""
    every = math.ceil(len(places) / _MOST_TILES)
    some, at = score[::every], places[::every]
    heights, rows = np.arange(score.shape[1]), np.arange(len(some))
    best, plane = -np.inf, np.zeros(3)
    for slope_y in _SLOPES:
        for slope_x in _SLOPES:
            rise = np.rint(at @ (slope_y, slope_x)).astype(int)
            edges = np.clip(heights[:, None] + rise, 0, heights[-1])
            sums = some[rows, edges].sum(axis=1)
            if sums.max() > best:
                best = float(sums.max())
                plane = np.array([float(sums.argmax()), slope_y, slope_x])
    return plane


def _refined_plane(
    score: NDArray[np.float64], places: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Plane (3,) near a start with the largest sum of interpolated scores."""
    rows, last = np.arange(len(places)), score.shape[1] - 1.001

    def loss(plane: NDArray[np.float64]) -> float:
        edge = np.clip(plane[0] + places @ plane[1:], 0, last)
        low = edge.astype(int)
        share = edge - low
        return -float(((1 - share) * score[rows, low] + share * score[rows, low + 1]).sum())

    reach = max(float(np.abs(places).max()), 1.0)
    steps = np.array([[0, 0, 0], [2, 0, 0], [0, 2 / reach, 0], [0, 0, 2 / reach]])
    options = {"initial_simplex": start + steps, "xatol": 1e-3}
    fit = scipy.optimize.minimize(loss, start, method="Nelder-Mead", options=options)  # type: ignore[call-overload]
    return np.asarray(fit.x)


def _within(
    planes: NDArray[np.float64], profiles: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mask (tiles, z) of bins between the planes."""
    bottom, top = (plane[0] + places @ plane[1:] for plane in planes)
    middles = np.arange(profiles.shape[1]) + 0.5
    return np.asarray((middles > bottom[:, None]) & (middles < top[:, None]))


def _is_seen(plane: NDArray[np.float64], places: NDArray[np.float64], bins: int) -> bool:
    """Return True if a face lies inside the volume in enough tiles."""
    heights = plane[0] + places @ plane[1:]
    seen: bool = ((heights > 1) & (heights < bins - 1)).mean() >= _SEEN_FRACTION
    return seen


def _face(plane: NDArray[np.float64], bins: int, bin_voxels: int, beyond: list[float]) -> Face:
    """Face in voxels from the volume's middle, which is `beyond` that of the whole bins."""
    height, slope_y, slope_x = plane.tolist()
    z, y, x = beyond
    middle = (height - bins / 2) * bin_voxels - z + slope_y * y + slope_x * x
    return Face(middle, slope_y, slope_x)
