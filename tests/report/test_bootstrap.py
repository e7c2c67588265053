import numpy as np

from ssn3d.report.bootstrap import mean_interval


def test_interval_coverage():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        # skewed, as IoUs are: most are good and some are bad
        values = 100 * rng.beta(8, 2, 80)
        low, high = mean_interval(values, np.full(80, "t1"), rng, resamples=300)
        hits += low <= 80.0 <= high
    assert 0.91 < hits / 300 < 0.98


def test_tomograms_widen_interval():
    """Intervals from resampled subtomograms alone would be too narrow."""
    rng = np.random.default_rng(2)
    tomograms = np.repeat([f"t{i}" for i in range(12)], 30)
    hits = alone = 0
    for _ in range(100):
        values = 80 + np.repeat(rng.normal(0, 2, 12), 30) + rng.normal(0, 4, 360)
        low, high = mean_interval(values, tomograms, rng, resamples=200)
        hits += low <= 80.0 <= high
        low, high = mean_interval(values, np.full(360, "t1"), rng, resamples=200)
        alone += low <= 80.0 <= high
    assert hits > 85
    assert alone < 70


def test_tomograms_weigh_by_size():
    values, tomograms = np.array([70.0, 90, 90, 90]), np.array(["t1", "t2", "t2", "t2"])
    assert mean_interval(values, tomograms, np.random.default_rng(0)) == (70, 90)


def test_wider_interval_counts():
    values, tomograms = np.array([70.0, 90, 70, 90] * 5), np.array(["t1", "t1", "t2", "t2"] * 5)
    low, high = mean_interval(values, tomograms, np.random.default_rng(0))
    assert high - low > 6


def test_interval_of_one_value():
    one = mean_interval(np.array([80.0]), np.array(["t1"]), np.random.default_rng(0))
    assert np.isnan(one).all()
