"""Coordinate files (PDB or mmCIF, gzipped or not), one point of mass for each residue.

At 40 A resolution a residue (about 4 A) is a point. Each polymer residue has its full mass, however
many of its atoms were modelled, so that C-alpha-only and backbone-only entries are as dense as
complete ones. The mass of residues that were not modelled at all is spread over their chain if the
file gives its sequence (SEQRES, _entity_poly_seq), and is missing otherwise.

Source of the masses: gemmi's table of residues, which has the formula weights of the wwPDB Chemical
Component Dictionary, minus one water for the bond in the chain. Residues of unknown kind have the
mass of a mean amino acid residue or a mean nucleotide. Ligands and ions have the mass of their
atoms (gemmi's table of elements), times their occupancy; atoms of occupancy 0 count once.

For contrast `scattering`, a nucleotide weighs as much as the protein that scatters as strongly.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import gemmi
import numpy as np

from ssn3d.core.errors import StructureError
from ssn3d.io.files import PathLike, cannot_be_read
from ssn3d.structures.copies import keep_copies
from ssn3d.structures.ids import PDB_ID
from ssn3d.structures.mmcif_text import atoms_block
from ssn3d.structures.pdb_text import checked_pdb
from ssn3d.structures.scattering import NUCLEIC_ACID_CONTRAST
from ssn3d.structures.solvent import remove_solvent
from ssn3d.structures.structure import MAX_COORDINATE_ANGSTROM, Structure, structure_from_points

_WATER_DALTON = 18.015
_MEAN_AMINO_ACID_DALTON = 110.0
_MEAN_NUCLEOTIDE_DALTON = 321.5  # of A, C, G and U
_NUCLEIC_ACIDS = frozenset(
    {gemmi.PolymerType.Dna, gemmi.PolymerType.Rna, gemmi.PolymerType.DnaRnaHybrid}
)
_UNKNOWN_RESIDUES = frozenset({"UNK", "ASX", "GLX", "N", "DN"})
"""Residues that gemmi tabulates with meaningless weights."""


def file_content(path: PathLike) -> bytes:
    """Read a coordinate file, and decompress it if it is gzipped.

    Raises StructureError if it is missing, unreadable, or its gzip stream is damaged.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        message = cannot_be_read(path, "readable coordinate file", error, "name another file")
        raise StructureError(message) from error
    return gunzip(data, str(path)) if is_gzipped(data) else data


def is_gzipped(data: bytes) -> bool:
    """True if data start like a gzip file."""
    return data.startswith(b"\x1f\x8b")


def gunzip(data: bytes, name: str) -> bytes:
    """Decompress gzipped data. Raises StructureError that names the file `name` if damaged."""
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        message = f"{name}: truncated or damaged gzip file ({error})"
        raise StructureError(message) from error


def parse_entry(data: bytes, name: str) -> gemmi.Structure:
    """Parse the text of a PDB or mmCIF file, recognised by its content.

    Raises StructureError that names the file `name` if it is neither, damaged, or without atoms.
    """
    # both formats are ASCII; one character per byte keeps the columns of a PDB file
    text = data.decode("ascii", errors="replace").replace("\ufffd", "?")
    try:
        entry = _parse(text, name)
        if not sum(model.count_atom_sites() for model in entry):
            raise StructureError(f"{name}: contains no atoms")
        entry.merge_chain_parts()
        remove_solvent(entry)
        if not sum(model.count_atom_sites() for model in entry):
            raise StructureError(f"{name}: contains nothing but water")
        keep_copies(entry, name)
        entry.setup_entities()
    except (RuntimeError, ValueError) as error:
        raise StructureError(f"{name}: damaged coordinate file ({error})") from error
    entity_of = {subchain: e.name for e in entry.entities for subchain in e.subchains}
    for model in entry:
        for chain in model:  # for a PDB file, gemmi leaves this to the subchains' names
            for residue in chain:
                residue.entity_id = entity_of.get(residue.subchain, residue.entity_id)
    return entry


def _parse(text: str, name: str) -> gemmi.Structure:
    if re.search(r"^data_", text, re.MULTILINE):
        block, chains_are_mixed = atoms_block(text, name)
        entry = gemmi.make_structure_from_block(block)
        if chains_are_mixed:
            for model in entry:
                for chain in model:
                    for residue in chain:  # setup_entities divides the chain
                        residue.subchain = ""
        return entry
    if re.search(r"^(ATOM  |HETATM)", text, re.MULTILINE):
        return gemmi.read_pdb_string(checked_pdb(text, name))
    start = " ".join(text[:200].split())[:40]
    message = f"{name}: neither a PDB nor an mmCIF file with atoms; it starts with {start!r}"
    raise StructureError(message)


