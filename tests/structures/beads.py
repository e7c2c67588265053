"""Symmetry, connectedness and density of bead models."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree


def assert_symmetric(structure, group):
    """Check that each operation (3, 3) of a group moves every bead to another one's place."""
    beads = KDTree(structure.points_angstrom)
    for operation in group:
        away, partner = beads.query(structure.points_angstrom @ operation.T)
        assert away.max() < 0.01
        assert len(set(partner)) == len(partner)


def connected_density(structure):
    """Dalton per A^3 where beads are dense; all must be connected. Neighbours are 5.1 A apart."""
    count = len(structure.points_angstrom)
    near = KDTree(structure.points_angstrom).query_pairs(9.0, output_type="ndarray")
    touching = coo_array((np.ones(len(near)), near.T), shape=(count, count))
    assert connected_components(touching, directed=False)[0] == 1
    inside = np.percentile(1 + np.bincount(near.ravel(), minlength=count), 90)
    return inside * structure.masses_dalton[0] / (4 / 3 * np.pi * 9.0**3)
