"""Bootstrap intervals of means over subtomograms."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_AT_ONCE = 100  # resamples, to bound the memory


def mean_interval(
    values: NDArray[np.float64],
    tomograms: NDArray[np.str_],
    generator: np.random.Generator,
    resamples: int = 4999,
) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of the mean of `values` (n,).

    Subtomograms are resampled and, if there are several `tomograms` (n,), whole tomograms as well,
    since subtomograms of one share its specimen; the wider interval is returned, (nan, nan) for
    fewer than two values. With few tomograms it is too narrow; with one it does not cover the
    choice of the specimen at all.
    """
    if len(values) < 2:  # noqa: PLR2004 -- one value has no spread
        return math.nan, math.nan
    names, tomogram_of = np.unique(tomograms, return_inverse=True)
    units = [np.arange(len(values)), *([tomogram_of] if len(names) > 1 else [])]
    intervals = [
        stats.bootstrap(
            (np.bincount(unit, values), np.bincount(unit)),
            lambda sums, counts, axis: sums.sum(axis=axis) / counts.sum(axis=axis),
            paired=True,
            vectorized=True,
            confidence_level=0.95,
            n_resamples=resamples,
            batch=_AT_ONCE,
            method="percentile",
            rng=generator,
        ).confidence_interval
        for unit in units
    ]
    widest = max(intervals, key=lambda interval: float(interval.high - interval.low))
    return float(widest.low), float(widest.high)
