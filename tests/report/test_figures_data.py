from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssn3d.errors import DataError
from ssn3d.report.figures_data import complex_at_each_snr, structure_map
from ssn3d.report.figures_specimen import packing_statistics, snr_calibration
from ssn3d.report.steps import draw_complex
from ssn3d.structures.structure import Structure, write_structure
from ssn3d.subtomograms.store import Subtomograms, write_subtomograms


def test_a_complex_stands_beside_three_slices_for_each_snr() -> None:
    images = {
        name: np.random.default_rng(i).normal(size=(12, 12, 12)).astype(np.float16)
        for i, name in enumerate(("A, SNR 0.5", "C, SNR 0.01"))
    }
    density = np.zeros((16, 16, 16), dtype=np.float32)
    density[4:12, 4:12, 4:12] = 200
    figure = complex_at_each_snr(
        "2GLS", density, level=60.0, density_voxel_size_angstrom=5.0, images=images,
        voxel_size_angstrom=10.0,
    )  # fmt: skip
    surface, *slices = figure.axes
    assert surface.get_title() == "2GLS, surface at 60 Da/nm$^3$\nin a cube of 8 nm"
    assert [axes.get_title() for axes in slices] == ["", "A, SNR 0.5", "", "", "C, SNR 0.01", ""]
    np.testing.assert_array_equal(slices[1].images[0].get_array(), images["A, SNR 0.5"][:, 6])
    limits = [axes.images[0].get_clim() for axes in slices]
    assert len(set(limits[:3])) == 1  # one grey scale for the slices of one subtomogram
    assert limits[0] != limits[3]


def test_a_complex_without_a_subtomogram_is_one_line(tmp_path: Path) -> None:
    images = np.zeros((2, 8, 8, 8), dtype=np.float16)
    numbers = {"labels": np.array([1, 2], np.int32), "centres": np.zeros((2, 3))}
    dataset = Subtomograms(
        images=images, masks=images.astype(np.uint8), pdb_ids=np.array(["1KP8", "1W6T"]),
        tomograms=np.array(["t1", "t1"]), rotations=np.zeros((2, 3, 3)), dataset="A",
        snr_asked=0.5, snr_measured=0.5, voxel_size_angstrom=10.0, **numbers,
    )  # fmt: skip
    write_subtomograms(tmp_path / "A.h5", dataset, {})
    points = np.array([[-5, 0, 0], [5, 0, 0]], dtype=np.float32)
    masses = np.full(2, 1000, dtype=np.float32)
    write_structure(tmp_path / "2GLS.npz", Structure("2GLS", points, masses, "deposited"))
    structure, figure = tmp_path / "2GLS.npz", tmp_path / "complex.png"
    with pytest.raises(DataError, match=r"complex_id: .*A\.h5 has no subtomogram of 2GLS; .*1KP8"):
        draw_complex("2GLS", structure, [tmp_path / "A.h5"], 15.0, 40.0, figure=figure)
    assert not figure.exists()


def test_a_map_has_the_mass_of_its_structure(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(0, 20, (500, 3)).astype(np.float32)
    masses = np.full(500, 200.0, dtype=np.float32)
    points -= points.mean(0)
    write_structure(tmp_path / "2GLS.npz", Structure("2GLS", points, masses, "deposited"))
    density = structure_map(tmp_path / "2GLS.npz", 5.0, 40.0)
    np.testing.assert_allclose(density.sum() * 0.5**3, 100_000, rtol=1e-4)


def test_calibration_shows_targets_and_the_ceiling() -> None:
    curve = [(0.0, 0.7), (10.0, 0.007), (0.1, 0.69), (1.0, 0.35)]
    common = {"calibration": curve, "snr_without_noise": 0.7}
    first = common | {"snr_asked": 0.5, "snr_measured": 0.49, "noise_scale": 0.6}
    second = common | {"snr_asked": 0.06, "snr_measured": 0.06, "noise_scale": 4.0}
    (axes,) = snr_calibration({"A": first, "B": second}).axes
    curves = [line for line in axes.lines if len(line.get_xdata()) == 3]
    for line in curves:
        np.testing.assert_array_equal(line.get_xdata(), [0.1, 1, 10])  # sorted, 0 is not on it
    marks = {
        line.get_label(): line.get_xydata()[0] for line in axes.lines if ":" in line.get_label()
    }
    assert list(marks) == ["A: 0.5 asked, 0.49 measured", "B: 0.06 asked, 0.06 measured"]
    assert list(map(tuple, marks.values())) == [(0.6, 0.49), (4.0, 0.06)]
    levels = {line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1}
    assert {0.06, 0.5, 0.7} <= levels
    assert [text.get_text() for text in axes.texts] == ["no noise: 0.70"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_packing_counts_classes_and_compares_mask_sizes() -> None:
    classes = pd.DataFrame(
        {
            "pdb_id": ["1KP8", "1LB3", "9XYZ", "2GLS"],
            "subtomograms": [150, 155, 10, 140],
            "mask_voxels": [4000.0, 300.0, 700.0, 3500.0],
            "paper_mask_voxels": [4522.0, 277.0, np.nan, 2948.0],
        }
    )
    bars, scatter = packing_statistics(classes).axes
    assert [tick.get_text() for tick in bars.get_xticklabels()] == ["1KP8", "2GLS", "9XYZ", "1LB3"]
    assert [bar.get_height() for bar in bars.patches] == [150, 140, 10, 155]
    assert bars.get_title() == "455 subtomograms of 4 classes"
    points = {tuple(point) for point in scatter.lines[0].get_xydata()}
    assert points == {(4522, 4000), (277, 300), (2948, 3500)}
    assert scatter.get_title().startswith("rank correlation 1.00")
    assert scatter.get_xlim() == scatter.get_ylim()
