import re
from html import unescape

import numpy as np
import pandas as pd

from ssn3d.io.files import write_json
from ssn3d.report.tables.cells import web_page
from ssn3d.report.tables.data_pages import (
    SPECIMEN_KEYS,
    masks_page,
    snr_page,
    specimen_page,
    structures_page,
)
from ssn3d.structures.ids import random_ids

NOTHING = "\N{EN DASH}"
NAMES = {"1KP8": "GroEL 14-mer", "2GLS": "glutamine synthetase"}


def table_of(path):
    """Read the table of a page back."""
    head, *rows = (
        [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", path.read_text())
    )
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_page_escapes_and_aligns():
    cells = pd.DataFrame({"Method": ["Xu & Alber", "<b>"], "mIoU": ["27.40", NOTHING]})
    page = web_page([cells, cells], "Table <2>", ["a < b"])
    assert '<td>Xu &amp; Alber</td><td class="number">27.40</td>' in page
    assert page.count("<td>&lt;b&gt;</td>") == 2  # both tables
    assert "<h1>Table &lt;2&gt;</h1>" in page
    assert "<p>a &lt; b</p>" in page
    assert "http" not in page  # the page is self-contained


def test_structures_page(tmp_path):
    common = {"mass_dalton": 799546.4, "points": 7336, "unit": "deposited", "note": ""}
    archive = {
        "source": "archive",
        "served_by": "1KP8",
        "file": "1KP8.cif",
        "sha256": "0123456789abcdef",
    }
    beads = {"source": "surrogate", "served_by": None, "file": None, "sha256": None}
    write_json(tmp_path / "1KP8.json", common | archive)
    write_json(tmp_path / "9XYZ.json", common | beads | {"note": "no file"})
    structures_page(tmp_path, ["1KP8", "9XYZ"], NAMES, tmp_path / "page.html")
    first, second = table_of(tmp_path / "page.html")
    assert first["Name"] == "GroEL 14-mer"
    assert first["Mass (kDa)"] == "800"
    assert (first["Source"], first["SHA-256"]) == ("archive", "0123456789ab")
    assert (second["Source"], second["Note"]) == ("surrogate: bead model", "no file")
    assert second["Name"] == second["SHA-256"] == NOTHING


def test_specimen_page(tmp_path):
    one = {
        "particles_in_region": 10000, "particles_in_tomogram": 5491,
        "sphere_fraction_of_region": 0.151, "labelled_fraction_of_tomogram": 0.0573,
        "bounding_radius_voxels": {"1KP8": 5.1},
        "provenance": {"settings": {"voxel_size_angstrom": 20.0}},
    }  # fmt: skip
    specimens = {f"t{i + 1}": one | {"copies": {"1KP8": 200 + i % 11}} for i in range(1000)}
    specimens["independent1"] = one | {"copies": {"1KP8": 250}, "particles_in_tomogram": 5500}
    specimen_page(specimens, NAMES, tmp_path / "page.html")
    (row,) = table_of(tmp_path / "page.html")
    assert row["Bounding radius (nm)"] == "10.2"
    assert row["Copies in a tomogram"] == "205 (200 to 250)"
    text = (tmp_path / "page.html").read_text()
    assert "Tomograms: 1,001 (t1, t2, t3, t4, ..., independent1)." in text
    assert "10,000 particles in the region, of which 5,491 (5,491 to 5,500) reach" in text
    assert "fill 15.1% of the region; masks fill 5.7% of the tomogram" in text
    assert len(text) < 2600


def test_pages_of_many_structures(tmp_path):
    ids = random_ids(300)
    record = {"mass_dalton": 4e5, "points": 90, "sha256": None, "note": "C1 shell"}
    record |= {"source": "random", "served_by": None, "file": None, "unit": "random"}
    for pdb_id in ids[:60]:
        write_json(tmp_path / f"{pdb_id}.json", record)
    page = tmp_path / "page.html"
    structures_page(tmp_path, ids, NAMES, page)
    assert [row["PDB ID"] for row in table_of(page)] == ids[:60]
    assert table_of(page)[0]["Source"] == "random shape: bead model"
    assert "60 of 300 structures; results/structures has" in page.read_text()

    one = dict.fromkeys(SPECIMEN_KEYS[:4], 0.5)
    one |= {"provenance": {"settings": {"voxel_size_angstrom": 10.0}}}
    copies = {f"t{i}": {"0R00": i, ids[i]: 7} for i in range(1, 100)}
    specimens = {
        t: one | {"copies": has, "bounding_radius_voxels": dict.fromkeys(has, 5)}
        for t, has in copies.items()
    }
    specimen_page(specimens, NAMES, page)
    first, second, *others = table_of(page)
    assert (first["Tomograms"], first["Copies in a tomogram"]) == ("99", "50 (1 to 99)")
    assert (second["Tomograms"], second["Copies in a tomogram"]) == ("1", "7")
    assert len(others) == 58
    assert "60 of 100 structures; specimen.json" in page.read_text()

    sizes = {"pdb_id": ids, "subtomograms": 1, "mask_voxels": range(300)}
    masks_page(pd.DataFrame(sizes).assign(paper_mask_voxels=np.nan, ratio=np.nan), NAMES, page)
    assert [row["PDB ID"] for row in table_of(page)] == ids[:239:-1]
    assert "60 of 300 structures; mask_sizes.csv" in page.read_text()


def test_snr_page(tmp_path):
    record = {
        "snr_asked": 0.06, "snr_by_region": {"cube": 0.06, "particle": 0.527},
        "snr_without_noise": 0.743, "noise_scale": 2087.3, "reference_particles": 100,
        "region": "cube",
    }  # fmt: skip
    off = record | {"snr_by_region": {"cube": 0.057, "particle": 0.53}, "noise_scale": 2100}
    of_a = record | {"snr_asked": 0.5, "snr_by_region": {"cube": 0.5, "particle": 3.0}}
    noise = {("t1", "A"): of_a, ("t1", "B"): record, ("t2", "B"): off, ("t3", "B"): record}
    snr_page(noise, tmp_path / "page.html")
    a, b = (list(row.values()) for row in table_of(tmp_path / "page.html"))
    assert a == ["A", "1", "0.5", "0.5", "3", "0.743", "2,087", "100", "t1: +0%"]
    assert b == [
        "B", "3", "0.06", "0.059 (0.057 to 0.06)", "0.528 (0.527 to 0.53)", "0.743",
        "2,092 (2,087 to 2,100)", "100", "t2: -5%",
    ]  # fmt: skip
    assert "is the SNR in the cube" in (tmp_path / "page.html").read_text()
    in_band = of_a | {"snr_by_region": {"band": 0.51}, "snr_without_noise": None, "region": "band"}
    snr_page({("t1", "A"): in_band}, tmp_path / "page.html")
    (row,) = table_of(tmp_path / "page.html")
    assert (row["SNR in the band"], row["SNR without noise"]) == ("0.51", NOTHING)


def test_masks_page(tmp_path):
    table = pd.DataFrame(
        {
            "pdb_id": ["9XYZ", "1KP8"],
            "subtomograms": [10, 150],
            "mask_voxels": [700.4, 2926.2],
            "paper_mask_voxels": [np.nan, 4522],
            "ratio": [np.nan, 0.647],
        }
    )
    masks_page(table, NAMES, tmp_path / "page.html")
    large, small = table_of(tmp_path / "page.html")
    assert list(large.values()) == ["1KP8", "GroEL 14-mer", "150", "2,926", "4,522", "0.65"]
    assert list(small.values())[4:] == [NOTHING, NOTHING]
