import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn3d.io.files import read_json
from ssn3d.report.tables.notes import notes_below
from ssn3d.report.tables.tables import TABLE2_COLUMNS, TABLE3_COLUMNS, read_table
from ssn3d.report.tables.text import provenance_line, to_latex, to_markdown, to_text, write_table

PROVENANCE = {"ssn3d": "0.1.0", "seed": 2018, "hardware": {"cpu": "x"}, "settings": {"k": 1}}
CELL = re.compile(r"(?<!\\)\|")


@pytest.fixture
def second():
    """Make Table 2 of a finished baseline and a missing network."""
    table = pd.DataFrame(index=[0, 1], columns=TABLE2_COLUMNS, dtype=float)
    table["method"], table["dataset"] = ["Xu & Alber", "SSN3D-ED"], "A"
    table["snr"] = 0.5
    table["paper_miou"], table["paper_iou_foreground"] = [np.nan, 86.4], [27.4, np.nan]
    table["seeds"] = pd.array([1, None], "Int64")
    table.loc[0, ["pixel_accuracy", "miou", "miou_low", "miou_high"]] = [98.125, 64.5, 64.0, 65.25]
    table.loc[0, ["independent_miou", "errors_per_surface_voxel"]] = [63.25, 0.3607]
    table["capacity"] = pd.array([2042158, None], "Int64")
    table["status"] = ["done", "missing: rule train_network (runs/SSN3D-ED/A/random/run.json)"]
    return table


@pytest.fixture
def third():
    """Make Table 3 of a structure from the archive, and a bead model."""
    table = pd.DataFrame(index=[0, 1], columns=TABLE3_COLUMNS, dtype=float)
    table["pdb_id"], table["name"], table["status"] = ["1KP8", "1FNT"], ["GroEL", "20S"], "done"
    table["source"], table["miou"] = ["archive", "surrogate: bead model"], [88.0, 87.0]
    table["seeds"], table["exact_entry"] = pd.array([1, 1], "Int64"), [True, False]
    table["paper_miou"], table["paper_pixel_accuracy"] = [88.85, 83.0], 98.0
    return table


