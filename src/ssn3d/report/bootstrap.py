"""Bootstrap intervals of means over test subtomograms."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def mean_interval(
    values: NDArray[np.float64],
    generator: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 4999,
) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of the mean of `values` (n,).

    It covers the choice of test subtomograms only: the specimen and the training are one draw
    each. With fewer than two values it is (nan, nan).
    """
    if len(values) < 2:  # noqa: PLR2004 -- one value has no spread
        return math.nan, math.nan
    interval = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        method="percentile",
        rng=generator,
    ).confidence_interval
    return float(interval.low), float(interval.high)
