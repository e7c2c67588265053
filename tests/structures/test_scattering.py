"""Scattering in excess of ice: potentials as published, and nucleotides by what they scatter."""

import gemmi
import numpy as np
import pytest
from synthetic_entries import add_atom, make_entry, new_residue

from ssn3d.structures.coordinates import entry_structure
from ssn3d.structures.scattering import (
    GOLD,
    ICE,
    NUCLEIC_ACID_CONTRAST,
    NUCLEOTIDE,
    PROTEIN,
    protein_dalton_per_nm3,
)

VOLT_ANGSTROM2 = 47.878  # h^2 / (2 pi m e): from scattering amplitudes to potentials


def volts(matter):
    return VOLT_ANGSTROM2 * matter.scattering_angstrom / matter.volume_angstrom3


def test_mean_inner_potentials():
    """Ice 4.53 V (Vulovic et al. 2013); gold 30 V (neutral atoms)."""
    assert volts(ICE) == pytest.approx(4.53, abs=0.02)
    assert volts(GOLD) == pytest.approx(30, abs=0.5)
    assert volts(PROTEIN) == pytest.approx(8.1, abs=0.1)


def test_densities_are_those_of_the_matter():
    def grams_per_ml(matter):
        return matter.mass_dalton / matter.volume_angstrom3 * 1.66054

    assert grams_per_ml(ICE) == pytest.approx(0.93, abs=0.005)
    assert grams_per_ml(GOLD) == pytest.approx(19.3, abs=0.05)
    assert grams_per_ml(PROTEIN) == pytest.approx(1 / 0.73, rel=0.01)
    assert grams_per_ml(NUCLEOTIDE) == pytest.approx(1 / 0.569, rel=0.01)


def test_excess_of_ice_protein_and_gold():
    assert protein_dalton_per_nm3(ICE) == pytest.approx(0, abs=1e-9)
    assert protein_dalton_per_nm3(PROTEIN) == pytest.approx(1000 / 1.21)
    assert protein_dalton_per_nm3(GOLD) == pytest.approx(7.15 * 1000 / 1.21, rel=0.01)


def test_nucleic_acid_contrast():
    by_mass = NUCLEIC_ACID_CONTRAST
    assert by_mass == pytest.approx(1.2, abs=0.03)
    by_volume = by_mass * NUCLEOTIDE.mass_dalton / NUCLEOTIDE.volume_angstrom3 * 1.21
    assert by_volume == pytest.approx(1.55, abs=0.05)


def test_scattering_weights_nucleotides():
    entry = make_entry(("ALA", "GLY", "TRP"))
    chain = gemmi.Chain("R")
    for number, name in enumerate(("A", "DG", "N"), start=1):  # the last one is unknown
        residue = new_residue(name, number)
        add_atom(residue, "P", "P", (50, 0, 6 * number))
        add_atom(residue, "C1'", "C", (52, 0, 6 * number))
        chain.add_residue(residue)
    entry[0].add_chain(chain)
    entry.setup_entities()
    by = {
        contrast: entry_structure(entry, "1ABC", "deposited", "a file", contrast)
        for contrast in ("mass", "scattering")
    }
    ratio = by["scattering"].masses_dalton / by["mass"].masses_dalton
    np.testing.assert_allclose(ratio, [1] * 3 + [NUCLEIC_ACID_CONTRAST] * 3, rtol=1e-5)
    plain = entry_structure(entry, "1ABC", "deposited", "a file")
    np.testing.assert_array_equal(plain.masses_dalton, by["mass"].masses_dalton)
    np.testing.assert_array_equal(plain.points_angstrom, by["mass"].points_angstrom)
