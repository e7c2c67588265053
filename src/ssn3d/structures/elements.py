"""Elements of atoms by their names, for coordinate files that leave elements out."""

import re

import gemmi

_CHARMM_IONS = {"SOD": "Na", "CLA": "Cl", "POT": "K", "CAL": "Ca", "CES": "Cs", "LIT": "Li"}
_TWO_LETTERS = frozenset({"BR", "CL", "CU", "FE", "MG", "MN", "SE", "SI", "ZN"})
"""Elements whose symbols begin no usual name of a carbon, hydrogen, nitrogen or sulfur."""
_ONE_LETTER = frozenset("HDCNOPSFIKBVWYU")


def is_element(symbol: str) -> bool:
    """True for the symbol of an element, or X for unknown atoms."""
    return symbol.upper() == "X" or gemmi.Element(symbol).name != "X"


def element_of(columns: str, residue: str, *, left_justified: bool) -> str | None:
    """Symbol of an atom's element, or None if its name does not determine one.

    The name is that in four columns (13 to 16) of a PDB file. If all names in the file begin in the
    first, it is `left_justified`; by the format, only those of four characters and those whose
    element has two letters do.
    """
    name = columns.strip().upper()
    letters = re.sub("[^A-Z].*", "", name.lstrip("0123456789'\"*"))
    if name in _CHARMM_IONS and name == residue.upper():
        return _CHARMM_IONS[name]
    if not letters:
        return None
    is_ion = letters == re.sub("[^A-Z]", "", residue.upper())
    two_letters = not left_justified and columns[:1].isalpha() and len(name) < len(columns)
    pair = letters[:2]
    is_symbol = len(pair) > 1 and gemmi.Element(pair).name.upper() == pair
    if letters in _TWO_LETTERS or ((is_ion or two_letters) and is_symbol):
        return pair.capitalize()
    return letters[0] if letters[0] in _ONE_LETTER else None
