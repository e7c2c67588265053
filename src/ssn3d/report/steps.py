"""The stage from files to files: runs, datasets and tomograms in, figures and pages out."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ssn3d.errors import DataError
from ssn3d.files import atomic_path, read_json
from ssn3d.log import logger
from ssn3d.mrc import read_mrc
from ssn3d.report.baseline_figure import BaselineExample, baseline_steps
from ssn3d.report.data_pages import (
    SNR_KEYS,
    SPECIMEN_KEYS,
    masks_page,
    snr_page,
    specimen_page,
    structures_page,
)
from ssn3d.report.figures_data import complex_at_each_snr, structure_map
from ssn3d.report.figures_runtime import read_benchmarks, runtime
from ssn3d.report.figures_scores import (
    iou_against_mask_size,
    iou_per_class,
    table3_against_paper,
)
from ssn3d.report.figures_segmentation import (
    Example,
    pick_examples,
    training_curves,
    truth_and_prediction,
)
from ssn3d.report.figures_specimen import CALIBRATION_KEYS, packing_statistics, snr_calibration
from ssn3d.report.figures_tomogram import tomogram_picture
from ssn3d.report.read_runs import read_history, read_per_subtomogram
from ssn3d.report.style import save
from ssn3d.report.tables import paper_complexes, read_table
from ssn3d.seeds import generator
from ssn3d.segmentation.baseline import BaselineSettings, segment
from ssn3d.segmentation.predictions import read_predictions
from ssn3d.subtomograms.store import Subtomograms, read_subtomograms
from ssn3d.tilts import tilt_angles_deg

PathLike = str | os.PathLike[str]
_MAP_VOXEL_ANGSTROM = 5.0  # finer than the tomogram's, so that the surface of Fig. 4 is smooth


def draw_tomogram(
    files: Mapping[str, PathLike], name: str, tilt: Mapping[str, float], *, figure: PathLike
) -> None:
    """Draw one tomogram.

    `files` are signal, tomogram, labels and tilts, `tilt` is the configuration's section.
    """
    signal, voxel_size = read_mrc(files["signal"])
    tomogram, _ = read_mrc(files["tomogram"], signal.shape)
    labels, _ = read_mrc(files["labels"], signal.shape)
    angles = tilt_angles_deg(**tilt)
    tilts, _ = read_mrc(files["tilts"], (len(angles), *signal.shape[1:]))
    middle = int(np.argmin(np.abs(angles)))
    picture = tomogram_picture(
        signal,
        tomogram,
        labels,
        tilts[middle],
        name=name,
        tilt_deg=float(angles[middle]),
        max_tilt_deg=float(np.abs(angles).max()),
        voxel_size_angstrom=voxel_size,
    )
    save(picture, figure)


def describe_data(
    results: PathLike,
    complexes_tsv: PathLike,
    *,
    pdb_ids: Sequence[str],
    tomograms: Sequence[str],
    datasets: Sequence[str],
    structures: PathLike,
    specimen: PathLike,
    snr: PathLike,
) -> None:
    """Write pages about the structures, the specimens and the SNRs of a results folder."""
    folder = Path(results)
    names = _names(complexes_tsv)
    structures_page(folder / "structures", pdb_ids, names, structures)
    tomogram = folder / "tomograms"
    specimens = {t: read_json(tomogram / t / "specimen.json", *SPECIMEN_KEYS) for t in tomograms}
    specimen_page(specimens, names, specimen)
    noise = {
        (t, dataset): read_json(tomogram / t / f"{dataset}.json", *SNR_KEYS)
        for t in tomograms
        for dataset in datasets
    }
    snr_page(noise, snr)


def draw_specimen(
    dataset: PathLike,
    summaries: Mapping[str, PathLike],
    complexes_tsv: PathLike,
    *,
    calibration: PathLike,
    packing: PathLike,
    masks: PathLike,
    masks_csv: PathLike,
) -> None:
    """Draw the SNR calibration, and the classes of a dataset; all datasets hold the same ones.

    `summaries` are a tomogram's JSON files by dataset. `masks` and `masks_csv` become a page and
    a table of the mean mask of each class beside the one the paper implies.
    """
    noise = {name: read_json(path, *CALIBRATION_KEYS) for name, path in summaries.items()}
    save(snr_calibration(noise), calibration)
    table = mask_sizes(read_subtomograms(dataset), complexes_tsv)
    with atomic_path(masks_csv) as partial:
        table.round(2).to_csv(partial, index=False)
    masks_page(table, _names(complexes_tsv), masks)
    save(packing_statistics(table), packing)


def _names(complexes_tsv: PathLike) -> dict[str, str]:
    """Names of the complexes by PDB ID."""
    complexes = paper_complexes(complexes_tsv)
    return dict(zip(complexes["pdb_id"], complexes["name"], strict=True))


def mask_sizes(subtomograms: Subtomograms, complexes_tsv: PathLike) -> pd.DataFrame:
    """Mean mask voxels of each class beside what the paper's Table 3 implies, and their ratio."""
    sizes = pd.DataFrame(
        {
            "pdb_id": subtomograms.pdb_ids,
            "voxels": subtomograms.masks.sum(axis=(1, 2, 3), dtype=np.int64),
        }
    )
    table = sizes.groupby("pdb_id", as_index=False).agg(
        subtomograms=("voxels", "size"), mask_voxels=("voxels", "mean")
    )
    complexes = paper_complexes(complexes_tsv)[["pdb_id", "paper_mask_voxels"]]
    table = table.merge(complexes, how="left")
    return table.assign(ratio=table["mask_voxels"] / table["paper_mask_voxels"])


