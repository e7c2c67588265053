"""Bead models that stand in for structures without a file: same mass, radius and point group.

A surrogate does not look like its complex. It is a smooth, irregular, connected body as dense as
protein: beads of one residue's mass fill the lattice sites nearest to a seeded random skeleton. The
skeleton is scaled until the bounding sphere of the body's density map has the radius of the
complex, to 1% or as near as voxels allow: the lighter a complex for its radius, the more elongated
its body.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.errors import StructureError
from ssn3d.core.point_groups import point_group
from ssn3d.core.seeds import generator
from ssn3d.structures.bounding import bounding_sphere
from ssn3d.structures.complexes import Complex
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import Structure, structure_from_points

BEAD_DALTON = 110.0
"""The mean residue mass of proteins."""
PROTEIN_ANGSTROM3_PER_DALTON = 1.21
"""Partial specific volume of 0.73 ml/g (Harpaz, Gerstein & Chothia 1994, Structure 2, 641)."""

# The grid on which radii are measured, whatever the specimen's voxels.
_VOXEL_SIZE_ANGSTROM, _RESOLUTION_ANGSTROM, _THRESHOLD_FRACTION = 10.0, 40.0, 0.2

_DOMAIN_DALTON = 25_000.0  # a node of the skeleton stands for a protein domain
_NODE_SEPARATION = 0.8  # in steps of the skeleton's growth
_CANDIDATES = 4  # skeletons; the least slender one makes the most protein-like body
_BISECTIONS = 10
_BODIES = 8  # tried until one has the radius, which changes in steps because of voxels
_RADIUS_TOLERANCE = 0.01
_RADIUS_ERROR_MAX = 0.05  # of the best body: a small one on a coarse grid
_LEAST_FILLING = 0.01  # of the bounding sphere; the emptiest complex of the paper fills 0.1

Points = NDArray[np.float64]


@one_blas_thread()
def surrogate(pdb_id: str, complexes: Mapping[str, Complex]) -> Structure:
    """Build the bead model of a complex; the table and the ID alone determine its shape.

    Raises StructureError if the table lacks the ID, or no body of that mass has that radius.
    """
    if pdb_id not in complexes:
        raise StructureError(
            f"{pdb_id}: no surrogate: the table of complexes lacks this ID; provide a coordinate "
            "file, or add mass, radius and point group to the table"
        )
    known = complexes[pdb_id]
    sphere_angstrom3 = 4 / 3 * np.pi * known.radius_angstrom**3
    filling = PROTEIN_ANGSTROM3_PER_DALTON * known.mass_dalton / sphere_angstrom3
    if _LEAST_FILLING < filling < 1:
        error, points = _nearest_body(generator(0, "surrogate", pdb_id), known)
        if error <= _RADIUS_ERROR_MAX:
            masses = np.full(len(points), known.mass_dalton / len(points))
            return structure_from_points(pdb_id, points, masses, "surrogate")
    raise StructureError(
        f"{pdb_id}: no body of {known.mass_dalton:g} Da of protein has a bounding sphere of radius "
        f"{known.radius_angstrom:g} A; correct the table of complexes"
    )


def _nearest_body(random: np.random.Generator, known: Complex) -> tuple[float, Points]:
    """Build bodies until one has the radius; return the error and the points (n, 3) of the best."""
    tried = []
    for _ in range(_BODIES):
        points = _body(random, known)
        error = abs(map_radius_angstrom(points) / known.radius_angstrom - 1)
        tried.append((error, points))
        if error <= _RADIUS_TOLERANCE:
            break
    return min(tried, key=lambda trial: trial[0])


def map_radius_angstrom(points: Points) -> float:
    """Radius of the bounding sphere, as in `Complex`, of equal masses at points (n, 3)."""
    masses = np.ones(len(points), dtype=np.float32)
    density = density_map(
        points.astype(np.float32), masses, _VOXEL_SIZE_ANGSTROM, _RESOLUTION_ANGSTROM
    )
    return _VOXEL_SIZE_ANGSTROM * bounding_sphere(density, _THRESHOLD_FRACTION)[1]


def _body(random: np.random.Generator, known: Complex) -> Points:
    """Grow a skeleton and place beads (n, 3) around it, as near to the radius as possible."""
    group = point_group(known.point_group)
    unit_dalton = known.mass_dalton / len(group)
    beads = max(1, round(unit_dalton / BEAD_DALTON))
    domains = max(2, round(4 / len(group)), round(unit_dalton / _DOMAIN_DALTON))
    grown = [grow_nodes(random, group, domains) for _ in range(_CANDIDATES)]
    skeleton = min((connect(replicate(group, nodes)) for nodes in grown), key=slenderness)
    return _fill(random, group, skeleton, beads, known.radius_angstrom)


def replicate(group: Points, points: Points) -> Points:
    """Copy points (n, 3) by all operations (g, 3, 3) of a group: (g n, 3)."""
    return np.asarray(np.einsum("gij,nj->gni", group, points).reshape(-1, 3))


def direction(random: np.random.Generator) -> Points:
    """Draw a unit vector, uniform on the sphere."""
    vector = random.normal(size=3)
    return np.asarray(vector / np.sqrt((vector**2).sum()))


def grow_nodes(random: np.random.Generator, group: Points, count: int) -> Points:
    """Grow nodes (count, 3) of one asymmetric unit, each one step from an earlier one.

    A node keeps away from the others and all copies, unless 20 tries find no such place.
    """
    start = 0.5 * np.sqrt(len(group)) if len(group) > 1 else 0.0
    nodes = start * direction(random)[None]
    copies = np.delete(group, identity(group), axis=0)
    while len(nodes) < count:
        for _ in range(20):
            new = nodes[random.integers(len(nodes))] + direction(random)
            others = np.concatenate([replicate(group, nodes), copies @ new])
            if np.linalg.norm(others - new, axis=1).min() >= _NODE_SEPARATION:
                break
        nodes = np.concatenate([nodes, new[None]])
    return nodes


def connect(nodes: Points) -> Points:
    """Join nodes by their relative neighbourhood graph; return points along its edges, (9, n, 3).

    Two nodes are joined unless a third is nearer to both. The graph is connected, and as symmetric
    as the nodes (Toussaint 1980, Pattern Recognition 12, 261).
    """
    distances = np.linalg.norm(nodes[:, None] - nodes[None], axis=-1)
    edges = []
    for i, row in enumerate(distances):
        nearest_third = np.maximum(row, distances).min(axis=1)  # at most row itself
        edges += [(i, j) for j in range(i) if nearest_third[j] >= row[j] - 1e-9]
    first, last = nodes[[i for i, _ in edges]], nodes[[j for _, j in edges]]
    along = np.linspace(0, 1, 9)[:, None, None]
    points = first + along * (last - first)
    return np.asarray(points - points.mean(axis=(0, 1)))


def slenderness(skeleton: Points) -> float:
    """Length of a skeleton (9, edges, 3) over its radius; slender skeletons give thin bodies."""
    lengths = np.linalg.norm(skeleton[-1] - skeleton[0], axis=-1)
    return float(lengths.sum() / np.linalg.norm(skeleton, axis=-1).max())


def _fill(
    random: np.random.Generator, group: Points, skeleton: Points, beads: int, radius: float
) -> Points:
    """Place beads (counted per asymmetric unit) around the skeleton, enlarged to the radius.

    Returns points (beads * g, 3) relative to their centre.
    """
    sites = lattice(random, group, 1.25 * radius)
    farthest = float(np.linalg.norm(skeleton, axis=-1).max())

    def place(scale: float, within: float) -> tuple[Points, float]:
        """Points around the skeleton, and the distance from it of the outermost."""
        tree = KDTree(scale * skeleton.reshape(-1, 3))
        distances = np.asarray(tree.query(sites, distance_upper_bound=within)[0])  # inf beyond
        nearest = np.argsort(distances, kind="stable")[:beads]
        points = replicate(group, sites[nearest])
        # as in PDB files, so that differences between processors vanish
        centred = np.round(points - points.mean(axis=0), 3)
        return np.asarray(centred), float(distances[nearest[-1]])

    low, high = 0.0, 2 * radius / farthest
    middle, outermost = 0.0, np.inf
    tried = []
    for _ in range(_BISECTIONS):
        # No point of the skeleton moves farther than this, so the outermost bead does not either.
        step = abs((low + high) / 2 - middle) * farthest
        middle = (low + high) / 2
        points, outermost = place(middle, outermost + 1.001 * step)
        reached = map_radius_angstrom(points)
        tried.append((abs(reached - radius), points))
        low, high = (middle, high) if reached < radius else (low, middle)
    return min(tried, key=lambda trial: trial[0])[1]


def lattice(random: np.random.Generator, group: Points, radius: float) -> Points:
    """Sites (n, 3) of a cubic lattice, one per bead, in one asymmetric unit of a sphere.

    The asymmetric unit is the region nearer to a random point than to that point's copies.
    """
    spacing = (PROTEIN_ANGSTROM3_PER_DALTON * BEAD_DALTON) ** (1 / 3)
    half = int(np.ceil(radius / spacing)) + 1
    index = np.indices((2 * half + 1,) * 3).reshape(3, -1).T - half + random.random(3)
    sites = spacing * index @ Rotation.from_quat(random.normal(size=4)).as_matrix()  # uniform
    sites = sites[(sites**2).sum(axis=1) < radius**2]
    images = group @ direction(random)
    nearness = sites @ images.T
    return np.asarray(sites[nearness.argmax(axis=1) == identity(group)])


def identity(group: Points) -> int:
    """Row of the identity."""
    return int(np.trace(group, axis1=1, axis2=2).argmax())
