"""Seconds and peak memory of each stage of one tomogram, from structures to MRC files on disk.

Processor seconds are comparable where other work shares the cores.

    python benchmarks/tomogram.py                          the paper's size, surrogates
    python benchmarks/tomogram.py --folder COORDINATES     real structures where there are files
    python benchmarks/tomogram.py --scale 1.667 --no-peers 1000x1000x500 voxels
    python benchmarks/tomogram.py --preset config/realistic.yaml --no-peers   against config.yaml
    python benchmarks/tomogram.py --preset config/varied.yaml --no-peers      with all obstacles

The same run compares ASTRA's CPU projector on one thread, scikit-image's radon and scipy's sparse
product, each timed on a few slices and scaled to all, and shows how the projector's time grows.
The last line is JSON; its `preset_over_plain` is the ratio of seconds, for one tomogram and its
last dataset. A preset is measured at the size, tilts, structures and number of particles of
config.yaml; of each range of the specimen the upper end is taken, so that nothing is missing.
"""

import argparse
import contextlib
import importlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import skimage.transform
import torch

from ssn3d.config.experiment import Config, check_config, load_config
from ssn3d.core.device import gpu_names
from ssn3d.core.provenance import hardware
from ssn3d.core.ranges import highest
from ssn3d.core.seeds import generator
from ssn3d.microscope.projector import Projector, backprojection_matrix
from ssn3d.microscope.settings import DatasetSettings, MTFTable
from ssn3d.microscope.steps import add_noise, image_specimen
from ssn3d.specimen.steps import simulate_specimen
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.steps import prepare_structures

ROOT = Path(__file__).resolve().parents[1]
TOMOGRAM_FILES = ("signal.mrc", "tilts.mrc", "acquisition.json", "particles.star", "specimen.json")


