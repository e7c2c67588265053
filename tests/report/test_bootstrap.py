import numpy as np
import pytest

from ssn3d.report.bootstrap import mean_interval


def test_the_interval_covers_a_known_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        # skewed, as IoUs are: most are good and some are bad
        low, high = mean_interval(100 * rng.beta(8, 2, 80), rng, resamples=300)
        hits += low <= 80.0 <= high
    assert 0.91 < hits / 300 < 0.98


def test_the_interval_narrows_with_the_square_root_of_the_number() -> None:
    rng = np.random.default_rng(2)
    widths = [
        np.subtract(*mean_interval(rng.normal(50, 10, n), rng, resamples=500)[::-1])
        for n in (100, 1600)
    ]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.3)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(3).normal(80, 5, 50)
    intervals = {mean_interval(values, np.random.default_rng(s)) for s in (7, 7, 8)}
    assert len(intervals) == 2


def test_one_value_has_no_interval() -> None:
    assert np.isnan(mean_interval(np.array([80.0]), np.random.default_rng(0))).all()
