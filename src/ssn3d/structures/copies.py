"""Models of a coordinate file: copies of an assembly, or an ensemble of one molecule.

A biological assembly of the archive (.pdb1) has one model for each copy, side by side; the models
of an NMR ensemble, a trajectory or a set of predictions overlap. Chains repeated under one name are
treated as copies too.
"""

from collections import defaultdict
from collections.abc import Sequence

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ssn3d.core.errors import StructureError
from ssn3d.core.log import logger
from ssn3d.structures.repeats import copy_number

_TOUCH_ANGSTROM = 3.0
"""Centres of residues of different molecules are further apart, also at interfaces."""
_OVERLAP = 0.05
"""Fraction of residues that touch another model, above which two models overlap.

In a volume that both fill, more than half of the residues touch by chance.
"""
_NEIGHBOURS = 8
_SHOWN = 10


def keep_copies(entry: gemmi.Structure, name: str) -> None:
    """Reduce an entry to the models that exist together: all copies, or the first of an ensemble.

    Raises StructureError that names the file `name` if some models overlap and others do not.
    """
    full = [model for model in entry if model.count_atom_sites() > 0]
    models = [part for model in full for part in _together(_unrepeated(model), name)]
    ensemble = len(models) > 1 and "NMR" in dict(entry.info).get("_exptl.method", "").upper()
    models = models[:1] if ensemble else _together(models, name)
    if len(models) > 1:
        logger.info(
            "%s: %d copies lie side by side, in models or repeated chains", name, len(models)
        )
    while len(entry):
        del entry[0]
    for number, model in enumerate(models, start=1):
        model.num = number
        entry.add_model(model)


def _together(models: Sequence[gemmi.Model], name: str) -> list[gemmi.Model]:
    """Return all models if none overlap, or the first if all overlap; else StructureError."""
    if len(models) == 1:
        return [models[0].clone()]
    centres = [_residue_centres(model) for model in models]
    first = cKDTree(centres[0])
    on_first = [float(np.mean(first.query(points)[0] < _TOUCH_ANGSTROM)) for points in centres[1:]]
    if min(on_first) > _OVERLAP:
        return [models[0].clone()]
    overlapping = [n for n, share in enumerate(_shares_touching(centres), 1) if share > _OVERLAP]
    if overlapping:
        shown = ", ".join(map(str, overlapping[:_SHOWN])) + ", ..." * (len(overlapping) > _SHOWN)
        raise StructureError(
            f"{name}: of {len(models)} models (or uses of the same chain names), {shown} overlap, "
            "others do not: neither copies nor an ensemble; keep those that exist together"
        )
    return [model.clone() for model in models]


def _residue_centres(model: gemmi.Model) -> NDArray[np.float64]:
    """Mean position of each residue's atoms, (n, 3) in angstrom."""
    centres = [
        np.mean([atom.pos.tolist() for atom in residue], axis=0)
        for chain in model
        for residue in chain
    ]
    # absurd coordinates are refused later
    return np.nan_to_num(np.array(centres, dtype=np.float64))


def _shares_touching(centres: Sequence[NDArray[np.float64]]) -> list[float]:
    """Fraction of each model's residues that touch a residue of another model."""
    owner = np.repeat(np.arange(len(centres)), [len(points) for points in centres])
    _, near = cKDTree(np.concatenate(centres)).query(
        np.concatenate(centres), _NEIGHBOURS, distance_upper_bound=_TOUCH_ANGSTROM
    )
    owner_or_none = np.append(owner, -1)[near]  # the index after the last stands for none
    touches = ((owner_or_none != owner[:, None]) & (owner_or_none >= 0)).any(axis=1)
    return [float(touches[owner == number].mean()) for number in range(len(centres))]


def _unrepeated(model: gemmi.Model) -> list[gemmi.Model]:
    """Split a model into its first chains and each repetition of them (`repeats`)."""
    copies: dict[int, dict[str, gemmi.Chain]] = defaultdict(dict)
    for chain in model:
        for residue in chain:
            number = copy_number(residue.segment)
            into = copies[number].setdefault(chain.name, gemmi.Chain(chain.name))
            into.add_residue(residue)
    models = [gemmi.Model(1) for _ in copies]
    for part, number in zip(models, sorted(copies), strict=True):
        for chain in copies[number].values():
            part.add_chain(chain)
    return models
