"""Coordinate files give the right masses and positions, or an error on one line."""

import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_entries import add_atom, cif_text, make_entry, new_residue, pdb_text, read_entry

from ssn3d.core.errors import StructureError
from ssn3d.structures.coordinates import check_entry_id, entry_structure, file_content, parse_entry

RESIDUE_DALTON = {"GLY": 57.05, "ALA": 71.08, "SER": 87.08, "TRP": 186.21}  # textbook values


def structure_of(text, unit="deposited"):
    """Structure in a text of either format, or in an entry's mmCIF text."""
    text = cif_text(text) if isinstance(text, gemmi.Structure) else text
    return entry_structure(parse_entry(text.encode(), "x"), "1ABC", unit, "x")


def add_residue(entry, name, atoms, number=900, *, het=False):
    residue = new_residue(name, number, het=het)
    for atom in atoms:
        add_atom(residue, *atom)
    entry[0][0].add_residue(residue)
    entry.setup_entities()


@pytest.mark.parametrize("text_of", [pdb_text, cif_text])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_formats_agree(tmp_path, text_of, suffix):
    data = text_of(make_entry()).encode()
    path = tmp_path / f"entry{suffix}"  # the content decides, not the name
    path.write_bytes(gzip.compress(data) if suffix else data)
    structure = read_entry(path)
    assert structure.unit == "deposited"
    np.testing.assert_allclose(
        structure.points_angstrom, structure_of(make_entry()).points_angstrom, atol=2e-3
    )


def test_points_are_zyx_about_centre_of_mass():
    structure = structure_of(make_entry(["GLY"] * 30))
    assert structure.points_angstrom.dtype == np.float32
    np.testing.assert_allclose(np.ptp(structure.points_angstrom, axis=0), [43.5, 16, 16], rtol=0.05)
    weighted = structure.masses_dalton[:, None] * structure.points_angstrom
    assert np.abs(weighted.sum(axis=0) / structure.mass_dalton).max() < 1e-3


@given(shift=st.tuples(*[st.floats(-500, 500)] * 3))
@settings(max_examples=20)
def test_translation_invariance(shift):
    here, there = structure_of(make_entry()), structure_of(make_entry(origin=shift))
    np.testing.assert_allclose(here.points_angstrom, there.points_angstrom, atol=2e-3)
    np.testing.assert_array_equal(here.masses_dalton, there.masses_dalton)


@pytest.mark.parametrize("atoms", [("N", "CA", "C", "O"), ("CA",)])
def test_residues_have_full_mass(atoms):
    sequence = ["GLY", "ALA", "SER", "TRP"] * 5
    structure = structure_of(make_entry(sequence, atoms=atoms))
    np.testing.assert_allclose(
        structure.masses_dalton, [RESIDUE_DALTON[name] for name in sequence], atol=0.02
    )


def test_unknown_residues():
    unknown = structure_of(make_entry(["ALA", "UNK", "ASX"] * 8))
    assert sorted(set(unknown.masses_dalton.round(2))) == [pytest.approx(71.08, abs=0.02), 110.0]


def test_waters_and_ligands():
    bare = structure_of(make_entry())
    entry = make_entry()
    add_residue(entry, "HOH", [("O", "O", (0, 0, 0))], 901, het=True)
    add_residue(entry, "ZN", [("ZN", "Zn", (1, 2, 3), 0.5)], 902, het=True)
    structure = structure_of(entry)
    assert len(structure.masses_dalton) == len(bare.masses_dalton) + 1
    assert structure.mass_dalton - bare.mass_dalton == pytest.approx(65.38 / 2, abs=0.01)


def test_conformers_count_by_occupancy():
    def with_last(*atoms):
        entry = make_entry(["GLY"] * 20)
        add_residue(entry, "GLY", atoms, 21)
        points = structure_of(entry).points_angstrom
        return points[-1] - points[0]

    split = with_last(("CA", "C", (0, 0, 40), 0.75, "A"), ("CA", "C", (0, 0, 80), 0.25, "B"))
    np.testing.assert_allclose(split, with_last(("CA", "C", (0, 0, 50))), atol=2e-3)


