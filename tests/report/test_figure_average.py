"""Figure of an average: three slices and the FSC."""

import numpy as np
import pandas as pd

from ssn3d.report.figures.average import average_figure


def test_slices_and_curves():
    volume = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    resolution = 200 / np.arange(1, 11)
    fsc = pd.DataFrame({"resolution_angstrom": resolution, "half_maps": np.linspace(1, 0, 10)})
    fsc["shared"] = [1] * 4 + [0] * 6
    figure = average_figure(volume, 10.0, fsc)
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 0]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), volume[10])
    curves = figure.axes[3].get_lines()
    np.testing.assert_allclose(curves[0].get_ydata(), fsc["half_maps"])
    labels = [text.get_text() for text in figure.axes[3].get_legend().get_texts()]
    assert labels == ["same reference for both", "between half maps"]
    shaded = figure.axes[3].patches[0]
    assert shaded.get_x() + shaded.get_width() == 4 / 200
    both = average_figure(volume, 10.0, fsc.assign(truth=0.5))
    assert "with the true map" in [t.get_text() for t in both.axes[3].get_legend().get_texts()]
