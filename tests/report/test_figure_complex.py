import numpy as np
import pytest
from matplotlib.image import imread

from ssn3d.core.errors import DataError
from ssn3d.report.figures.complex import complex_at_each_snr, draw_complex
from ssn3d.structures.structure import Structure, write_structure


def test_panels_of_complex():
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


def test_complex_from_shard(write_images, tmp_path):
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 8))
    shard = write_images(images, images > 1, ["1KP8", "2GLS"])
    points = np.array([[-5, 0, 0], [5, 0, 0]], dtype=np.float32)
    masses = np.full(2, 1000, dtype=np.float32)
    structure, figure = tmp_path / "2GLS.npz", tmp_path / "complex.png"
    write_structure(structure, Structure("2GLS", points, masses, "deposited"))
    draw_complex("2GLS", structure, [shard], 15.0, 40.0, figure=figure)
    assert imread(figure).std() > 0
    figure.unlink()
    with pytest.raises(DataError, match=r"complex_id: .*t1\.h5 has no subtomogram of 1W6T; .*1KP8"):
        draw_complex("1W6T", structure, [shard], 15.0, 40.0, figure=figure)
    assert not figure.exists()
