"""Scattering of electrons by protein, nucleic acid, lipids and gold, in excess of displaced ice.

Phase contrast is the mean inner potential less that of ice. A potential is proportional to the
scattering amplitudes at angle 0 of the atoms in a volume, taken as neutral and independent
(International Tables for Crystallography C, table 4.3.2.2; gemmi has it). Ice then has 4.53 V, and
redistributed charge changes a potential by less than 10% (Vulovic et al. 2013, J. Struct. Biol.
183, 19). The unit here is the excess of one dalton of protein.

| matter | potential | excess over ice by volume, of protein |
|---|---|---|
| ice | 4.5 V | 0 |
| protein | 8.1 V | 1 |
| RNA, with its potassium | 9.9 V | 1.55; by mass 1.21 |
| RNA alone | 9.1 V | 1.29; by mass 1.01 |
| head groups, chains, methyl ends of lipids | 8.7, 6.0, 3.4 V | 1.2, 0.4, -0.3 |
| gold | 29.8 V | 7.2 |
"""

from collections.abc import Mapping
from dataclasses import dataclass

import gemmi

from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

RNA_ANGSTROM3_PER_DALTON = 0.945
"""0.569 ml/g (Voss & Gerstein 2005, J. Mol. Biol. 346, 477)."""


@dataclass(frozen=True)
class Matter:
    """Atoms in a volume."""

    atoms: Mapping[str, float]
    """Number of each element."""
    volume_angstrom3: float

    @property
    def mass_dalton(self) -> float:
        """Sum over the atoms."""
        return sum(n * float(gemmi.Element(name).weight) for name, n in self.atoms.items())

    @property
    def scattering_angstrom(self) -> float:
        """Scattering amplitude at angle 0, in the first Born approximation."""
        return sum(n * sum(gemmi.Element(name).c4322.a) for name, n in self.atoms.items())

    @property
    def excess_angstrom(self) -> float:
        """Scattering amplitude less that of the ice displaced."""
        ice = ICE.scattering_angstrom / ICE.volume_angstrom3
        return self.scattering_angstrom - self.volume_angstrom3 * ice


def _of_mass(atoms: Mapping[str, float], angstrom3_per_dalton: float) -> Matter:
    return Matter(atoms, angstrom3_per_dalton * Matter(atoms, 0).mass_dalton)


ICE = Matter({"H": 2, "O": 1}, 32.2)
"""Vitreous, 0.93 g/ml."""
PROTEIN = _of_mass(
    {"C": 4.9384, "H": 7.7583, "N": 1.3577, "O": 1.4773, "S": 0.0417}, PROTEIN_ANGSTROM3_PER_DALTON
)
"""The mean residue (Senko et al. 1995, J. Am. Soc. Mass Spectrom. 6, 229)."""
NUCLEOTIDE = _of_mass({"C": 9.5, "H": 11.75, "N": 3.75, "O": 7, "P": 1}, RNA_ANGSTROM3_PER_DALTON)
"""The mean of A, C, G and U in a chain, uncharged."""
POTASSIUM = Matter({"K": 0.76, "H": -0.76}, 0.76 * 7.5)
"""The ions that neutralise 76% of a nucleotide's charge (Manning 1978, Q. Rev. Biophys. 11, 179)
and take the place of its proton; 4.5 ml/mol."""
GOLD = Matter({"Au": 1}, 16.96)
"""The metal, 19.3 g/ml."""

CARBON = Matter({"C": 1}, 9.97)
"""Amorphous, 2.0 g/ml, as evaporated."""


def protein_dalton(matter: Matter) -> float:
    """Mass of the protein that has the same excess of scattering."""
    return matter.excess_angstrom * PROTEIN.mass_dalton / PROTEIN.excess_angstrom


def protein_dalton_per_nm3(matter: Matter) -> float:
    """Density of a volume filled with it: dalton of protein of the same excess of scattering."""
    return 1000 * protein_dalton(matter) / matter.volume_angstrom3


NUCLEIC_ACID_CONTRAST = (
    protein_dalton(NUCLEOTIDE) + protein_dalton(POTASSIUM)
) / NUCLEOTIDE.mass_dalton
"""Excess of scattering of nucleic acid with its ions, by mass, relative to protein: about 1.2."""
