"""MRC files written section by section."""

import mrcfile
import numpy as np
import pytest

from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import read_mrc
from ssn3d.io.mrc_sections import Grid, new_sections

GRID = Grid((5, 6, 7), 13.48, (1.0, -2.0, 3.0), (4, 5, -6))
ARRAY = 20 * generator(0, "sections").random(GRID.shape, dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32])
def test_a_valid_file_with_its_grid_and_statistics(tmp_path, dtype, capsys):
    array = ARRAY.astype(dtype)
    path = tmp_path / "v.mrc"
    with new_sections(path, GRID, dtype, "a label") as file:
        file.write(array[:2])
        file.write(array[2:])
    assert mrcfile.validate(path), capsys.readouterr().out
    again, voxel_size = read_mrc(path, GRID.shape)
    np.testing.assert_array_equal(again, array)
    assert again.dtype == dtype
    assert voxel_size == pytest.approx(13.48)
    with mrcfile.open(path) as mrc:
        header = mrc.header
        assert header.origin.tolist() == (1.0, -2.0, 3.0)
        assert (header.nxstart, header.nystart, header.nzstart) == (4, 5, -6)
        assert header.dmax == array.max()
        assert float(header.rms) == pytest.approx(float(array.std()), rel=1e-5)
        assert mrc.get_labels()[0] == "a label"


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "v.mrc"
    with new_sections(path, GRID, np.float32, "") as file:
        file.write(ARRAY)
    content = bytearray(path.read_bytes())
    content[1100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="checksum is wrong"):
        read_mrc(path)


def test_nan_is_not_written(tmp_path):
    with (
        pytest.raises(DataError, match=r"v\.mrc: not written"),
        new_sections(tmp_path / "v.mrc", GRID, np.float32, "") as file,
    ):
        file.write(np.full(GRID.shape, np.nan))
    assert list(tmp_path.iterdir()) == []