def test_alternative_residues():
    entry = make_entry(["GLY"] * 20)
    add_residue(entry, "GLY", [("CA", "C", (0, 0, 0), 0.25, "A")], 21)
    add_residue(entry, "TRP", [("CA", "C", (0, 0, 0), 0.75, "B")], 21)
    structure = structure_of(entry)
    assert len(structure.masses_dalton) == 21
    expected = 0.25 * RESIDUE_DALTON["GLY"] + 0.75 * RESIDUE_DALTON["TRP"]
    assert structure.masses_dalton[-1] == pytest.approx(expected, abs=0.02)


def test_residues_of_occupancy_0():
    entry = make_entry(["GLY"] * 20)
    for atom in entry[0][0][4]:
        atom.occ = 0.0
    np.testing.assert_allclose(
        structure_of(entry).points_angstrom, structure_of(make_entry(["GLY"] * 20)).points_angstrom
    )


REMARK_350 = """\
REMARK 350 BIOMOLECULE: 1
REMARK 350 APPLY THE FOLLOWING TO CHAINS: A
REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000
REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000
REMARK 350   BIOMT1   2 -1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   2  0.000000 -1.000000  0.000000        0.00000
REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000        0.00000
"""


def test_biological_assembly():
    header, rest = pdb_text(make_entry(origin=(15, 0, 0))).split("\n", 1)
    dimer = parse_entry(f"{header}\n{REMARK_350}{rest}".encode(), "x")
    for entry in (dimer, parse_entry(cif_text(dimer).encode(), "x")):
        one = entry_structure(entry, "1ABC", "deposited", "x")
        two = entry_structure(entry, "1ABC", "biological", "x")
        assert two.unit == "biological"
        assert two.mass_dalton == pytest.approx(2 * one.mass_dalton)
        half = len(one.masses_dalton)
        turned = two.points_angstrom[:half] * [1, -1, -1]  # half a turn about z
        np.testing.assert_allclose(turned, two.points_angstrom[half:], atol=2e-3)


def test_missing_assembly():
    with pytest.raises(StructureError, match=r"no biological assembly.*'deposited' for 1ABC"):
        structure_of(make_entry(), "biological")


@pytest.mark.parametrize("found", ["XXXX", "", "model"])
def test_header_without_an_id_is_unknown(found):
    entry = make_entry(entry_id=found)
    check_entry_id(entry, "1ABC", "x")
    with pytest.raises(StructureError, match="without an ID, not 1ABC"):
        check_entry_id(entry, "1ABC", "x", required=True)


@pytest.mark.parametrize("found", ["1abc", "pdb_00001abc"])
def test_header_ids_in_any_case_and_length(found):
    check_entry_id(make_entry(entry_id=found), "1ABC", "x", required=True)


def garbled_pdb(coordinates):
    lines = pdb_text(make_entry()).splitlines(keepends=True)
    lines[9] = lines[9][:30] + coordinates + lines[9][54:]
    return "".join(lines).encode()


def cif_with(text):
    return cif_text(make_entry()).replace(" 58.7 ", f" {text} ")


def only_water():
    entry = gemmi.Structure()
    entry.add_model(gemmi.Model(1))
    entry[0].add_chain(gemmi.Chain("A"))
    add_residue(entry, "HOH", [("O", "O", (0, 0, 0))], het=True)
    return cif_text(entry).encode()


def one_point():
    entry = make_entry()
    for site in entry[0].all():
        site.atom.pos = gemmi.Position(1, 2, 3)
    return cif_text(entry).encode()


