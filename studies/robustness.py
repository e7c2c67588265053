"""Scores where the data are not as in training: centring error, SNR, defocus, crowding.

Run `python studies/robustness.py --weights results/runs/UNet/A/random/weights.pt --results
results --config config.yaml --folder somewhere`; repeat the command to resume. All starts from one
tomogram that no training saw (`--tomogram`), with its volumes (`keep: all`), and the configuration
it was made with, whose defocus and number of particles are no ranges. Its particles are scored in
cubes cut at and beside their centres; with its density imaged at other defoci, or with more or less
noise; and in new specimens of more or fewer particles. Each condition becomes a shard of at most
`--count` subtomograms, the same ones wherever the specimen is the same; its volumes are deleted.

Writes robustness.csv (weights, network, trained_on, condition, value, snr, miou, its 95% interval
over subtomograms, roi_iou, and the number of these) and robustness.png.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ssn3d.config.experiment import Config, check_config, load_config
from ssn3d.core.cubes import lies_inside
from ssn3d.core.errors import SNRError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.files import read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.tables import write_csv
from ssn3d.microscope.steps import add_noise, image_specimen
from ssn3d.report.bootstrap import mean_interval
from ssn3d.report.figures.labels import plain_log_ticks
from ssn3d.report.figures.style import GREY, SERIES, new_figure, save, styled
from ssn3d.segmentation.evaluation.metrics import miou, score_masks
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network, predict_masks
from ssn3d.specimen.steps import simulate_specimen
from ssn3d.subtomograms.extract import cut
from ssn3d.subtomograms.store import Origin, open_dataset, write_shard

ERRORS_VOXELS = (0, 1, 2, 3, 4)
SNRS = (0.65, 0.2, 0.03, 0.005)
"""Beside those of the configuration; the paper's specimen without noise has 0.70."""
DEFOCI_UM = (2.0, 3.0, 4.0, 6.0, 8.0)
"""Beside that of the configuration."""
CROWDING = (0.25, 0.5, 0.75, 1.25)
"""Particles, relative to the configuration."""
AXES = {
    "centring": "centring error (voxels)",
    "snr": "SNR",
    "defocus": "defocus (um)",
    "crowding": "particles, relative to the configuration",
}
SPECIMEN = ("density.mrc", "labels.mrc", "particles.star", "ground.star", "specimen.json")


@dataclass(frozen=True)
class Condition:
    """What is scored: what differs from the training data, by how much, and at which SNR."""

    kind: str
    value: float
    snr: float

    def shard(self, folder: Path) -> Path:
        """Where its subtomograms are."""
        return folder / "shards" / f"{self.kind}_{self.value:g}_snr_{self.snr:g}.h5"


def conditions(config: Config) -> list[Condition]:
    """List all; those as in training have the configuration's own values."""
    trained, optics = config.snr.snr_of.values(), config.microscope.optics
    defoci = sorted({*DEFOCI_UM, optics.defocus_um})
    shares = sorted({*CROWDING, 1.0})
    found = [Condition("centring", error, snr) for error in ERRORS_VOXELS for snr in trained]
    found += [Condition("snr", snr, snr) for snr in sorted({*SNRS, *trained})]
    found += [Condition("defocus", defocus, snr) for defocus in defoci for snr in trained]
    return found + [Condition("crowding", share, snr) for share in shares for snr in trained]


def settings_of(config: Config, condition: Condition) -> Config:
    """Change the configuration to a condition's."""
    content = config.model_dump()
    if condition.kind == "defocus":
        content["microscope"]["optics"]["defocus_um"] = condition.value
    if condition.kind == "crowding":
        content["specimen"]["particles"] = round(config.specimen.particles * condition.value)
    return check_config(content)


