"""The sheet of one's own tomograms: what it says, and one line for what is wrong with it."""

import pytest

from ssn3d.core.errors import DataError
from ssn3d.recovery.samples_table import COLUMNS, Sample, read_samples_table

TITLES = "\t".join(COLUMNS)
GOOD = "one\ta.mrc\t\t-60\t60"


def write_sheet(folder, *lines, titles=TITLES):
    (folder / "a.mrc").touch()
    (folder / "tomograms.tsv").write_text("\n".join([titles, *lines, "", ""]))
    return folder / "tomograms.tsv"


def test_samples_by_name(tmp_path):
    elsewhere = tmp_path / "elsewhere.mrc"
    elsewhere.touch()
    lines = (f"{GOOD}\ta.mrc\tbright", "", f"TS_02.1\t{elsewhere}\t 7.5\t-51.5\t54")
    sheet = write_sheet(tmp_path, *lines, titles=f"{TITLES}\tannotations\tprotein")
    own = str(tmp_path / "a.mrc")
    assert read_samples_table(sheet) == {
        "one": Sample("one", own, None, (-60.0, 60.0), own, "bright"),
        "TS_02.1": Sample("TS_02.1", str(elsewhere), 7.5, (-51.5, 54.0)),
    }


def test_corrected_tilts_change_no_volume():
    sample = Sample("one", "a.mrc", 7.5, (-60.0, 60.0), None, "dark")
    corrected = sample._replace(tilt_range_deg=(-60.0, 54.0))
    assert corrected.facts != sample.facts
    assert corrected.facts_of_volume == sample.facts_of_volume
    opened = Sample(file="a.mrc", **sample.facts_of_volume)
    assert opened._replace(tilt_range_deg=(-60.0, 60.0)) == sample


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings(separator, encoding, tmp_path):
    (tmp_path / "a.mrc").touch()
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / ".zattrs").touch()
    lines = [
        TITLES.upper(),
        "# elsewhere",
        "#no\tc.mrc\t\t-60\t60",
        GOOD,
        "data_01\tb.zarr\t8\t-60\t60",
    ]
    text = "\r\n".join(lines).replace("\t", separator)
    (tmp_path / "sheet.csv").write_bytes(text.encode(encoding))
    samples = read_samples_table(tmp_path / "sheet.csv")
    assert [*samples] == ["one", "data_01"]
    assert samples["data_01"].file == str(tmp_path / "b.zarr")
    assert samples["data_01"].voxel_size_angstrom == 8


def test_order_of_columns(tmp_path):
    titles = "\t".join(reversed(COLUMNS))
    sheet = write_sheet(tmp_path, "60\t-60\t10\ta.mrc\tone", titles=titles)
    assert read_samples_table(sheet)["one"].voxel_size_angstrom == 10.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../x\ta.mrc\t\t-60\t60", "line 3, name: '../x' cannot name files"),
        ("\ta.mrc\t\t-60\t60", "line 3, name: '' cannot name files"),
        ("ONE\ta.mrc\t\t-60\t60", "line 3, name: 'ONE' is there already"),
        (
            "two\tb.mrc\t\t-60\t60",
            "b.mrc' is neither a file nor an OME-Zarr folder; paths are relative",
        ),
        ("two\t\t\t-60\t60", "line 3, file: "),
        ("two\ta.mrc\tten\t-60\t60", "line 3, voxel_size_angstrom: 'ten' is not a number"),
        ("two\ta.mrc\t0\t-60\t60", "voxel_size_angstrom: '0' is not above 0; leave it empty"),
        ("two\ta.mrc\t\t\t60", "line 3, tilt_min_deg: '' is not a number"),
        ("two\ta.mrc\t\t-60\tnan", "line 3, tilt_max_deg: 'nan' is not a number"),
        ("two\ta.mrc\t\t-60\t600", "line 3, tilt_max_deg: '600' is not between -90 and 90"),
        ("two\ta.mrc\t\t60\t-60", "line 3, tilt_max_deg: -60 is not above tilt_min_deg, 60"),
        ("two\ta.mrc\t\t-60\t60\t1", "line 3 has 6 cells, but there are 5 titles"),
        ("two\ta.mrc", "line 3, tilt_min_deg: '' is not a number"),
    ],
)
def test_fault_names_line_and_column(line, message, tmp_path):
    with pytest.raises(DataError) as caught:
        read_samples_table(write_sheet(tmp_path, GOOD, line))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "tomograms.tsv"))


@pytest.mark.parametrize(
    ("titles", "lines", "message"),
    [
        (TITLES, [], "no tomograms; give a line for each"),
        (f"{TITLES}\tannotations", [f"{GOOD}\tb.star"], "line 2, annotations: "),
        (f"{TITLES}\tprotein", [f"{GOOD}\tblack"], "line 2, protein: 'black' is none of auto"),
        (TITLES.replace("file", "path"), [GOOD], "no column file; give name, file, voxel_size"),
        (f"{TITLES}\tcolour", [f"{GOOD}\tred"], "unknown column 'colour'; give name, file"),
        (f"{TITLES}\tname", [f"{GOOD}\tB"], "column name is there twice; remove one"),
        (
            TITLES.replace("\t", "  "),
            ["one  a.mrc    -60  60"],
            "line 2 has 4 cells, but there are 5",
        ),
    ],
)
def test_faulty_tables_are_refused(titles, lines, message, tmp_path):
    with pytest.raises(DataError, match=r"tomograms\.tsv") as caught:
        read_samples_table(write_sheet(tmp_path, *lines, titles=titles))
    assert message in str(caught.value)


def test_braces_in_a_path(tmp_path):
    (tmp_path / "TS {01}.mrc").touch()
    with pytest.raises(DataError, match=r"line 2, file: .*TS \{01\}\.mrc.*rename"):
        read_samples_table(write_sheet(tmp_path, GOOD.replace("a.mrc", "TS {01}.mrc")))


def test_a_missing_sheet_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"none\.tsv: no such file"):
        read_samples_table(tmp_path / "none.tsv")
