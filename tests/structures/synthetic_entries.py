"""Small synthetic entries, written by gemmi, and how entries are read."""

from collections.abc import Sequence

import gemmi
import numpy as np

from ssn3d.structures.coordinates import check_entry_id, entry_structure, file_content, parse_entry

BACKBONE = {"N": "N", "CA": "C", "C": "C", "O": "O"}


def add_atom(residue, name, element, position, occupancy=1.0, altloc="\0"):
    """Add an atom at (x, y, z)."""
    atom = gemmi.Atom()
    atom.name, atom.element, atom.occ, atom.altloc = name, gemmi.Element(element), occupancy, altloc
    atom.pos = gemmi.Position(*map(float, position))
    residue.add_atom(atom)


def new_residue(name, number, *, het=False):
    """Make a residue without atoms."""
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.het_flag = name, gemmi.SeqId(str(number)), "AH"[het]
    return residue


def make_entry(
    sequence: Sequence[str] = ("ALA", "GLY", "TRP", "LYS") * 5,
    entry_id: str = "1ABC",
    *,
    atoms: Sequence[str] = tuple(BACKBONE),
    origin: tuple[float, float, float] = (10.0, -20.0, 30.0),
    models: int = 1,
) -> gemmi.Structure:
    """Return an entry of one helical protein chain that holds the named backbone atoms."""
    entry = gemmi.Structure()
    entry.name = entry.info["_entry.id"] = entry_id
    for model_number in range(1, models + 1):
        model = gemmi.Model(model_number)
        chain = gemmi.Chain("A")
        for i, name in enumerate(sequence):
            residue = new_residue(name, i + 1)
            turn = np.deg2rad(100 * i)
            at = np.array([8 * np.cos(turn), 8 * np.sin(turn), 1.5 * i]) + origin
            for j, atom in enumerate(atoms):
                add_atom(residue, atom, BACKBONE[atom], at + 0.1 * j * np.array([3, -2, 1]))
            chain.add_residue(residue)
        model.add_chain(chain)
        entry.add_model(model)
    entry.setup_entities()
    return entry


def pdb_text(entry: gemmi.Structure) -> str:
    """Write an entry as PDB text, with the header that gemmi leaves out without a title."""
    header = f"HEADER    TEST                                    01-JAN-00   {entry.name:4}\n"
    return header + entry.make_pdb_string(gemmi.PdbWriteOptions(minimal=True, end_record=True))


def cif_text(entry: gemmi.Structure) -> str:
    """Write an entry as mmCIF text."""
    return str(entry.make_mmcif_document().as_string())


def read_entry(path, pdb_id="1ABC", unit="deposited"):
    """Read a coordinate file as the stage does."""
    name = str(path)
    entry = parse_entry(file_content(path), name)
    check_entry_id(entry, pdb_id, name)
    return entry_structure(entry, pdb_id, unit, name)