@dataclass
class Stages:
    """Seconds and the highest resident memory of each stage."""

    names: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)
    peaks_gb: list[float] = field(default_factory=list)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a block."""
        # resets the high-water mark
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        started, of_processor = time.perf_counter(), time.process_time()
        yield
        self.names.append(name)
        self.seconds.append(time.perf_counter() - started)
        self.processor_seconds.append(time.process_time() - of_processor)
        status = Path("/proc/self/status").read_text(encoding="ascii")
        self.peaks_gb.append(int(status.split("VmHWM:")[1].split()[0]) / 2**20)
        seconds = f"{self.seconds[-1]:8.2f} s {self.processor_seconds[-1]:8.2f} s of processors"
        print(f"{name:<28} {seconds} {self.peaks_gb[-1]:8.2f} GB", flush=True)


def seconds_of(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def simulate(
    config: Config,
    datasets: Sequence[DatasetSettings],
    folder: Path,
    *,
    structures: Path,
    name: str = "t1",
    stages: Stages,
    finished: Callable[[str, Path, Path], object] = lambda *_: None,
) -> None:
    """Make a tomogram and datasets of it from prepared structures, stage by stage.

    `finished` is called with each dataset's name, tomogram and summary, which the next replaces.
    """
    with stages.stage("specimen"):
        simulate_specimen(
            {i: structures / f"{i}.npz" for i in read_pdb_ids(ROOT / config.structures.ids)},
            config.specimen,
            config.seed,
            name,
            density=folder / "density.mrc",
            labels=folder / "labels.mrc",
            particles=folder / "particles.star",
            ground=folder / "ground.star",
            summary=folder / "specimen.json",
        )
    mtf = config.microscope.detector.mtf
    with stages.stage("tilt series, noise-free"):
        image_specimen(
            folder / "density.mrc",
            config.microscope,
            config.seed,
            name,
            specimen=folder / "specimen.json",
            acquisition=folder / "acquisition.json",
            detector_table=ROOT / mtf.file if isinstance(mtf, MTFTable) else None,
            tilts=folder / "tilts.mrc",
            signal=folder / "signal.mrc",
        )
    for dataset in datasets:
        with stages.stage(f"dataset {dataset.name}, SNR {dataset.snr:g}"):
            add_noise(
                {Path(name).stem: folder / name for name in TOMOGRAM_FILES},
                config.microscope,
                config.snr,
                size_voxels=config.subtomograms.size_voxels,
                target=dataset.snr,
                seed=config.seed,
                keys=(name, dataset.name),
                tomogram=folder / "out.mrc",
                tilts=folder / "out_tilts.mrc",
                summary=folder / "out.json",
            )
        finished(dataset.name, folder / "out.mrc", folder / "out.json")


def measure(config: Config, datasets: Sequence[DatasetSettings]) -> Stages:
    """Measure one tomogram, from structures on, in a folder that is deleted."""
    stages = Stages()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stages.stage("structures"):
            pdb_ids = read_pdb_ids(ROOT / config.structures.ids)
            prepare_structures(pdb_ids, config.structures, config.seed, ROOT / "resources", folder)
        simulate(config, datasets, folder, structures=folder, stages=stages)
    return stages


def with_structures(config: dict[str, Any], folder: str | None) -> dict[str, Any]:
    """Change the source of structures to coordinate files, surrogates for the rest, or to these."""
    changed = {"source": "surrogate"}
    if folder:
        changed = {"source": "folder", "folder": folder}
        changed |= {"allow_surrogates": True, "biological_ids": ["1KP8"]}
    return config | {"structures": config["structures"] | changed}


def astra_seconds(size_z: int, size_x: int, angles_deg: np.ndarray) -> float:
    """Seconds per slice of ASTRA's linear projector on one CPU thread."""
    astra = importlib.import_module("astra")  # only for comparisons, and not everywhere installed
    volume = astra.create_vol_geom(size_z, size_x)
    rays = astra.create_proj_geom("parallel", 1.0, size_x, np.deg2rad(angles_deg))
    projector = astra.create_projector("linear", rays, volume)
    image = generator(0, "astra").standard_normal((size_z, size_x), dtype=np.float32)
    data, sinogram = astra.data2d.create("-vol", volume, image), astra.data2d.create("-sino", rays)
    algorithm = astra.algorithm.create(
        {"type": "FP", "ProjectorId": projector, "VolumeDataId": data, "ProjectionDataId": sinogram}
    )
    seconds = seconds_of(lambda: astra.algorithm.run(algorithm))
    astra.clear()
    return seconds


def project_seconds(size: tuple[int, int, int], angles_deg: np.ndarray) -> float:
    """Seconds to project a volume, its matrix included."""
    volume = np.ones(size, dtype=np.float32)
    projector = Projector(size[0], size[2], angles_deg)
    return seconds_of(lambda: projector.project(volume))


def compare_projectors(size: tuple[int, int, int], angles_deg: np.ndarray) -> float:
    """Print seconds for a whole volume of our projector and others; return our gain over ASTRA."""
    size_z, size_y, size_x = size
    volume = generator(0, "volume").standard_normal(size, dtype=np.float32)
    projector = Projector(size_z, size_x, angles_deg)
    ours = min(seconds_of(lambda: projector.project(volume)) for _ in range(3))
    theirs = min(astra_seconds(size_z, size_x, angles_deg) for _ in range(5)) * size_y
    rows = np.arange(size_z) - size_z // 2
    matrix = backprojection_matrix(rows, size_x, angles_deg).T.tocsr()
    few = 16
    part = np.ascontiguousarray(volume[:, :few].transpose(2, 0, 1)).reshape(-1, few)
    scipys = seconds_of(lambda: matrix @ part) * size_y / few
    edge = max(size_z, size_x)
    padded = np.zeros((edge, edge), dtype=np.float32)
    radon = seconds_of(lambda: skimage.transform.radon(padded, angles_deg, circle=True)) * size_y
    names = ("ssn3d, torch CSR", "ASTRA, CPU, one thread", "scipy CSR", "scikit-image radon")
    for name, seconds in zip(names, (ours, theirs, scipys, radon), strict=True):
        print(f"project, {name:<24} {seconds:8.2f} s   {seconds / ours:6.1f} x")
    return theirs / ours


