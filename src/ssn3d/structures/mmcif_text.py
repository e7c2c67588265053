"""The atoms of an mmCIF file, completed by the columns that some programs leave out."""

from collections import defaultdict

import gemmi

from ssn3d.core.errors import StructureError
from ssn3d.structures.elements import element_of
from ssn3d.structures.repeats import Repeats

_ATOMS = "_atom_site."
_POSITION = ("Cartn_x", "Cartn_y", "Cartn_z")
_OF_ATOM = ("label_atom_id", "label_alt_id")
_DEFAULTS = {"label_alt_id": ".", "occupancy": "1", "B_iso_or_equiv": "0"}


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
    return blocks[0], _complete(blocks[0], name)


def _complete(block: gemmi.cif.Block, name: str) -> bool:
    """Add what gemmi needs to the table of atoms; return True if chains are the authors'."""
    rows = len(block.find_mmcif_category(_ATOMS))
    missing = [what for what in _POSITION if not _values(block, what)]
    if missing:
        raise StructureError(
            f"{name}: no column {_ATOMS}{missing[0]}; it has the positions of atoms"
        )
    for what, value in _DEFAULTS.items():
        if not _values(block, what):
            _set(block, what, [value] * rows)
    if not _values(block, "id"):
        _set(block, "id", list(map(str, range(1, rows + 1))))
    for what in ("atom_id", "comp_id"):
        _fill(block, f"label_{what}", f"auth_{what}", name)
    numbered = not all(map(gemmi.cif.is_null, _values(block, "label_seq_id")))
    # ligands have no label_seq_id, and need none
    _fill(block, "auth_seq_id", "label_seq_id", name, otherwise="1" if numbered else "")
    _complete_elements(block, name)
    mixed = _fill(block, "label_asym_id", "auth_asym_id", name)
    _number_copies(block)
    return mixed


def _values(block: gemmi.cif.Block, what: str) -> list[str]:
    """Column of the table of atoms; empty if there is none."""
    return list(block.find_values(_ATOMS + what))


def _set(block: gemmi.cif.Block, what: str, values: list[str]) -> None:
    """Replace or add a column of the table of atoms."""
    column = block.find_values(_ATOMS + what)
    if not column:
        table = block.find_mmcif_category(_ATOMS)
        table.ensure_loop()
        table.loop.add_columns([_ATOMS + what], "?")
        column = block.find_values(_ATOMS + what)
    for row, value in enumerate(values):
        column[row] = value


def _fill(
    block: gemmi.cif.Block, what: str, substitute: str, name: str, otherwise: str = ""
) -> bool:
    """Fill the gaps of a column from another one, or by `otherwise`; return True if there were any.

    Raises StructureError if a gap remains.
    """
    values = _values(block, what)
    gaps = [row for row, value in enumerate(values) if gemmi.cif.is_null(value)]
    if values and not gaps:
        return False
    others = _values(block, substitute)
    rows = gaps if values else range(len(block.find_mmcif_category(_ATOMS)))
    values = values or [otherwise] * len(rows)
    for row in rows:
        other = others[row] if others else "?"
        values[row] = otherwise if gemmi.cif.is_null(other) else other
    if not all(values):
        raise StructureError(f"{name}: atoms without {_ATOMS}{what} and {substitute}; give one")
    _set(block, what, values)
    return True


def _complete_elements(block: gemmi.cif.Block, name: str) -> None:
    """Find missing elements (type_symbol) by the names of the atoms and their residues."""
    symbols = _values(block, "type_symbol")
    if symbols and not any(map(gemmi.cif.is_null, symbols)):
        return
    atoms, residues = _values(block, "label_atom_id"), _values(block, "label_comp_id")
    symbols = symbols or ["?"] * len(atoms)
    for row, (atom, residue) in enumerate(zip(atoms, residues, strict=True)):
        if gemmi.cif.is_null(symbols[row]):
            columns = f"{gemmi.cif.as_string(atom):4}"
            found = element_of(columns, gemmi.cif.as_string(residue), left_justified=True)
            if found is None and not gemmi.find_tabulated_residue(residue).found():
                raise StructureError(
                    f"{name}: the name {atom} of an atom in {residue} tells no element; give it as "
                    f"{_ATOMS}type_symbol"
                )
            symbols[row] = found or "X"
    _set(block, "type_symbol", symbols)


def _number_copies(block: gemmi.cif.Block) -> None:
    """Move chains that are repeated under the same name into separate models."""
    known = ("label_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_comp_id")
    residue = [column for what in known if (column := _values(block, what))]
    atom = [column for what in _OF_ATOM if (column := _values(block, what))]
    repeats: dict[str, Repeats] = defaultdict(Repeats)
    models = _values(block, "pdbx_PDB_model_num") or ["1"] * len(atom[0])
    rows = zip(models, zip(*residue, strict=True), zip(*atom, strict=True), strict=True)
    copies = [repeats[model].copy_of(of, which) for model, of, which in rows]
    if any(copies):
        step = 10 ** max(map(len, models))
        numbers = [int(model) + step * copy for model, copy in zip(models, copies, strict=True)]
        _set(block, "pdbx_PDB_model_num", list(map(str, numbers)))
