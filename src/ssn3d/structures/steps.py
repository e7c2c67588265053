"""The structures stage on files: configured structures in, points of mass out."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike, sha256_of, write_json
from ssn3d.io.mrc import write_mrc
from ssn3d.structures.complexes import Complex, read_complexes
from ssn3d.structures.coordinates import check_entry_id, entry_structure, file_content, parse_entry
from ssn3d.structures.download import Archive
from ssn3d.structures.fetch import cache_folder, fetch_entries
from ssn3d.structures.ids import read_superseded
from ssn3d.structures.map_file import map_structure
from ssn3d.structures.maps import density_map
from ssn3d.structures.random_shapes import random_shape
from ssn3d.structures.settings import StructuresSettings
from ssn3d.structures.sources import SourceFile, find_sources
from ssn3d.structures.structure import Structure, read_structure, write_structure
from ssn3d.structures.surrogates import surrogate


@one_blas_thread()
def prepare_structures(
    pdb_ids: Sequence[str],
    settings: StructuresSettings,
    seed: int,
    resources: PathLike,
    folder: PathLike,
) -> None:
    """Write {pdb_id}.npz and {pdb_id}.json of all structures, and of random shapes, into a folder.

    Resources are complexes.tsv, obsolete.tsv and archive.lock.tsv.

    Raises StructureError or ConfigError that names all unavailable structures, before any file is
    written.
    """
    coordinates = settings.from_coordinates(pdb_ids)
    superseded = read_superseded(Path(resources) / "obsolete.tsv")
    complexes = read_complexes(Path(resources) / "complexes.tsv")
    files: PathLike | None = settings.folder
    if settings.source == "archive" and coordinates:
        files = cache_folder()
        fetch_entries(
            coordinates,
            Archive(settings.archive),
            files,
            lock=Path(resources) / "archive.lock.tsv",
            superseded=superseded,
            allow_missing=settings.allow_surrogates,
        )
    sources = find_sources(
        coordinates,
        settings.source,
        files,
        allow_surrogates=settings.allow_surrogates,
        superseded=superseded,
    )
    for source in sources.values():
        _prepare(source, settings, complexes, Path(folder))
    for row in settings.maps:
        note = f"a map, from {row.threshold:g} upwards"
        source = SourceFile(row.id, "map", Path(row.file), note=note)
        _write(map_structure(row), source, sha256_of(row.file), Path(folder))
    if settings.random is not None:
        mass = settings.random.mass_dalton
        low, high = mass if isinstance(mass, list) else (mass, mass)
        for pdb_id in settings.random_ids:
            structure, shape = random_shape(pdb_id, seed, (low, high), settings.contrast)
            source = SourceFile(pdb_id, "random", note=str(shape))
            _write(structure, source, None, Path(folder))


def _prepare(
    source: SourceFile, settings: StructuresSettings, complexes: Mapping[str, Complex], folder: Path
) -> None:
    """Read or build one structure, and write it and the record of its source.

    The record's `sha256` is that of the uncompressed coordinate file.
    """
    digest = None
    if source.path is None:
        structure = surrogate(source.pdb_id, complexes)
    else:
        name = str(source.path)
        content = file_content(source.path)
        digest = hashlib.sha256(content).hexdigest()
        entry = parse_entry(content, name)
        from_archive = source.source == "archive"
        check_entry_id(entry, source.served_by or source.pdb_id, name, required=from_archive)
        unit = settings.unit_of(source.pdb_id)
        structure = entry_structure(entry, source.pdb_id, unit, name, settings.contrast)
        if settings.contrast == "scattering":
            note = "; ".join(filter(None, [source.note, "nucleic acid weighted by scattering"]))
            source = replace(source, note=note)
    _write(structure, source, digest, folder)


def render_structure(
    structure: PathLike, voxel_size_angstrom: float, resolution_angstrom: float, path: PathLike
) -> None:
    """Write the density map of a structure, in dalton per nm^3, as an MRC file."""
    atoms = read_structure(structure)
    sizes = voxel_size_angstrom, resolution_angstrom
    density = density_map(atoms.points_angstrom, atoms.masses_dalton, *sizes)
    write_mrc(path, density, voxel_size_angstrom, label=f"ssn3d: {atoms.pdb_id}, Da/nm^3")


def _write(structure: Structure, source: SourceFile, digest: str | None, folder: Path) -> None:
    """Write {pdb_id}.npz, and the record of its source, {pdb_id}.json."""
    write_structure(folder / f"{source.pdb_id}.npz", structure)
    record = {
        "pdb_id": source.pdb_id,
        "source": source.source,
        "file": source.path.name if source.path else None,
        "served_by": source.served_by,
        "sha256": digest,
        "unit": structure.unit,
        "mass_dalton": structure.mass_dalton,
        "points": len(structure.masses_dalton),
        "note": source.note,
    }
    write_json(folder / f"{source.pdb_id}.json", record)
    logger.info("%(pdb_id)s: %(source)s, %(unit)s, %(mass_dalton).0f Da", record)
