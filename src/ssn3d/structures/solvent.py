"""Water under all its names, and dummy atoms, which are removed from coordinate files."""

import gemmi

_DUMMY = "DUM"  # the membrane planes that the OPM database draws
_WATER_NAMES = frozenset(
    [
        *("TIP", "TIP2", "TIP3", "TIP4", "TIP5", "TP2", "TP3", "TP4", "TP5", "T3P", "T4P", "T5P"),
        *("SOL", "SPC", "SPCE", "SPE", "OH2", "OPC", "OPC3", "SWM", "SWM4", "WTR", "HHO", "HOD"),
    ]
)
"""Names in simulations and older programs; gemmi knows HOH, DOD, WAT and H2O."""
_HYDROGENS_OF_WATER = 2


def remove_solvent(entry: gemmi.Structure) -> None:
    """Remove water and dummy atoms from all models of an entry."""
    for model in entry:
        for chain in model:
            for place in reversed(range(len(chain))):
                if is_solvent(chain[place]):
                    del chain[place]
    entry.remove_empty_chains()


def is_solvent(residue: gemmi.Residue) -> bool:
    """True if a residue is water, by its name or its atoms, or a dummy atom.

    Names unknown to gemmi may be those of ligands (SPC, OPC), so the atoms must be those of water:
    one oxygen and, if the name is not in the list above, two hydrogens; massless sites are ignored.
    """
    if residue.is_water() or residue.name == _DUMMY:
        return True
    if len(residue) > 6:  # noqa: PLR2004 -- oxygen, two hydrogens, and the sites of any water model
        return False
    elements = [atom.element.name for atom in residue if atom.element.name != "X"]
    hydrogens = elements.count("H") + elements.count("D")
    if elements.count("O") != 1 or len(elements) != 1 + hydrogens:
        return False
    return residue.name.upper() in _WATER_NAMES or hydrogens == _HYDROGENS_OF_WATER
