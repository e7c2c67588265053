"""Figure of the steps of the baseline, for each outcome."""

import numpy as np

from sections import changed, section
from ssn3d.core.seeds import generator
from ssn3d.report.figures.baseline import COLUMNS, BaselineExample, baseline_steps, segment_means
from ssn3d.segmentation.baseline.segment import segment

SETTINGS = changed(
    section("baseline").unsupervised,
    flooded="gradient",
    smoothing_sigma_voxels=1.5,
    boundary_weight=1.0,
    voxels_per_point=32,
    max_clusters=4,
    central_radius_voxels=3.0,
)


def example(title, centre, noise, boundary_weight):
    offsets = np.indices((24,) * 3) - centre
    truth = (offsets**2).sum(axis=0) <= 25
    image = noise * np.random.default_rng(1).normal(size=truth.shape) - truth
    settings = changed(SETTINGS, boundary_weight=boundary_weight)
    result = segment(image, settings, generator(0, "figure"))
    return BaselineExample(title, image, truth.astype(np.uint8), result)


def test_outcomes_are_drawn():
    examples = [
        example("found", 12, 0.2, None),  # the unsupervised method
        example("beside", 5, 0.2, 1.0),
        example("too high a threshold", 12, 0.2, 1000.0),
    ]
    outcomes = [one.result.outcome for one in examples]
    assert outcomes[1:] == ["no cluster at the centre", "nothing above threshold"]
    figure = baseline_steps(examples, 10.0)
    assert [panel.get_title() for panel in figure.axes[:5]] == list(COLUMNS)
    assert len(figure.axes) == 5 * len(examples)
    black = [bool((panel.images[0].get_array() == 0).any()) for panel in figure.axes[3::5]]
    assert black == [one.result.mask[12].any() for one in examples] == [True, False, False]


def test_constant_image_is_drawn():
    flat = segment(np.zeros((24,) * 3), SETTINGS, generator(0, "figure"))
    one = BaselineExample("flat", np.zeros((24,) * 3), np.ones((24,) * 3, np.uint8), flat)
    baseline_steps([one], 10.0).draw_without_rendering()


def test_segment_means():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(5, 6, 7))
    segments = rng.integers(1, 5, size=image.shape).astype(np.int32)
    means = segment_means(image, segments)
    assert np.isclose(means.sum(), image.sum())
    for number in range(1, 5):
        assert np.allclose(means[segments == number], image[segments == number].mean())
