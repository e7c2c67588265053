"""Random bead models: any number of different macromolecules for networks that must know many.

A shape is a level set. A score, the distance from a skeleton (a graph of domains, a shell, a bowl,
or a barrel) times a smooth random factor, is computed at sites of a lattice; beads of one residue's
mass fill the sites of the lowest scores. Symmetry is exact: sites of one asymmetric unit are
filled and copied. Sizes come from the filling, the volume of the body over that of the sphere that
holds it: scores at random points give the filling of all level sets at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.errors import StructureError
from ssn3d.core.point_groups import point_group
from ssn3d.core.seeds import generator
from ssn3d.structures.scattering import NUCLEIC_ACID_CONTRAST, RNA_ANGSTROM3_PER_DALTON
from ssn3d.structures.structure import Structure, structure_from_points
from ssn3d.structures.surrogates import (
    BEAD_DALTON,
    PROTEIN_ANGSTROM3_PER_DALTON,
    Points,
    connect,
    direction,
    grow_nodes,
    lattice,
    replicate,
    slenderness,
)

_SUBUNIT_DALTON = 8_000.0  # of the smallest asymmetric unit
_GROUPS = {
    "C1": 0.3,
    **{f"C{n}": 0.28 / n / 2.1 for n in range(2, 13)},  # sums to 0.28
    **{f"D{n}": 0.27 / n / 1.59 for n in range(2, 8)},  # sums to 0.27
    **dict.fromkeys("TOI", 0.05),
}
_FORMS = {"domains": 0.5, "globule": 0.1, "barrel": 0.2, "shell": 0.12, "bowl": 0.08}
_DOMAIN_DALTON = (12e3, 60e3)  # a node of the skeleton
_MOST_NODES = 240
_FILLINGS = (0.03, 0.6)
_STRETCH = (0.05, 0.3)  # mean and standard deviation of the logarithm of the scale along z
_ROUGHNESS = (0.1, 0.5)  # standard deviation of the random factor's logarithm
_WAVES, _WAVELENGTHS = 12, (0.6, 1.6)  # of the random factor, in radii of the skeleton
_NUCLEIC_SHARE, _NUCLEIC_FRACTIONS = 0.25, (0.3, 1.0)
_LEAST_RADIUS_ANGSTROM = 9.0  # of a strand, and half the thickness of a wall
_HOLLOW_LEVEL = 0.55  # the thickest wall, in radii of the skeleton
_FULL_LEVEL = 1.3
_BALL_RADIUS = 0.35  # the largest, of domains in a wall, in radii of the skeleton
_PROBES = 16_000
_LEAST_PROBES = 30  # in a body, for its volume
_TRIES = 20
_LEAST_CONNECTED = 0.9
_NEIGHBOUR = 1.75  # in lattice spacings: neighbours across faces, edges and corners

Score = Callable[[Points, float], NDArray[np.float64]]
"""Scores (n,) of points (n, 3); those above a bound may be infinite."""


@dataclass(frozen=True)
class RandomShape:
    """Numbers drawn for a random shape."""

    mass_dalton: float
    point_group: str
    form: str
    """Skeleton: domains, globule, barrel, shell or bowl."""
    filling: float
    """Volume of the body over that of the sphere about its centre that holds it."""
    nucleic_fraction: float
    """Nucleic acid, by mass."""

    @property
    def angstrom3_per_dalton(self) -> float:
        """Partial specific volume of the mixture."""
        protein = (1 - self.nucleic_fraction) * PROTEIN_ANGSTROM3_PER_DALTON
        return protein + self.nucleic_fraction * RNA_ANGSTROM3_PER_DALTON

    def __str__(self) -> str:
        nucleic = f", {self.nucleic_fraction:.0%} nucleic acid" if self.nucleic_fraction else ""
        return f"{self.point_group} {self.form}, filling {self.filling:.2f}{nucleic}"


@one_blas_thread()
def random_shape(
    pdb_id: str, seed: int, mass_dalton: tuple[float, float], contrast: str = "mass"
) -> tuple[Structure, RandomShape]:
    """Build a random bead model; ID, seed and range alone determine it.

    Masses are drawn uniformly on a logarithmic scale; with the contrast `scattering` they are those
    of protein of the same contrast. Raises StructureError if no connected body was found.
    """
    random = generator(seed, "random shape", pdb_id)
    mass = float(np.exp(random.uniform(*np.log(mass_dalton))))
    fits = {s: p for s, p in _GROUPS.items() if len(point_group(s)) * _SUBUNIT_DALTON <= mass}
    symbol = _choose(random, fits or {"C1": 1.0})
    nucleic = float(random.uniform(*_NUCLEIC_FRACTIONS)) * (random.random() < _NUCLEIC_SHARE)
    for _ in range(_TRIES):
        form = _choose(random, _forms_of(symbol))
        shape = RandomShape(mass, symbol, form, 0.0, nucleic)
        points, filling = _body(random, shape)
        if len(points):
            scale = 1 + (NUCLEIC_ACID_CONTRAST - 1) * nucleic if contrast == "scattering" else 1.0
            masses = np.full(len(points), scale * mass / len(points))
            structure = structure_from_points(pdb_id, points, masses, "random")
            return structure, replace(shape, filling=filling)
    raise StructureError(
        f"{pdb_id}: no connected random shape of {mass:g} Da; raise structures.random.mass_dalton"
    )


def _choose(random: np.random.Generator, weights: dict[str, float]) -> str:
    """Draw a key in proportion to its weight."""
    shares = np.array([*weights.values()])
    return [*weights][int(random.choice(len(shares), p=shares / shares.sum()))]


def _forms_of(symbol: str) -> dict[str, float]:
    """Weights of the skeletons that have a point group: cubic groups have no axis."""
    if symbol in "TOI":
        return {form: p for form, p in _FORMS.items() if form not in {"barrel", "bowl"}}
    return {form: p for form, p in _FORMS.items() if form != "bowl" or symbol[0] == "C"}


def _body(random: np.random.Generator, shape: RandomShape) -> tuple[Points, float]:
    """Fill a random body with beads: points (n, 3) and filling; none if it is not connected."""
    group = point_group(shape.point_group)
    volume = shape.mass_dalton * shape.angstrom3_per_dalton
    score, thickest = _score(random, shape, group)
    log_stretch = 0.0 if shape.point_group in "TOI" else random.normal(*_STRETCH)
    stretch = np.exp(log_stretch * np.array([1, -0.5, -0.5]))
    scale, level, radius = _size(random, score, stretch, thickest, volume)

    spacing = (shape.angstrom3_per_dalton * BEAD_DALTON) ** (1 / 3)
    denser = (PROTEIN_ANGSTROM3_PER_DALTON / shape.angstrom3_per_dalton) ** (1 / 3)
    sites = lattice(random, group, 1.1 * radius * scale * denser) / denser
    scores = score(sites / (scale * stretch), 2 * level)
    beads = max(1, round(shape.mass_dalton / len(group) / BEAD_DALTON))
    nearest = np.argsort(scores, kind="stable")[:beads]
    points = _connected(replicate(group, sites[nearest]), spacing)
    if not np.isfinite(scores[nearest[-1]]) or len(points) < _LEAST_CONNECTED * beads * len(group):
        return np.empty((0, 3)), 0.0
    # as in PDB files, so that differences between processors vanish
    points = np.round(points - points.mean(axis=0), 3)
    reach = float(np.linalg.norm(points, axis=1).max()) + spacing / 2
    return points, volume / (4 / 3 * np.pi * reach**3)


def _size(
    random: np.random.Generator, score: Score, stretch: Points, thickest: float, volume: float
) -> tuple[float, float, float]:
    """Draw a filling: angstrom per radius of the skeleton, level of the score, radius of the body.

    Level and radius are in radii of the skeleton.
    """
    edge = 1 + thickest
    probes = random.uniform(-edge, edge, (_PROBES, 3))
    scores = score(probes, 2 * thickest)
    order = np.argsort(scores, kind="stable")[: np.count_nonzero(scores < thickest)]
    levels = scores[order]
    volumes = (2 * edge) ** 3 / _PROBES * np.arange(1, len(order) + 1)
    radii = np.maximum.accumulate(np.linalg.norm(probes[order] * stretch, axis=1))
    scales = (volume / volumes) ** (1 / 3)
    fillings = volumes / (4 / 3 * np.pi * radii**3)
    thick = (levels * scales > _LEAST_RADIUS_ANGSTROM) & (np.arange(len(order)) >= _LEAST_PROBES)
    allowed = np.flatnonzero(thick) if thick.any() else np.array([len(order) - 1])
    low, high = np.clip([fillings[allowed].min(), fillings[allowed].max()], *_FILLINGS)
    drawn = random.uniform(*np.cbrt([low, high])) ** 3
    best = allowed[np.abs(fillings[allowed] - drawn).argmin()]
    return float(scales[best]), float(levels[best]), float(radii[best])


def _score(random: np.random.Generator, shape: RandomShape, group: Points) -> tuple[Score, float]:
    """Score of points relative to a skeleton of radius about 1, and its highest level."""
    hollow = shape.form in {"barrel", "shell", "bowl"}
    distance = (_hollow if hollow else _domains)(random, shape, group)
    roughness = random.uniform(*_ROUGHNESS)
    directions = np.array([direction(random) for _ in range(_WAVES)])
    waves = 2 * np.pi / random.uniform(*_WAVELENGTHS, (_WAVES, 1)) * directions
    phases = random.uniform(0, 2 * np.pi, _WAVES)
    copies = np.einsum("gij,wi->gwj", group, waves)  # of the waves, so that the sum is symmetric
    amplitude = roughness / np.sqrt(_WAVES * len(group) / 2)

    def score(points: Points, bound: float) -> NDArray[np.float64]:
        distances = distance(points, bound)
        near = np.flatnonzero(np.isfinite(distances))
        rough = sum(np.cos(points[near] @ wave.T + phases).sum(axis=1) for wave in copies)
        distances[near] *= np.exp(np.clip(amplitude * rough, -0.6, 0.6))
        return np.round(distances, 6)  # so that sites have one order on all processors

    return score, _HOLLOW_LEVEL if hollow else _FULL_LEVEL


def _domains(random: np.random.Generator, shape: RandomShape, group: Points) -> Score:
    """Distance from a graph of domains, grown at random."""
    unit_dalton = shape.mass_dalton / len(group)
    if shape.form == "globule":
        nodes = max(1, round(random.uniform(2, 5) / len(group)))
    else:
        domain = np.exp(random.uniform(*np.log(_DOMAIN_DALTON)))
        nodes = max(2, round(4 / len(group)), round(unit_dalton / domain))
    nodes = min(nodes, max(2, _MOST_NODES // len(group)))
    grown = [grow_nodes(random, group, nodes) for _ in range(random.integers(1, 4))]
    skeleton = min((connect(replicate(group, each)) for each in grown), key=slenderness)
    skeleton = skeleton.reshape(-1, 3)
    tree = KDTree(skeleton / np.linalg.norm(skeleton, axis=1).max())

    def distance(points: Points, bound: float) -> NDArray[np.float64]:
        return np.asarray(tree.query(points, distance_upper_bound=bound)[0])

    return distance


def _hollow(random: np.random.Generator, shape: RandomShape, group: Points) -> Score:
    """Distance from a wall, and from balls in the wall that stand for domains."""
    form = shape.form
    height = random.uniform(0, 1.4) if form == "barrel" else 0.0
    rim = 1 / np.hypot(1, height)
    opening = random.uniform(0.25, 0.7) * np.pi if form == "bowl" else np.pi  # from the pole
    count = max(1, round(random.uniform(4, 20) / len(group)))
    along = random.uniform(np.cos(opening), 1, count)
    z = rim * height * along if form == "barrel" else along
    across = np.full(count, rim) if form == "barrel" else np.sqrt(1 - along**2)
    angle = random.uniform(0, 2 * np.pi, count)
    outwards = random.uniform(0.9, 1.3, count)[:, None]
    balls = np.stack([z, across * np.sin(angle), across * np.cos(angle)], axis=1) * outwards
    tree = KDTree(replicate(group, balls))
    ball_radius = random.uniform(0, _BALL_RADIUS)

    def distance(points: Points, bound: float) -> NDArray[np.float64]:
        z, across = points[:, 0], np.hypot(points[:, 1], points[:, 2])
        if form == "barrel":
            wall = np.hypot(across - rim, np.maximum(np.abs(z) - rim * height, 0))
        else:
            to_edge = np.hypot(z - np.cos(opening), across - np.sin(opening))
            inside = np.arctan2(across, z) <= opening
            wall = np.where(inside, np.abs(np.hypot(z, across) - 1), to_edge)
        nearest = np.asarray(tree.query(points, distance_upper_bound=bound + ball_radius)[0])
        return np.asarray(np.minimum(wall, np.maximum(nearest - ball_radius, 0)))

    return distance


def _connected(points: Points, spacing: float) -> Points:
    """Largest connected part of points (n, 3)."""
    pairs = KDTree(points).query_pairs(_NEIGHBOUR * spacing, output_type="ndarray")
    count = len(points)
    touching = coo_array((np.ones(len(pairs), dtype=bool), pairs.T), shape=(count, count))
    part = connected_components(touching, directed=False)[1]
    return np.asarray(points[part == np.bincount(part).argmax()])
