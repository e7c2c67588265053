"""The specimen stage on files: structures in, a volume and its ground truth out."""

import time
from collections.abc import Mapping
from functools import partial

from ssn3d.core.errors import PlacementError
from ssn3d.core.log import logger
from ssn3d.core.parallel import parallel_map
from ssn3d.core.provenance import provenance
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike, sha256_of, write_json
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_background, write_particles
from ssn3d.specimen.build import Specimen, build_specimen
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.volume import PointMasses
from ssn3d.structures.structure import read_structure


def simulate_specimen(
    structures: Mapping[str, PathLike],
    settings: SpecimenSettings,
    seed: int,
    tomogram: str,
    *,
    density: PathLike,
    labels: PathLike,
    particles: PathLike,
    ground: PathLike,
    summary: PathLike,
    attempts: int = 1,
) -> None:
    """Build the specimen of one tomogram from structure files, by PDB ID, and write five files.

    With several attempts, a specimen that leaves no room for its objects is drawn anew.

    Raises PlacementError if that fails every time.
    """
    started = time.perf_counter()
    points = {}
    for pdb_id, path in structures.items():
        structure = read_structure(path)
        points[pdb_id] = (structure.points_angstrom, structure.masses_dalton)
    specimen = _drawn(points, settings, (seed, tomogram), attempts)
    voxel_size = settings.voxel_size_angstrom
    save = partial(write_mrc, voxel_size_angstrom=voxel_size)
    of_density = partial(save, density, specimen.density, label="ssn3d density, dalton per nm^3")
    of_labels = partial(save, labels, specimen.labels, label="ssn3d instance labels")
    parallel_map(lambda write: write(), (of_density, of_labels))
    write_particles(particles, specimen.particles, tomogram, voxel_size)
    write_background(ground, specimen.background, len(specimen.particles) + 1, tomogram)
    digests = {pdb_id: sha256_of(path) for pdb_id, path in structures.items()}
    written = provenance(seed=seed, settings=settings.model_dump(), structures_sha256=digests)
    seconds = time.perf_counter() - started
    write_json(summary, {**specimen.summary, "seconds": seconds, "provenance": written})
    logger.info("%s: %s", tomogram, density)


def _drawn(
    points: Mapping[str, PointMasses],
    settings: SpecimenSettings,
    names: tuple[int, str],
    attempts: int,
) -> Specimen:
    """Draw a specimen, by seed and tomogram, until it has room for its objects."""
    seed, tomogram = names
    for attempt in range(attempts):
        keys: list[str | int] = ["again", attempt] if attempt else []
        try:
            return build_specimen(points, settings, generator(seed, "specimen", tomogram, *keys))
        except PlacementError as error:
            if attempt == attempts - 1:
                raise
            logger.info("%s is drawn anew: %s", tomogram, error)
    raise ValueError(f"attempts: {attempts} is less than 1")
