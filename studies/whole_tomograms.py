"""Data and training of `resunet-classes` and `resunet-picks`, resumable.

    python studies/whole_tomograms.py FOLDER                       the first of three trainings
    python studies/whole_tomograms.py FOLDER --training second     in larger cubes
    python studies/whole_tomograms.py FOLDER --training third      filaments, dirt and cells
    python studies/whole_tomograms.py FOLDER --training particles  subtomograms of picks
    python studies/whole_tomograms.py FOLDER --small               tiny tomograms: it runs

Tomograms of config/varied.yaml make the network hold on real ones. In three fifths of them all
settings vary at once, but a sixth of these are plain: the same structures without obstacles, imaged
as in config.yaml, so that little is lost there. In the others only some of the settings vary. A
quarter of the tomograms of the second and third training are as in the paper, at its SNRs; to those
of the third, which has two rounds, come half as many of milled cells. A specimen that leaves no
room for its obstacles is skipped, and said so. Two processes simulate; what is done is not done
again. The last line is the command that makes a model of the result.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from simulated import ROOT, TABLES, add_dataset_noise, ids_of, prepare, simulate_noise_free
from ssn3d.config.experiment import Config, check_config, load_config
from ssn3d.core.device import use_threads
from ssn3d.core.errors import PlacementError, SNRError
from ssn3d.core.log import job, logger
from ssn3d.core.seeds import generator
from ssn3d.io.files import read_json, write_json
from ssn3d.microscope.settings import DatasetSettings
from ssn3d.segmentation.training.steps import train_run
from ssn3d.structures.ids import ids_in_tomogram
from ssn3d.subtomograms.steps import extract_subtomograms, split_dataset

PARTICLES = {
    "specimen": {"particles": [600, 1500]},
    "subtomograms": {"size_voxels": 40, "target": "centred", "centre_error_angstrom": 10.0},
    "training": {"start_from": "resunet"},
    "tables": {
        "table2": [{"method": "ResUNet", "dataset": "A"}],
        "table3": {"method": "ResUNet", "dataset": "A", "leave_out": []},
    },
}
"""Differences from config/varied.yaml for the network of picked particles."""
SMALL = {
    "structures": {"random": {"count": 40}},
    "specimen": {
        "tomogram_size_voxels": {"x": 64, "y": 64, "z": 64},
        "region_size_voxels": {"x": 80, "y": 80, "z": 80},
        "particles": [10, 30],
        "organelles": None,
        "vesicles": None,
        "sheets": None,
        "filaments": None,
        "dirt": None,
    },
    "subtomograms": {"size_voxels": 24, "count": 8, "independent_count": 8},
}
SECOND = {
    "seed": 31,
    "tomograms": 120,
    "subtomograms": {"size_voxels": 80, "count": 22, "independent_count": 22},
    "training": {"start_from": "resunet-classes"},
}
THIRD = SECOND | {
    "seed": 47,
    "tomograms": 100,
    "specimen": {
        "filaments": {"actin": [0, 20], "microtubules": [0, 8]},
        "dirt": {"count": [0, 10]},
    },
}
"""More filaments and dirt, of which two trainings had taught little."""
AGAIN = {"learning_rate": 0.0008, "class_weights": {"filament": 3.0}}
"""Differences of the second round of the third training, on the same subtomograms: with equal
weights the network learnt to take filaments, which are rarer, for membranes. A mean of the weights
before and after undoes most of what this costs elsewhere."""
TRAININGS = {"first": {}, "second": SECOND, "third": THIRD, "particles": PARTICLES}
"""Differences of each training from config/varied.yaml. To repeat the second or the third, first
make `resunet-classes` of the result before it: the one in the package has had all three."""
_MEANS = {
    "first": "",
    "second": "",
    "third": " --average-with resunet-classes --share 0.75",
    "particles": " --average-with resunet",
}
"""What the model is averaged with."""
IN_CELLS = {
    "snr": {"datasets": [{"name": "A", "snr": [1.5, 20.0]}, {"name": "B", "snr": [0.3, 2.0]}]},
    "specimen": {
        "particles": [100, 600],
        "filaments": {"actin": [0, 12], "microtubules": [0, 4], "length_angstrom": [800.0, 3000.0]},
        "vesicles": {"radius_angstrom": [120.0, 220.0]},
        "fiducials": {"count": [0, 2]},
        "small_proteins": {"concentration_per_um3": [5.0e5, 4.0e6]},
        "dirt": {"diameter_angstrom": [150.0, 1000.0]},
        "carbon": None,
        "ice": {"thickness_angstrom": [600.0, 1800.0]},
    },
    "microscope": {
        "tilt": {"step_deg": [2.0, 3.0]},
        "optics": {"defocus_um": [3.0, 8.0]},
        "finish": {
            "low_pass": {"probability": 0.7, "period_angstrom": [40.0, 130.0]},
            "quantisation": {"probability": 0.6},
        },
    },
}
"""Differences for tomograms of milled cells: thin, crowded, often binned or filtered."""
OF_PAPER = {
    "A": [0.5, 2.0],
    "B": [0.03, 0.5],
    "C": [0.005, 0.03],
}
"""SNR of the datasets of tomograms as in the paper, by its definition."""
_OF_TRAINING = ("tomograms", "subtomograms", "splits", "training", "tables", "figures")
FULLY_VARIED_SHARE = 0.6
"""The first tomograms, this share of all, are varied in every setting; the others in some."""
PLAIN_EVERY = 6
"""Of the first tomograms, each that ends a run of so many is plain instead."""
VARYING_TOGETHER = {
    "specimen": [
        ("resolution_angstrom",),
        ("fiducials",),
        ("vesicles", "organelles", "sheets", "membrane_proteins"),
        ("small_proteins",),
        ("ice", "dirt"),
        ("carbon",),
        ("filaments",),
    ],
    "microscope": [
        ("tilt",),
        ("optics",),
        ("alignment_errors",),
        ("ctf_correction", "defocus_error_um"),
        ("dose", "reconstruction"),
        ("finish",),
    ],
}
"""Groups of settings of partly varied tomograms: those of a group vary together or not at all."""
VARYING_PROBABILITY = 0.25
"""Probability that a group varies in a partly varied tomogram."""


def kind_of(number: int, count: int) -> str:
    """Kind of tomogram `number`, from 0, of `count`: varied, plain or partly varied."""
    if number >= FULLY_VARIED_SHARE * count:
        return "partly varied"
    return "plain" if number % PLAIN_EVERY == PLAIN_EVERY - 1 else "varied"


def kinds_of(training: str, count: int) -> dict[str, str]:
    """Kinds of the tomograms of a training, by name."""
    if training in {"first", "particles"}:
        return {f"t{i + 1}": kind_of(i, count) for i in range(count)}
    kinds = {}
    for i in range(1, count + 1):
        some = "partly varied" if i % 5 in {1, 3} else "varied"
        kinds |= {f"p{i}": "as in the paper"} if i % 4 == 0 else {f"t{i}": some}
    if training == "third":
        kinds |= {f"c{i}": "in a cell" for i in range(1, count // 2 + 1)}
    return kinds


def configuration_of(kind: str, name: str, configs: dict[str, Config]) -> Config:
    """Configuration of a tomogram; in a partly varied one each group varies by chance."""
    if kind != "partly varied":
        return configs[kind]
    varied, content = configs["varied"].model_dump(), configs["plain"].model_dump()
    random = generator(configs["varied"].seed, "settings that vary", name)
    for part, groups in VARYING_TOGETHER.items():
        for keys in groups:
            if random.random() < VARYING_PROBABILITY:
                content[part] |= {key: varied[part][key] for key in keys}
    return check_config(content)


def configurations(structures: list[str], training: str, *, small: bool) -> dict[str, Config]:
    """Configurations of each kind of tomograms of a training, partly varied ones aside.

    `structures` are more YAML files.
    """
    files = [ROOT / "config.yaml", ROOT / "config/varied.yaml", *structures, TRAININGS[training]]
    changes = [SMALL] if small else []
    if small and training == "particles":
        changes.append({"subtomograms": {"count": 2, "independent_count": 2}})
    varied = load_config(*files, *changes)
    content = varied.model_dump()
    paper = load_config(ROOT / "config.yaml", *structures).model_dump()
    sizes = ("tomogram_size_voxels", "region_size_voxels")
    kept = (*sizes, "proportions", "particles")
    specimen = paper["specimen"] | {key: content["specimen"][key] for key in kept}
    plain = content | {"specimen": specimen, "microscope": paper["microscope"]}
    specimen = paper["specimen"] | {key: content["specimen"][key] for key in sizes}
    count = content["specimen"]["particles"] if small else 1150
    datasets = [{"name": name, "snr": snr} for name, snr in OF_PAPER.items()]
    of_paper = paper | {key: content[key] for key in _OF_TRAINING}
    of_paper |= {
        "specimen": specimen | {"particles": count},
        "snr": content["snr"] | {"datasets": datasets},
        "seed": 7100 + content["seed"],
    }
    return {
        "varied": varied,
        "in a cell": load_config(*files, IN_CELLS, *changes),
        "plain": check_config(plain),
        "as in the paper": check_config(of_paper),
    }


def simulate(name: str, kind: str, config: Config, folder: Path) -> list[str]:
    """Simulate a tomogram, and cut its shards; return their paths, none if it has no room."""
    at = folder / name
    if (at / "done.json").exists():
        return [*read_json(at / "done.json", "shards")["shards"]]
    at.mkdir(parents=True, exist_ok=True)
    use_threads(1)
    with job(str(at / "log.txt")):
        try:
            shards = _simulated(name, config, at, folder / "structures")
        except (PlacementError, SNRError) as error:
            logger.warning("%s is skipped: %s", name, error)
            shards = []
    for volume in at.glob("*.mrc"):
        volume.unlink()
    write_json(at / "done.json", {"shards": shards, "kind": kind})
    return shards


def _simulated(name: str, config: Config, at: Path, structures: Path) -> list[str]:
    """Run the stages of one tomogram in a folder."""
    listed, some = ids_of(config), config.structures.per_tomogram
    drawn = ids_in_tomogram(listed, some, config.snr.reference_id, config.seed, name)
    simulate_noise_free(config, drawn, structures, at, name=name, seed=config.seed)
    return [_dataset(name, dataset, config, at) for dataset in config.snr.datasets]


def _dataset(name: str, dataset: DatasetSettings, config: Config, at: Path) -> str:
    """Add the noise of a dataset, and cut its subtomograms; return the path of the shard."""
    made = add_dataset_noise(config, dataset, at, name=name, seed=config.seed)
    shard = at / f"{dataset.name}.h5"
    extract_subtomograms(
        **made,
        **{key: at / file for key, file in TABLES.items()},
        labels=at / "labels.mrc",
        specimen=at / "specimen.json",
        names=(name, dataset.name),
        settings=config.subtomograms.of(name),
        seed=config.seed,
        shard=shard,
    )
    return str(shard)


def main() -> None:
    """Simulate what is missing, and train."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--training", choices=TRAININGS, default="first", help="default: first")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--structures", nargs="*", default=[], help="YAML files, such as a folder")
    parser.add_argument("--tomograms", type=int, help="number (default: that of varied.yaml)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-training", action="store_true")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    configs = configurations(arguments.structures, arguments.training, small=arguments.small)
    count = arguments.tomograms or (4 if arguments.small else configs["varied"].tomograms)
    kinds = kinds_of(arguments.training, count)
    kinds["independent1"] = "varied"
    with job(str(folder / "log.txt")):
        prepare(configs["varied"], folder / "structures")
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            jobs = [
                pool.submit(simulate, name, kind, configuration_of(kind, name, configs), folder)
                for name, kind in kinds.items()
            ]
            shards = [shard for found in jobs for shard in found.result()]
        logger.info("%d shards of %d tomograms", len(shards), count)
        if not arguments.no_training:
            config, split = configs["varied"], folder / "split.csv"
            use_threads(arguments.threads)
            _split(shards, config, folder, split)
            run = _train(shards, split, config, folder / "run", {})
            if arguments.training == "third":
                again = {"start_from": str(run / "weights.pt"), **AGAIN}
                run = _train(shards, split, config, folder / "again", again)
            logger.info(
                "python -m ssn3d.models.export_model %s NAME FACTS.json%s",
                run,
                _MEANS[arguments.training],
            )


def _split(shards: list[str], config: Config, folder: Path, split: Path) -> None:
    """Split the tomograms of the shards."""
    names = list(dict.fromkeys(Path(shard).parent.name for shard in shards))
    split_dataset(
        {name: folder / name / "particles.star" for name in names},
        shape=config.specimen.tomogram_size_voxels.zyx,
        selection=config.subtomograms,
        settings=config.splits,
        seed=config.seed,
        leave_out=None,
        split=split,
    )


def _train(
    shards: list[str], split: Path, config: Config, run: Path, change: dict[str, Any]
) -> Path:
    """Train on the shards, all datasets together, unless it is done; return the run's folder."""
    if (run / "weights.pt").exists():
        return run
    run.mkdir(exist_ok=True)
    train_run(
        shards,
        split,
        config.tables.table2[0].method,
        config.training.model_copy(update=change),
        config.seed,
        weights=run / "weights.pt",
        history=run / "history.csv",
        record=run / "run.json",
        checkpoint=run / "checkpoint.pt",
    )
    return run


if __name__ == "__main__":
    main()
