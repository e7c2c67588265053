"""The text of a PDB file, checked and completed before gemmi reads it."""

import re
from collections.abc import Sequence

import gemmi

from ssn3d.core.errors import StructureError
from ssn3d.structures.elements import element_of, is_element
from ssn3d.structures.repeats import Repeats, copy_mark

_ATOM = ("ATOM  ", "HETATM")


def checked_pdb(text: str, name: str) -> str:
    """Refuse faults that gemmi overlooks, and complete what it would misread.

    Truncated files are refused, and coordinates that are not numbers, which gemmi reads as 0.
    Missing elements are added by the names of atoms, repeated chains are marked, and END lines
    between frames or joined files are removed.

    Raises StructureError that names the file `name` and the line.
    """
    lines = text.splitlines()
    last = next(line for line in reversed(lines) if line.strip())
    if not last.startswith("END"):
        raise StructureError(
            f"{name}: truncated: its last line is not END (add it if the file is complete)"
        )
    left_justified, repeats = _is_left_justified(lines), Repeats()
    kept, models = [], 0
    for number, line in enumerate(lines, start=1):
        if line.startswith(_ATOM):
            _check_position(line, f"{name}: line {number}")
            completed = _with_element(line, left_justified, f"{name}: line {number}")
            copy = repeats.copy_of((line[17:27], line[72:76]), line[12:17])
            kept.append(f"{completed[:72]}{copy_mark(copy)}{completed[76:]}" if copy else completed)
        elif line.startswith("MODEL "):
            repeats, models = Repeats(), models + 1
            kept.append(f"MODEL     {models:4}")  # joined files begin at 1 again
        elif line.strip() != "END":
            kept.append(line)
    return "\n".join([*kept, "END", ""])


def _check_position(line: str, place: str) -> None:
    try:
        float(line[30:38]), float(line[38:46]), float(line[46:54])
    except ValueError as error:
        message = f"{place}: x, y, z must be numbers, not {line[30:54]!r}"
        raise StructureError(message) from error


def _is_left_justified(lines: Sequence[str]) -> bool:
    """True if all atom names begin in column 13, as some programs write them."""
    for line in lines:
        if line.startswith(_ATOM) and re.fullmatch("[CNO]   |CA  ", line[12:16]):
            known = gemmi.find_tabulated_residue(line[17:20].strip())
            if line[12:16] != "CA  " or known.is_amino_acid():
                return True
    return False


def _with_element(line: str, left_justified: bool, place: str) -> str:
    """Return the line of an atom with its element in columns 77 and 78."""
    symbol = line[76:78].strip()
    if symbol and symbol.isalpha() and is_element(symbol):
        return line
    residue = line[17:20].strip()
    found = element_of(line[12:16], residue, left_justified=left_justified)
    has_known_mass = gemmi.find_tabulated_residue(residue).found()
    if found is None and line.startswith("HETATM") and not has_known_mass:
        raise StructureError(
            f"{place}: the name {line[12:16].strip()!r} tells no element; write it in columns 77-78"
        )
    return f"{line[:76]:76}{found or 'X':>2}{line[78:]}"
