import numpy as np

from ssn3d.report.bootstrap import mean_interval


def test_the_interval_covers_a_known_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        # skewed, as IoUs are: most are good and some are bad
        values = 100 * rng.beta(8, 2, 80)
        low, high = mean_interval(values, np.full(80, "t1"), rng, resamples=300)
        hits += low <= 80.0 <= high
    assert 0.91 < hits / 300 < 0.98


def test_what_tomograms_have_in_common_widens_the_interval():
    """Resampled one by one, subtomograms of 12 tomograms would cover the mean rarely."""
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


def test_tomograms_count_by_their_subtomograms():
    values, tomograms = np.array([70.0, 90, 90, 90]), np.array(["t1", "t2", "t2", "t2"])
    assert mean_interval(values, tomograms, np.random.default_rng(0)) == (70, 90)


def test_two_tomograms_that_happen_to_agree_do_not_narrow_the_interval():
    values, tomograms = np.array([70.0, 90, 70, 90] * 5), np.array(["t1", "t1", "t2", "t2"] * 5)
    low, high = mean_interval(values, tomograms, np.random.default_rng(0))
    assert high - low > 6


def test_one_value_has_no_interval():
    one = mean_interval(np.array([80.0]), np.array(["t1"]), np.random.default_rng(0))
    assert np.isnan(one).all()
