"""Simulation of one tomogram in a folder, stage by stage, as the workflow's rules do it."""

from collections.abc import Sequence
from pathlib import Path

from ssn3d.config.experiment import Config
from ssn3d.microscope.settings import DatasetSettings
from ssn3d.microscope.steps import add_noise, image_specimen
from ssn3d.specimen.steps import simulate_specimen
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.steps import prepare_structures

TABLES = {"particles": "particles.star", "ground": "ground.star"}
ROOT = Path(__file__).resolve().parents[1]
TOMOGRAM = {
    "specimen": {
        "tomogram_size_voxels": {"x": 288, "y": 288, "z": 160},
        "region_size_voxels": {"x": 352, "y": 352, "z": 224},
        "particles": 700,
    },
    "structures": {"source": "surrogate"},
    "snr": {"datasets": [{"name": "A", "snr": 0.2}], "reference_id": "any"},
    "tables": {"table2": [{"method": "ResUNet", "dataset": "A"}], "table3": {"leave_out": []}},
}
"""Differences of one whole tomogram from the paper's experiment: smaller, one SNR by variances."""
TWO_VESICLES = {
    "count": 2,
    "thickness_angstrom": 38.0,
    "radius_angstrom": [250.0, 400.0],
    "deformation_fraction": 0.05,
}
_IMAGED = ("signal.mrc", "tilts.mrc", "acquisition.json", "particles.star", "specimen.json")


def ids_of(config: Config) -> list[str]:
    """IDs of all structures of a configuration."""
    return _listed(config) + config.structures.random_ids


def _listed(config: Config) -> list[str]:
    return read_pdb_ids(ROOT / config.structures.ids) if config.structures.ids else []


def prepare(config: Config, folder: Path) -> None:
    """Make the files of all structures, unless they are there."""
    if not all((folder / f"{pdb_id}.npz").exists() for pdb_id in ids_of(config)):
        folder.mkdir(exist_ok=True)
        resources = ROOT / "resources"
        prepare_structures(_listed(config), config.structures, config.seed, resources, folder)


def simulate_noise_free(
    config: Config, pdb_ids: Sequence[str], structures: Path, at: Path, *, name: str, seed: int
) -> None:
    """Simulate a specimen of some structures, and its noise-free tilt series and tomogram."""
    simulate_specimen(
        {pdb_id: structures / f"{pdb_id}.npz" for pdb_id in pdb_ids},
        config.specimen,
        seed,
        name,
        density=at / "density.mrc",
        labels=at / "labels.mrc",
        particles=at / TABLES["particles"],
        ground=at / TABLES["ground"],
        summary=at / "specimen.json",
    )
    image_specimen(
        at / "density.mrc",
        config.microscope,
        seed,
        name,
        specimen=at / "specimen.json",
        tilts=at / "tilts.mrc",
        signal=at / "signal.mrc",
        acquisition=at / "acquisition.json",
    )


def add_dataset_noise(
    config: Config, dataset: DatasetSettings, at: Path, *, name: str, seed: int
) -> dict[str, Path]:
    """Add the noise of a dataset; return the files of its tomogram and summary."""
    made = {"tomogram": at / f"{dataset.name}.mrc", "summary": at / f"{dataset.name}.json"}
    add_noise(
        {Path(file).stem: at / file for file in _IMAGED},
        config.microscope,
        config.snr,
        size_voxels=config.subtomograms.size_voxels,
        target=dataset.snr,
        seed=seed,
        keys=(name, dataset.name),
        tilts=at / "noisy.mrc",
        **made,
    )
    return made


def simulate_tomogram(config: Config, structures: Path, at: Path, *, name: str, seed: int) -> None:
    """Simulate a tomogram of all structures, whose files are made if need be, and its one dataset.

    Only its labels and the dataset are kept of the volumes.
    """
    prepare(config, structures)
    simulate_noise_free(config, ids_of(config), structures, at, name=name, seed=seed)
    add_dataset_noise(config, config.snr.datasets[0], at, name=name, seed=seed)
    for volume in ("density.mrc", "tilts.mrc", "signal.mrc", "noisy.mrc"):
        (at / volume).unlink()