def tomogram(config: Config, condition: Condition, base: Path, work: Path) -> Path:
    """Make the tomogram of a condition; the folder of its specimen, with volumes as far as needed.

    `base` is the tomogram's of the results, which is used wherever it is as the condition wants it.
    """
    name, structures = base.name, base.parents[1] / "structures"
    changed, seed = settings_of(config, condition), config.seed
    specimen = work if condition.kind == "crowding" and condition.value != 1 else base
    if specimen is work and not (work / "specimen.json").exists():
        files = dict(zip(("density", "labels", "particles", "ground", "summary"), SPECIMEN,
                         strict=True))  # fmt: skip
        points = {path.stem: path for path in sorted(structures.glob("*.npz"))}
        outputs = {key: work / file for key, file in files.items()}
        simulate_specimen(points, changed.specimen, seed, f"crowding{condition.value}", **outputs)
    other_optics = changed.microscope != config.microscope
    imaged = work if specimen is work or other_optics else base
    names = {"tilts": "tilts.mrc", "signal": "signal.mrc", "acquisition": "acquisition.json"}
    images = {key: imaged / file for key, file in names.items()}
    summary = specimen / "specimen.json"
    if not all(path.exists() for path in images.values()):
        image_specimen(specimen / "density.mrc", changed.microscope, seed, name, specimen=summary,
                       **images)  # fmt: skip
    add_noise(
        images | {"particles": specimen / "particles.star", "specimen": summary},
        changed.microscope,
        changed.snr,
        size_voxels=changed.subtomograms.size_voxels,
        target=condition.snr,
        seed=seed,
        keys=(name, f"{condition.kind}{condition.value}"),
        tomogram=work / "noisy.mrc",
        tilts=work / "noisy_tilts.mrc",
        summary=work / "noisy.json",
    )
    return specimen


def beside(particles: Particles, error_voxels: float, seed: int) -> Particles:
    """Move centres in directions at random."""
    directions = generator(seed, "centring", "directions").normal(size=particles.centres.shape)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = particles.centres + error_voxels * directions
    return Particles(particles.pdb_ids, centres, particles.rotations)


def chosen(particles: Particles, shape: tuple[int, ...], size: int, count: int, seed: int
           ) -> NDArray[np.int_]:  # fmt: skip
    """Choose particles whose cubes lie inside, also when they are cut beside their centres."""
    wide = size + 2 * max(ERRORS_VOXELS) + 2
    inside = np.flatnonzero(lies_inside(particles.centres, wide, shape))
    return np.sort(generator(seed, "robustness").permutation(inside)[:count])


def make_shard(config: Config, condition: Condition, base: Path, folder: Path, count: int) -> None:
    """Simulate what a condition lacks, and cut its subtomograms."""
    work, existing = folder / "work", dict(map(reversed, config.snr.snr_of.items()))
    as_trained = condition.kind in {"centring", "snr"} or condition in {
        Condition("crowding", 1.0, condition.snr),
        Condition("defocus", config.microscope.optics.defocus_um, condition.snr),
    }
    if as_trained and condition.snr in existing:
        specimen, volume_file = base, base / f"{existing[condition.snr]}.mrc"
        summary = volume_file.with_suffix(".json")
    else:
        specimen = tomogram(config, condition, base, work)
        volume_file, summary = work / "noisy.mrc", work / "noisy.json"
    volume, voxel_size = read_mrc(volume_file)
    everything = read_particles(specimen / "particles.star")
    labels, _ = read_mrc(specimen / "labels.mrc", volume.shape)
    labels[labels > len(everything)] = 0  # what is not a target is labelled after the particles
    size, target = config.subtomograms.size_voxels, config.subtomograms.target
    rows = chosen(everything, volume.shape, size, count, config.seed)
    error = condition.value if condition.kind == "centring" else 0.0
    moved = beside(everything[rows], error, config.seed)
    snr = read_json(summary, "snr_measured")["snr_measured"]
    origin = Origin("robustness", base.name, target, condition.snr, snr, voxel_size)
    cubes = cut(volume, labels, moved, rows + 1, size, target=target)
    shard = condition.shard(folder)
    write_shard(shard, origin, moved, rows + 1, cubes, size_voxels=size, provenance={})


def make_shards(
    config: Config, wanted: Sequence[Condition], base: Path, folder: Path, count: int
) -> None:
    """Make the subtomograms of the conditions that lack them."""
    last = None
    for number, condition in enumerate(wanted, 1):
        if condition.shard(folder).exists():
            continue
        if (condition.kind, condition.value) != last:  # noise differs by SNR, the rest does not
            shutil.rmtree(folder / "work", ignore_errors=True)
        last = condition.kind, condition.value
        try:
            make_shard(config, condition, base, folder, count)
            print(f"{number}/{len(wanted)} {condition}: subtomograms", flush=True)
        except SNRError as error:  # neighbours are noise: a crowd may leave no such SNR
            print(f"{number}/{len(wanted)} {condition}: left out; {error}", flush=True)
    shutil.rmtree(folder / "work", ignore_errors=True)