def growth(size: tuple[int, int, int], angles_deg: np.ndarray) -> None:
    """Print how the projector's time grows with the volume and with the tilts."""
    size_z, size_y, size_x = size
    for label, y, angles in (
        ("1/4 of the volume", size_y // 4, angles_deg),
        ("1/2 of the volume", size_y // 2, angles_deg),
        ("the volume", size_y, angles_deg),
        ("the volume, 1/2 of the tilts", size_y, angles_deg[::2]),
    ):
        print(f"project, {label:<28} {project_seconds((size_z, y, size_x), angles):8.2f} s")


def parsed() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="of coordinate files; surrogates stand in for the rest")
    parser.add_argument("--scale", type=float, default=1.0, help="of all edge lengths")
    parser.add_argument("--preset", help="YAML file that is measured against config.yaml")
    parser.add_argument("--no-peers", action="store_true", help="leave the other projectors out")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def with_highest(value: Any) -> Any:
    """Take the upper end of each range [low, high] within settings."""
    if isinstance(value, dict):
        return {key: with_highest(part) for key, part in value.items()}
    return highest(value) if isinstance(value, list) and len(value) == 2 else value


def configuration(arguments: argparse.Namespace, preset: str | None = None) -> Config:
    """Configuration of config.yaml, or of a preset, with the structures, device and size asked for.

    Size, tilts, structures, SNRs and number of particles are always those of config.yaml.
    """
    plain = load_config(ROOT / "config.yaml").model_dump()
    config = load_config(ROOT / "config.yaml", *([ROOT / preset] if preset else [])).model_dump()
    config["structures"], config["snr"] = plain["structures"], plain["snr"]
    config["specimen"] = with_highest(config["specimen"])
    for key in ("tomogram_size_voxels", "region_size_voxels", "particles", "proportions"):
        config["specimen"][key] = plain["specimen"][key]
    config["microscope"]["tilt"] = plain["microscope"]["tilt"]
    config = with_structures(config, arguments.folder)
    config["microscope"]["device"] = arguments.device
    specimen = config["specimen"]
    for key in ("tomogram_size_voxels", "region_size_voxels"):
        specimen[key] = {a: round(n * arguments.scale) for a, n in specimen[key].items()}
    specimen["particles"] = round(specimen["particles"] * arguments.scale**3)
    return check_config(config)


def main() -> None:
    """Run the benchmark."""
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    config = configuration(arguments)
    stages = measure(config, config.snr.datasets)
    compared: dict[str, Any] = {}
    if arguments.preset:
        print(f"{arguments.preset}:")
        other = configuration(arguments, arguments.preset)
        with_options = measure(other, other.snr.datasets[-1:])
        plain_seconds = sum(stages.seconds[:3]) + stages.seconds[-1]
        compared["preset"] = arguments.preset
        compared["preset_over_plain"] = round(sum(with_options.seconds) / plain_seconds, 2)
        compared["preset_peak_gb"] = round(max(with_options.peaks_gb), 2)
    gain = None
    if not arguments.no_peers:
        shape = config.specimen.tomogram_size_voxels.zyx
        gain = round(compare_projectors(shape, config.microscope.tilt.angles_deg), 1)
        growth(shape, config.microscope.tilt.angles_deg)
    result = {
        "seconds_one_dataset": round(sum(stages.seconds[:4]), 1),
        "seconds_three_datasets": round(sum(stages.seconds), 1),
        "processor_seconds_three_datasets": round(sum(stages.processor_seconds), 1),
        "seconds_by_stage": dict(
            zip(stages.names, (round(s, 1) for s in stages.seconds), strict=True)
        ),
        "peak_gb": round(max(stages.peaks_gb), 2),
        **compared,
        "projector_speedup_vs_astra_cpu_thread": gain,
        "threads": torch.get_num_threads(),
        **hardware(),
        "gpus": gpu_names(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