PDB, CIF = pdb_text(make_entry()).encode(), cif_text(make_entry()).encode()
DAMAGED = {
    "empty": (b"", "neither"),
    "HTML": (b"<!DOCTYPE html><html><body>Not found</body></html>", "starts with '<!DOCTYPE"),
    "binary": (bytes(range(256)), "neither"),
    "mmCIF without atoms": (b"data_1ABC\n_entry.id 1ABC\n", "no atoms"),
    "truncated gzip": (gzip.compress(CIF)[:-200], "truncated or damaged gzip"),
    "damaged gzip": (gzip.compress(CIF)[:50] + b"?" * 9 + gzip.compress(CIF)[59:], "damaged gzip"),
    "PDB cut within a line": (PDB[: len(PDB) // 2], "truncated"),
    "PDB cut between lines": (b"\n".join(PDB.split(b"\n")[:40]), "truncated"),
    "PDB cut within coordinates": (PDB[: PDB.index(b"\n", 400) + 40], "truncated"),
    "mmCIF cut off": (CIF[: CIF.rindex(b" ", 0, -80)], "damaged"),
    "coordinates out of their columns": (garbled_pdb("*" * 24), "line 10: x, y, z must be"),
    "blank coordinates": (garbled_pdb(" " * 24), "line 10"),
    "PDB with NaN": (garbled_pdb("     nan     nan     nan"), "absurd"),
    "coordinates far off": (garbled_pdb(" 99999.0   0.000   0.000"), "absurd"),
    "only water": (only_water(), "nothing but water"),
    "all in one point": (one_point(), "in one place"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(tmp_path, name):
    content, expected = DAMAGED[name]
    path = tmp_path / "1ABC.ent"
    path.write_bytes(content)
    with pytest.raises(StructureError, match=f"{path}: .*{expected}"):
        read_entry(path)


@pytest.mark.parametrize("text", ["?", "nan", "1e9", "ten"])
def test_absurd_mmcif_coordinates(text):
    assert cif_with(text) != cif_with("58.7")
    with pytest.raises(StructureError, match="absurd"):
        structure_of(cif_with(text))


# Masses in kDa that are published for the entries; 330.7 is one of the two hexamers of 1GYT.
REAL = [
    ("1BXR.pdb.gz", "deposited", 645),
    ("1EQR.pdb.gz", "deposited", 198),
    ("1GYT.pdb.gz", "deposited", 330.7),
    ("2GLS.pdb.gz", "deposited", 624),
    ("1W6T.cif.gz", "deposited", 98),
    ("1W6T.cif.gz", "biological", 391),
    ("1OEL.pdb.gz", "biological", 810),
]


@pytest.mark.parametrize(("file", "unit", "published_kda"), REAL)
def test_real_masses(real_structures: Path, file, unit, published_kda):
    structure = read_entry(real_structures / file, file[:4], unit)
    assert structure.mass_dalton / 1e3 == pytest.approx(published_kda, rel=0.02)


def test_real_backbone_without_sequence(real_structures: Path):
    """This file of 2GHO has no SEQRES: its 2,765 residues are 309 kDa; its sequence would be 333.

    It is as dense as other entries, not as its atoms alone.
    """
    name = str(real_structures / "2GHO.pdb.gz")
    atoms = parse_entry(file_content(name), name)[0].all()
    assert sum(site.atom.element.weight for site in atoms) == pytest.approx(149.4e3, rel=1e-3)
    assert read_entry(name, "2GHO").mass_dalton == pytest.approx(309.4e3, rel=1e-3)


def test_unmodelled_residues_have_mass():
    """A chain of five alanines, two of them modelled, has the mass of five at two points."""
    modelled = pdb_text(make_entry(("ALA",) * 2))
    whole = pdb_text(make_entry(("ALA",) * 5))
    header, _, atoms = modelled.partition("ATOM")
    seqres = "SEQRES   1 A    5  ALA ALA ALA ALA ALA" + " " * 42 + "\n"
    with_sequence = header.replace("SEQRES", "REMARK") + seqres + "ATOM" + atoms
    two, five = structure_of(with_sequence), structure_of(whole)
    assert two.mass_dalton == pytest.approx(five.mass_dalton, rel=1e-6)
    assert (len(two.masses_dalton), len(five.masses_dalton)) == (2, 5)


@pytest.mark.parametrize("text_of", [pdb_text, cif_text])
@pytest.mark.parametrize("unknown", ["N", "YYG"])
def test_unknown_nucleotides(text_of, unknown):
    """Four adenosines are modelled; eight more nucleotides are unknown or modified."""
    entry = make_entry(("A",) * 4, atoms=("CA",))
    for site in entry[0].all():
        site.atom.name = "C1'"
    entry.setup_entities()
    sequence = ["A", unknown, unknown] * 4
    entry.entities[0].full_sequence = sequence
    text = text_of(entry)
    if text_of is pdb_text:  # gemmi writes no SEQRES
        names = " ".join(f"{name:>3}" for name in sequence)
        text = text.replace("\nATOM", f"\nSEQRES   1 A   12  {names}\nATOM", 1)
    structure = structure_of(text)
    assert len(structure.masses_dalton) == 4
    adenosine, mean = 329.2, (329.2 + 305.2 + 345.2 + 306.2) / 4  # textbook: A; A, C, G, U
    assert structure.mass_dalton == pytest.approx(4 * adenosine + 8 * mean, rel=1e-3)