def draw_complex(
    pdb_id: str,
    structure: PathLike,
    datasets: Sequence[PathLike],
    level_dalton_per_nm3: float,
    resolution_angstrom: float,
    *,
    figure: PathLike,
) -> None:
    """Draw Fig. 4: a complex's surface, and its first subtomogram in each dataset.

    Raises DataError where no subtomogram shows the complex.
    """
    density = structure_map(structure, _MAP_VOXEL_ANGSTROM, resolution_angstrom)
    images = {}
    voxel_size = np.nan
    for path in datasets:
        subtomograms = read_subtomograms(path)
        rows = np.flatnonzero(subtomograms.pdb_ids == pdb_id)
        if not len(rows):
            raise DataError(
                f"figures.complex_id: {path} has no subtomogram of {pdb_id}; name a structure that "
                f"it has, such as {subtomograms.pdb_ids[0]}"
            )
        title = f"{subtomograms.dataset}, SNR {subtomograms.snr_asked:g}"
        images[title] = subtomograms.images[rows[0]]
        voxel_size = subtomograms.voxel_size_angstrom
    drawn = complex_at_each_snr(
        pdb_id,
        density,
        level=level_dalton_per_nm3,
        density_voxel_size_angstrom=_MAP_VOXEL_ANGSTROM,
        images=images,
        voxel_size_angstrom=voxel_size,
    )
    save(drawn, figure)


def _examples(per_subtomogram: PathLike, pdb_ids: Sequence[str]) -> pd.DataFrame:
    """Pick the examples of a test set; say which structures have none, and stop if all have."""
    table = read_per_subtomogram(per_subtomogram)
    absent = [pdb_id for pdb_id in pdb_ids if pdb_id not in set(table["pdb_id"])]
    if len(absent) == len(pdb_ids):
        raise DataError(
            f"figures.example_ids: none of {', '.join(pdb_ids)} is in the test set "
            f"({per_subtomogram}); name others, such as {table['pdb_id'].iloc[0]}"
        )
    if absent:
        logger.warning("not in the test set, so not drawn: %s", ", ".join(absent))
    return pick_examples(table, pdb_ids)


def draw_segmentation(
    dataset: PathLike,
    per_subtomogram: PathLike,
    predictions: PathLike,
    pdb_ids: Sequence[str],
    *,
    figure: PathLike,
) -> None:
    """Draw Fig. 5: best, median and worst test subtomogram of each class, truth and prediction."""
    subtomograms = read_subtomograms(dataset)
    masks = read_predictions(predictions)
    picked = _examples(per_subtomogram, pdb_ids).to_dict("records")
    examples = [
        Example(
            f"{row['pdb_id']}, {row['rank']}: IoU {row['iou_foreground']:.0f} %",
            subtomograms.images[row["subtomogram"]],
            subtomograms.masks[row["subtomogram"]],
            masks[row["subtomogram"]],
        )
        for row in picked
    ]
    save(truth_and_prediction(examples, subtomograms.voxel_size_angstrom), figure)


def draw_training(folders: Mapping[str, PathLike], *, figure: PathLike) -> None:
    """Draw the curves of trainings, from the folders of their runs by title."""
    histories = {title: read_history(Path(f) / "history.csv") for title, f in folders.items()}
    records = {t: read_json(Path(f) / "run.json", "best_epoch") for t, f in folders.items()}
    best = {title: record["best_epoch"] for title, record in records.items()}
    save(training_curves(histories, best), figure)


def draw_scores(
    tables_by_title: Mapping[str, PathLike],
    table3_csv: PathLike,
    *,
    per_class: PathLike,
    against_size: PathLike,
    against_paper: PathLike,
) -> None:
    """Draw IoU per class and SNR, IoU over mask size, and Table 3 over the paper's."""
    tables = {title: read_per_subtomogram(path) for title, path in tables_by_title.items()}
    save(iou_per_class(tables), per_class)
    title, table = next(iter(tables.items()))
    save(iou_against_mask_size(table, title), against_size)
    save(table3_against_paper(read_table(table3_csv)), against_paper)


def draw_runtime(benchmarks: PathLike, *, figure: PathLike) -> None:
    """Draw seconds and memory of each rule, as Snakemake measured them."""
    save(runtime(read_benchmarks(benchmarks)), figure)


def draw_baseline(
    dataset: PathLike,
    run: PathLike,
    per_subtomogram: PathLike,
    pdb_ids: Sequence[str],
    seed: int,
    *,
    figure: PathLike,
) -> None:
    """Draw the baseline's steps on the median test subtomogram of each class, made again."""
    subtomograms = read_subtomograms(dataset)
    settings = BaselineSettings(**read_json(run, "settings")["settings"])
    picked = _examples(per_subtomogram, pdb_ids)
    examples = []
    for row in picked[picked["rank"] == "median"].to_dict("records"):
        index = row["subtomogram"]
        image = subtomograms.images[index]
        result = segment(image, settings, generator(seed, "baseline", index))
        title = f"{row['pdb_id']}: IoU {row['iou_foreground']:.0f} %"
        examples.append(BaselineExample(title, image, subtomograms.masks[index], result))
    save(baseline_steps(examples, subtomograms.voxel_size_angstrom), figure)