def score(weights: Path, condition: Condition, folder: Path, seed: int) -> dict[str, Any]:
    """Segment the subtomograms of a condition with a network, and score the masks."""
    network, description = load_network(weights)
    dataset = open_dataset([condition.shard(folder)])
    compute = Compute.pick("auto", "auto")
    found = predict_masks(compute.place(network), dataset, np.arange(len(dataset)), compute)
    scores = pd.concat([score_masks(*pair) for pair in found], ignore_index=True)
    rng = generator(seed, "robustness", str(condition))
    low, high = mean_interval(miou(scores).to_numpy(), dataset.tomograms, rng)
    return {
        "network": description["network"],
        "trained_on": description.get("run", {}).get("dataset", ""),  # models have none
        "condition": condition.kind,
        "value": condition.value,
        "snr": condition.snr,
        "miou": miou(scores).mean(),
        "miou_low": low,
        "miou_high": high,
        "roi_iou": scores["iou_foreground"].mean(),
        "subtomograms": len(dataset),
    }


def scored(
    config: Config, wanted: Sequence[Condition], weights: list[Path], folder: Path
) -> pd.DataFrame:
    """Score all networks under the conditions that are not in the table yet."""
    path, keys = folder / "robustness.csv", ["weights", "condition", "value", "snr"]
    table = (
        pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame(columns=keys)
    )
    for file in weights:
        for condition in wanted:
            names = (str(file), condition.kind, condition.value, condition.snr)
            done = names in set(table[keys].itertuples(index=False, name=None))
            if done or not condition.shard(folder).exists():
                continue
            row = pd.DataFrame(
                [{"weights": str(file)} | score(file, condition, folder, config.seed)]
            )
            table = pd.concat([table, row], ignore_index=True) if len(table) else row
            write_csv(path, table.round(4))
            print(f"{file}: {condition}: mIoU {row['miou'][0]:.2f}", flush=True)
    return table


@styled
def draw(table: pd.DataFrame) -> Figure:
    """Draw mIoU against each condition, with intervals: a colour a network, a dash an SNR."""
    figure = new_figure(height_inch=5.6)
    panels = dict(zip(AXES, figure.subplots(2, 2).ravel(), strict=True))
    trained = table.loc[table["condition"] != "snr", "snr"].unique()
    dashes = dict(zip(trained, SERIES, strict=False))
    handles = [
        Line2D([], [], color=GREY, ls=look.linestyle, marker=look.marker, label=f"SNR {snr:g}")
        for snr, look in dashes.items()
    ]
    networks = table[["weights", "network", "trained_on"]].drop_duplicates().to_numpy()
    colors = {row[0]: look.color for row, look in zip(networks, SERIES, strict=False)}
    for weights, network, data in networks:
        about = f"trained on {data}" if data else f"(model {Path(weights).stem})"
        handles.append(Line2D([], [], color=colors[weights], label=f"{network} {about}"))
    for kind, panel in panels.items():
        of_kind = table[table["condition"] == kind]
        by = ["weights"] if kind == "snr" else ["weights", "snr"]
        for (weights, *snr), rows in of_kind.groupby(by, sort=False):
            ordered = rows.sort_values("value")
            ends = [ordered["miou"] - ordered["miou_low"], ordered["miou_high"] - ordered["miou"]]
            dash = dashes[snr[0]] if snr else SERIES[0]
            look = {"color": colors[weights], "ls": dash.linestyle, "marker": dash.marker}
            panel.errorbar(ordered["value"], ordered["miou"], ends, **look, capsize=1.5)
        panel.set_xlabel(AXES[kind])
        panel.set_ylabel("mIoU (%)")
    panels["snr"].set_xscale("log")
    plain_log_ticks(panels["snr"].xaxis)
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def main() -> None:
    """Simulate, cut, score, write the table, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="of networks")
    parser.add_argument("--results", type=Path, required=True, help="of the experiment")
    parser.add_argument("--config", nargs="+", required=True, help="that it was made with")
    parser.add_argument("--folder", type=Path, required=True, help="for shards, table and figure")
    parser.add_argument("--tomogram", default="independent1")
    parser.add_argument("--kinds", nargs="+", choices=AXES, default=[*AXES], help="of conditions")
    parser.add_argument("--count", type=int, default=200, help="subtomograms of a condition")
    parser.add_argument("--small", action="store_true", help="minimal size; shows that it runs")
    arguments = parser.parse_args()
    config, base = load_config(*arguments.config), arguments.results / "tomograms"
    wanted = [condition for condition in conditions(config) if condition.kind in arguments.kinds]
    if arguments.small:  # one of each kind
        wanted = [*{condition.kind: condition for condition in reversed(wanted)}.values()]
    make_shards(config, wanted, base / arguments.tomogram, arguments.folder, arguments.count)
    table = scored(config, wanted, arguments.weights, arguments.folder)
    save(draw(table), arguments.folder / "robustness.png")
    print(table.to_string(index=False, float_format="%.2f"))


if __name__ == "__main__":
    main()