def check_entry_id(
    entry: gemmi.Structure, expected: str, name: str, *, required: bool = False
) -> None:
    """Raise StructureError if the header names another entry or, with `required`, none.

    A blank ID, XXXX, or anything else that is not a valid PDB ID counts as none.
    """
    found = dict(entry.info).get("_entry.id", "").strip().upper().removeprefix("PDB_0000")
    if not PDB_ID.fullmatch(found):
        found = ""
    if found != expected and (found or required):
        problem = f"entry {found}" if found else "an entry without an ID"
        hint = "" if required else "; to let it stand in, list it in an index.tsv beside it"
        raise StructureError(f"{name}: contains {problem}, not {expected}{hint}")


def entry_structure(
    entry: gemmi.Structure, pdb_id: str, unit: str, name: str, contrast: str = "mass"
) -> Structure:
    """Points of mass of an entry (`parse_entry`); alternative conformers count by occupancy.

    The unit is `deposited` (the asymmetric unit), or `biological` (the file's first assembly); the
    contrast, `mass` or `scattering`, is that of nucleotides relative to protein.

    Raises StructureError if coordinates are absurd, or the requested assembly is missing.
    """
    models = list(entry)
    if unit == "biological" and len(models) == 1:  # several models are the assembly
        if not entry.assemblies:
            raise StructureError(
                f"{name}: no biological assembly (REMARK 350, _pdbx_struct_assembly); "
                f"use unit 'deposited' for {pdb_id}"
            )
        _forget_solvent(entry)
        naming = gemmi.HowToNameCopiedChain.AddNumber
        models = [gemmi.make_assembly(entry.assemblies[0], models[0], naming)]
    nucleotide = NUCLEIC_ACID_CONTRAST if contrast == "scattering" else 1.0
    sequences = _sequence_masses(entry)
    points = [row for model in models for row in _points_of_mass(model, sequences, nucleotide)]
    rows = np.array(points, dtype=np.float64)
    if len(rows) == 0:
        raise StructureError(f"{name}: no atom has a mass; give their elements")
    largest = np.abs(rows[:, 1:]).max()
    if not largest <= MAX_COORDINATE_ANGSTROM:  # true for NaN too
        raise StructureError(f"{name}: absurd coordinates (the largest is {largest:g} A)")
    try:
        return structure_from_points(pdb_id, rows[:, 1:], rows[:, 0], unit)
    except StructureError as error:
        raise StructureError(f"{name}: {error}") from error


def _forget_solvent(entry: gemmi.Structure) -> None:
    """Remove chains that are empty without solvent from the first assembly, as gemmi requires."""
    chains = {chain.name for chain in entry[0]}
    subchains = {residue.subchain for chain in entry[0] for residue in chain}
    for generator in entry.assemblies[0].generators:
        generator.chains = [chain for chain in generator.chains if chain in chains]
        generator.subchains = [name for name in generator.subchains if name in subchains]


def _sequence_masses(entry: gemmi.Structure) -> dict[str, float]:
    """Mass of each polymer's sequence, by entity; absent if the file gives no sequence."""
    return {
        entity.name: sum(
            _mass_by_name(
                gemmi.Entity.first_mon(monomer), is_nucleotide=entity.polymer_type in _NUCLEIC_ACIDS
            )
            for monomer in entity.full_sequence
        )
        for entity in entry.entities
        if entity.entity_type == gemmi.EntityType.Polymer and entity.full_sequence
    }


def _unmodelled_factor(chain: gemmi.Chain, sequence_masses: Mapping[str, float]) -> float:
    """Mass of a chain's sequence over that of its modelled residues; 1 if there is no sequence.

    Loops and ends that are too mobile to be modelled have mass too; without it a chain would be too
    faint. Their positions are unknown, so their mass is spread over the chain.
    """
    polymer = [r for r in chain.first_conformer() if r.entity_type == gemmi.EntityType.Polymer]
    of_sequence = sequence_masses.get(polymer[0].entity_id, 0.0) if polymer else 0.0
    modelled = sum(_full_mass(residue) for residue in polymer)
    return max(1.0, of_sequence / modelled) if modelled > 0 else 1.0


