import numpy as np

from ssn3d.report.bootstrap import mean_interval


def test_the_interval_covers_a_known_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        # skewed, as IoUs are: most are good and some are bad
        low, high = mean_interval(100 * rng.beta(8, 2, 80), rng, resamples=300)
        hits += low <= 80.0 <= high
    assert 0.91 < hits / 300 < 0.98


def test_one_value_has_no_interval():
    assert np.isnan(mean_interval(np.array([80.0]), np.random.default_rng(0))).all()