def rows_of_markdown(text, number=0):
    """Return the lines of the table of scores (0) or of details (1): titles, rule, cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 2
    assert all(len({len(line) for line in lines}) == 1 for lines in blocks)  # aligned
    return [[cell.strip() for cell in CELL.split(line)[1:-1]] for line in blocks[number]]


def shown(text, row=0):
    """Return the cells of a row in both tables, by title."""
    both = [rows_of_markdown(text, number) for number in (0, 1)]
    return {k: v for rows in both for k, v in zip(rows[0], rows[2 + row], strict=True)}


def test_markdown_cells(second):
    text = to_markdown(second, "Table 2", PROVENANCE)
    ours, missing = shown(text), shown(text, 1)
    assert ours["Method"] == "Xu & Alber"
    assert ours["Pixel acc. (%)"] == "98.12"
    assert ours["95% interval"] == "64.00 to 65.25"
    assert ours["Capacity"] == "2,042,158"
    assert ours["Paper's ROI IoU"] == "27.40"
    assert ours["Paper's mIoU"] == ours["Difference"] == "\N{EN DASH}"
    assert (ours["Independent mIoU (%)"], ours["Errors per surface voxel"]) == ("63.25", "0.361")
    assert {missing[c] for c in ("mIoU (%)", "95% interval", "Capacity", "Epochs")} == {
        "\N{EN DASH}"
    }
    assert missing["Status"].startswith(r"missing: rule train\_network")
    assert {cell[-1] for cell in rows_of_markdown(text)[1]} == {"-", ":"}
    assert "1 of 2 rows have no result" in text


def test_surrogates_are_marked(second, third):
    text = to_markdown(second, "Table 2", PROVENANCE, ["1FNT"])
    assert [row[0] for row in rows_of_markdown(text)[2:]] == ["Xu & Alber†", "SSN3D-ED"]
    assert "in place of deposited coordinates, for 1FNT" in text
    for render in (to_markdown, to_latex):
        assert "urrogate" not in render(second, "Table 2", PROVENANCE)
    assert [row[0] for row in rows_of_markdown(to_markdown(third, "", {}))[2:]] == ["1KP8", "1FNT†"]
    latex = to_latex(third, "Table 3", PROVENANCE)
    assert re.search(r"1FNT\$\^\\dagger\$ +& 20S", latex)
    assert r"\par $^\dagger$ Surrogates" in latex
    assert "1FNT†" in to_text(third)


def test_constant_columns_are_dropped(second):
    assert "Status" in to_markdown(second, "", {})
    text = to_markdown(second[:1], "", {})
    assert "Status" not in text
    assert "eeds" not in text


def test_range_of_seeds(second):
    second["seeds"] = pd.array([1, 3], "Int64")
    second.loc[1, ["miou", "miou_lowest_seed", "miou_highest_seed"]] = [88.5, 88.25, 88.75]
    text = to_markdown(second, "", {})
    assert shown(text, 1)["Range of seeds"] == "88.25 to 88.75"
    assert shown(text)["Range of seeds"] == "\N{EN DASH}"
    assert "means over trainings" in text


def test_notes_on_baselines(second):
    assert "Xu & Alber is unsupervised" in (text := to_text(second))
    assert "Xu & Alber, tuned" not in text
    second.loc[1, "method"] = "Xu & Alber, tuned"
    assert "Xu & Alber, tuned: " in to_text(second)


def test_notes_on_means(third):
    first, second, *_ = notes_below(third, [])
    assert first.startswith("Mean of 2 structures: mIoU 87.50 (paper 85.92), ")
    assert first.endswith("; 1 of 2 at or above the paper's mIoU.")
    assert second.startswith("Mean of 1 structures read")
    assert "(1KP8): mIoU 88.00 (paper 88.85)" in second
    third["exact_entry"] = False
    assert "structures read" not in "".join(notes_below(third, []))
    third["status"] = "not asked for"
    assert "Mean of" not in "".join(notes_below(third, []))


def test_latex_escapes(second):
    text = to_latex(second, "50% of Table_2", PROVENANCE)
    assert r"Xu \& Alber" in text
    assert r"\caption{50\% of Table\_2}" in text
    assert r"Pixel acc. (\%)" in text
    scores, details = re.findall(r"\\begin\{tabular\}.*?\\bottomrule", text, re.DOTALL)
    for body in (scores, details):
        rows = [line for line in body.splitlines() if line.endswith(r" \\")]
        columns = re.search(r"\{([lr]+)\}", body)
        assert columns is not None
        assert len(rows) == 3
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns[1])}
        assert len({row.index(r" \\") for row in rows}) == 1  # aligned
    assert text.startswith("% Provenance: ssn3d 0.1.0; seed 2018; ")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX")
def test_latex_compiles(second, third, tmp_path):
    third["name"] = r"a_b & c% #{~^} \ $"
    tables = to_latex(second, "Table 2", PROVENANCE, ["1FNT"]) + to_latex(third, "", {})
    packages = r"\documentclass{article}\usepackage{booktabs,graphicx}"
    text = f"{packages}\\begin{{document}}\n{tables}\\end{{document}}\n"
    (tmp_path / "tables.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout


@settings(max_examples=25)
@given(name=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
def test_names_are_escaped(name):
    table = pd.DataFrame(index=[0], columns=TABLE3_COLUMNS, dtype=float)
    table["pdb_id"], table["source"], table["status"] = "1KP8", "archive", "done"
    table["name"] = name
    table["seeds"], table["exact_entry"] = pd.array([1], "Int64"), True
    header, _, row = rows_of_markdown(to_markdown(table, "", {}))
    assert len(row) == len(header)
    assert re.sub(r"\\([^A-Za-z0-9])", r"\1", row[1]) == name
    latex_row = next(line for line in to_latex(table, "", {}).splitlines() if "1KP8" in line)
    assert len(re.findall(r"(?<!\\)&", latex_row)) + 1 == len(header)
    assert not re.findall(r"(?<!\\)[%#$_]", latex_row)


def test_terminal_table(second):
    header, *rows = to_text(second).splitlines()
    assert "Capacity" not in header
    assert "Independent mIoU (%)" in header
    assert rows[0].index("64.50") + 5 == header.index("mIoU (%)") + len("mIoU (%)")
    assert rows[1].startswith("SSN3D-ED")


def test_files_have_provenance(second, tmp_path):
    write_table(second, tmp_path / "table2.csv", "Table 2", PROVENANCE, ["1FNT"])
    record = read_json(tmp_path / "table2.json")
    assert record == PROVENANCE | {"surrogates": ["1FNT"]}
    line = provenance_line(PROVENANCE)
    assert (tmp_path / "table2.tex").read_text().splitlines()[0] == f"% Provenance: {line}"
    assert "Provenance: ssn3d 0.1.0" in (tmp_path / "table2.md").read_text().splitlines()[-1]
    page = (tmp_path / "table2.html").read_text()
    assert "<p>Provenance: ssn3d 0.1.0" in page
    assert "Xu &amp; Alber†" in page
    assert line == 'ssn3d 0.1.0; seed 2018; hardware {"cpu": "x"}'
    again = read_table(tmp_path / "table2.csv")
    np.testing.assert_allclose(again["miou"], second["miou"])
    suffixes = {path.suffix for path in tmp_path.iterdir()}
    assert suffixes == {".csv", ".html", ".json", ".md", ".tex"}