def _points_of_mass(
    model: gemmi.Model, sequence_masses: Mapping[str, float], nucleotide_contrast: float
) -> Iterator[tuple[float, float, float, float]]:
    """Yield (mass, z, y, x) of each residue and ligand; nucleotides' masses times a contrast."""
    for chain in model:
        factor = _unmodelled_factor(chain, sequence_masses)
        for group in chain.whole().residue_groups():  # alternative residues share a number
            residues = list(group)
            share = _share_of_unoccupied(residues)
            polymer = [r for r in residues if r.entity_type == gemmi.EntityType.Polymer]
            if polymer:
                contrast = nucleotide_contrast if _is_nucleotide(polymer[0]) else 1.0
                yield factor * contrast * _mean_mass(polymer), *_centre(polymer)
            for ligand in residues:
                mass = _mass_present(ligand, share)
                if ligand.entity_type != gemmi.EntityType.Polymer and mass > 0:
                    yield mass, *_centre([ligand])


def _mean_mass(alternatives: Sequence[gemmi.Residue]) -> float:
    """Full mass of a residue; the mean over alternatives, if any, weighted by occupancy."""
    shares = [max(atom.occ for atom in residue) for residue in alternatives]
    if not sum(shares) > 0:
        shares = [1.0] * len(alternatives)
    return float(np.average([_full_mass(r) for r in alternatives], weights=shares))


def _full_mass(residue: gemmi.Residue) -> float:
    """Mass in the chain; for an unknown residue, the larger of its kind's mean and its atoms."""
    mass = _mass_by_name(residue.name, is_nucleotide=_has_nucleotide_atoms(residue))
    return mass if _is_tabulated(residue.name) else max(mass, _mass_present(residue))


def _has_nucleotide_atoms(residue: gemmi.Residue) -> bool:
    return any(atom.name in {"P", "C1'"} for atom in residue)


def _is_nucleotide(residue: gemmi.Residue) -> bool:
    """True if a residue of a polymer is a nucleotide, by its name or its atoms."""
    known = gemmi.find_tabulated_residue(residue.name)
    return bool(known.is_nucleic_acid() if known.found() else _has_nucleotide_atoms(residue))


def _is_tabulated(name: str) -> bool:
    """True if the mass of a residue of this name is known."""
    return gemmi.find_tabulated_residue(name).found() and name not in _UNKNOWN_RESIDUES


def _mass_by_name(name: str, *, is_nucleotide: bool) -> float:
    """Mass of a residue in the chain; the mean of its kind if its name is unknown."""
    known = gemmi.find_tabulated_residue(name)
    if _is_tabulated(name):
        return float(known.weight) - _WATER_DALTON
    is_nucleotide = is_nucleotide or known.is_nucleic_acid()
    return _MEAN_NUCLEOTIDE_DALTON if is_nucleotide else _MEAN_AMINO_ACID_DALTON


def _mass_present(residue: gemmi.Residue, share_of_unoccupied: float = 1.0) -> float:
    """Mass of the modelled atoms, times their occupancy.

    Atoms of occupancy 0 count once, alternative ones together (`share_of_unoccupied`).
    """
    occupancies = [
        atom.occ if atom.occ > 0 else share_of_unoccupied if atom.has_altloc() else 1.0
        for atom in residue
    ]
    weights = [atom.element.weight for atom in residue]
    return float(sum(w * o for w, o in zip(weights, occupancies, strict=True)))


def _share_of_unoccupied(alternatives: Sequence[gemmi.Residue]) -> float:
    """Share of each alternative conformer of occupancy 0: equal if all are 0, else none."""
    split = [atom for residue in alternatives for atom in residue if atom.has_altloc()]
    if not split or any(atom.occ > 0 for atom in split):
        return 0.0
    return 1.0 / len({atom.altloc for atom in split})


def _centre(residues: Sequence[gemmi.Residue]) -> tuple[float, float, float]:
    """Centre of mass (z, y, x) of the modelled atoms, weighted by occupancy."""
    atoms = [atom for residue in residues for atom in residue]
    weights = np.array([atom.element.weight * atom.occ for atom in atoms])
    if not weights.sum() > 0:  # modelled with occupancy 0: the best position known
        weights = np.array([atom.element.weight for atom in atoms])
    positions = np.array([atom.pos.tolist() for atom in atoms])
    x, y, z = (weights @ positions / weights.sum()).tolist()
    return z, y, x
