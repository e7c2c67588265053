"""The atoms of an mmCIF file, completed by the columns that some programs leave out."""

from collections import defaultdict

import gemmi

from ssn3d.core.errors import StructureError
from ssn3d.structures.elements import element_of
from ssn3d.structures.repeats import Repeats

_ATOMS = "_atom_site."
_POSITION = ("Cartn_x", "Cartn_y", "Cartn_z")
_OF_RESIDUE = ("label_asym_id", "auth_seq_id", "pdbx_pdb_ins_code", "label_comp_id")
_OF_ATOM = ("label_atom_id", "label_alt_id")
_DEFAULTS = {"label_alt_id": ".", "occupancy": "1", "b_iso_or_equiv": "0"}

Columns = dict[str, list[str]]
"""Table of atoms, by the names of its columns in small letters."""


def atoms_block(text: str, name: str) -> tuple[gemmi.cif.Block, bool]:
    """Find the data block with atoms, and complete its table of atoms.

    Other blocks, such as restraints, are ignored. Missing chain names, residue numbers and elements
    are taken from other columns.

    Returns:
        The block, and True if its chains are the authors', in which polymers, ligands and water are
        mixed; those of the archive (label_asym_id) hold one molecule each.

    Raises:
        StructureError: no block or several have atoms, or a column without substitute is missing.
        RuntimeError, ValueError: the file is damaged.
    """
    blocks = [b for b in gemmi.cif.read_string(text) if len(b.find_mmcif_category(_ATOMS))]
    if not blocks:
        raise StructureError(f"{name}: contains no atoms")
    if len(blocks) > 1:
        names = ", ".join(block.name for block in blocks[:10])
        raise StructureError(f"{name}: {len(blocks)} data blocks with atoms ({names}); keep one")
    table = blocks[0].get_mmcif_category(_ATOMS, raw=True)
    columns = {tag.lower(): values for tag, values in table.items()}  # tags may be in any case
    mixed = _complete(columns, name)
    blocks[0].set_mmcif_category(_ATOMS, columns, raw=True)
    return blocks[0], mixed


def _complete(columns: Columns, name: str) -> bool:
    """Add what gemmi needs to the table of atoms; return True if chains are the authors'."""
    missing = [what for what in _POSITION if what.lower() not in columns]
    if missing:
        raise StructureError(
            f"{name}: no column {_ATOMS}{missing[0]}; it has the positions of atoms"
        )
    rows = len(columns["cartn_x"])
    for what, value in _DEFAULTS.items():
        columns.setdefault(what, [value] * rows)
    columns.setdefault("id", list(map(str, range(1, rows + 1))))
    for what in ("atom_id", "comp_id"):
        _fill(columns, f"label_{what}", f"auth_{what}", name)
    numbered = not all(map(gemmi.cif.is_null, columns.get("label_seq_id", [])))
    # ligands have no label_seq_id, and need none
    _fill(columns, "auth_seq_id", "label_seq_id", name, otherwise="1" if numbered else "")
    _complete_elements(columns, name)
    mixed = _fill(columns, "label_asym_id", "auth_asym_id", name)
    _number_copies(columns)
    return mixed


def _column(columns: Columns, what: str) -> list[str]:
    """Column of the table of atoms; all unknown if there is none."""
    return columns.get(what) or ["?"] * len(columns["cartn_x"])


def _fill(columns: Columns, what: str, substitute: str, name: str, otherwise: str = "") -> bool:
    """Fill the gaps of a column from another one, or by `otherwise`; return True if there were any.

    Raises StructureError if a gap remains.
    """
    values, others = _column(columns, what), _column(columns, substitute)
    gaps = [row for row, value in enumerate(values) if gemmi.cif.is_null(value)]
    for row in gaps:
        values[row] = otherwise if gemmi.cif.is_null(others[row]) else others[row]
    if not all(values):
        raise StructureError(f"{name}: atoms without {_ATOMS}{what} and {substitute}; give one")
    columns[what] = values
    return bool(gaps)


def _complete_elements(columns: Columns, name: str) -> None:
    """Find missing elements (type_symbol) by the names of the atoms and their residues."""
    symbols = _column(columns, "type_symbol")
    for row, (atom, residue) in enumerate(
        zip(columns["label_atom_id"], columns["label_comp_id"], strict=True)
    ):
        if gemmi.cif.is_null(symbols[row]):
            four = f"{gemmi.cif.as_string(atom):4}"
            found = element_of(four, gemmi.cif.as_string(residue), left_justified=True)
            if found is None and not gemmi.find_tabulated_residue(residue).found():
                raise StructureError(
                    f"{name}: the name {atom} of an atom in {residue} tells no element; give it as "
                    f"{_ATOMS}type_symbol"
                )
            symbols[row] = found or "X"
    columns["type_symbol"] = symbols


def _number_copies(columns: Columns) -> None:
    """Move chains that are repeated under the same name into separate models."""
    residue = [columns[what] for what in _OF_RESIDUE if what in columns]
    atom = [columns[what] for what in _OF_ATOM]
    repeats: dict[str, Repeats] = defaultdict(Repeats)
    models = columns.get("pdbx_pdb_model_num") or ["1"] * len(columns["cartn_x"])
    rows = zip(models, zip(*residue, strict=True), zip(*atom, strict=True), strict=True)
    copies = [repeats[model].copy_of(of, which) for model, of, which in rows]
    if any(copies):
        step = 10 ** max(map(len, models))
        numbers = [int(model) + step * copy for model, copy in zip(models, copies, strict=True)]
        columns["pdbx_pdb_model_num"] = list(map(str, numbers))
