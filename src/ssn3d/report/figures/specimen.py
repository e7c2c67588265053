"""Calibration of the noise level, and contents of the datasets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from ssn3d.core.classes import MACROMOLECULE
from ssn3d.io.files import PathLike, read_json
from ssn3d.io.tables import write_csv
from ssn3d.report.figures.labels import name_points, name_ticks, plain_log_ticks
from ssn3d.report.figures.style import GREY, SERIES, new_figure, save, styled
from ssn3d.report.paper import complex_names, paper_complexes
from ssn3d.report.tables.data_pages import masks_page
from ssn3d.subtomograms.samples import groups_of
from ssn3d.subtomograms.store import Shard, open_shard

_READ_AT_ONCE = 256
_PAPER_VOXEL_ANGSTROM = 10.0

CALIBRATION_KEYS = (
    "calibration", "noise_scale", "snr_asked", "snr_measured", "snr_without_noise",
)  # fmt: skip
"""Keys of the JSON written by `add_noise` that `snr_calibration` reads."""


def draw_specimen(
    shard: PathLike,
    summaries: Mapping[str, PathLike],
    complexes_tsv: PathLike,
    *,
    calibration: PathLike,
    packing: PathLike,
    masks: PathLike,
    masks_csv: PathLike,
) -> None:
    """Draw the SNR calibration, and the contents of a shard.

    `summaries` are the JSON files of one tomogram, by dataset. `masks` and `masks_csv` are the
    output page and table of mask sizes.
    """
    noise = {name: read_json(path, *CALIBRATION_KEYS) for name, path in summaries.items()}
    save(snr_calibration(noise), calibration)
    table = mask_sizes(open_shard(shard), complexes_tsv)
    write_csv(masks_csv, table.round(2))
    masks_page(table, complex_names(complexes_tsv), masks)
    save(packing_statistics(table), packing)


def mask_sizes(shard: Shard, complexes_tsv: PathLike) -> pd.DataFrame:
    """Compute mean mask sizes by structure, those implied by the paper's Table 3, and their ratio.

    Both are in voxels of the shard; the paper's voxels measure 10 angstrom.
    """
    groups = groups_of(np.arange(len(shard)), _READ_AT_ONCE)
    voxels = [(shard.read(rows)[1] == MACROMOLECULE).sum(axis=(1, 2, 3)) for rows in groups]
    sizes = pd.DataFrame({"pdb_id": shard.particles.pdb_ids, "voxels": np.concatenate(voxels)})
    table = sizes.groupby("pdb_id", as_index=False).agg(
        subtomograms=("voxels", "size"), mask_voxels=("voxels", "mean")
    )
    complexes = paper_complexes(complexes_tsv)[["pdb_id", "paper_mask_voxels"]]
    table = table.merge(complexes, how="left")
    table["paper_mask_voxels"] /= (shard.origin.voxel_size_angstrom / _PAPER_VOXEL_ANGSTROM) ** 3
    return table.assign(ratio=table["mask_voxels"] / table["paper_mask_voxels"])


@styled
def snr_calibration(noise: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the SNR against the noise level, and the level of each dataset.

    `noise` is the JSON written by `add_noise`, by dataset. Its `calibration` has pairs (noise
    level, SNR); the one at level 0 is the noise-free ceiling, drawn as a line.
    """
    figure = new_figure(3.2, width_inch=4.6)
    axes = figure.subplots()
    for index, (dataset, record) in enumerate(noise.items()):
        look = SERIES[index % len(SERIES)]
        curve = np.array(sorted(pair for pair in record["calibration"] if pair[0] > 0))
        axes.plot(curve[:, 0], curve[:, 1], color=GREY, zorder=1)
        level: dict[str, Any] = {"color": look.color, "linestyle": look.linestyle, "linewidth": 0.6}
        axes.axhline(record["snr_asked"], **level)
        label = (
            f"{dataset}: asked for {record['snr_asked']:g}, measured {record['snr_measured']:.3g}"
        )
        axes.plot(
            record["noise_scale"], record["snr_measured"], look.marker, color=look.color,
            markersize=6, linestyle="none", label=label,
        )  # fmt: skip
    ceilings = [record["snr_without_noise"] for record in noise.values()]
    if None not in ceilings:
        ceiling = max(ceilings)
        axes.axhline(ceiling, color=GREY, linewidth=2, zorder=0)
        axes.annotate(f"no noise: {ceiling:.2f}", (0.98, ceiling), (0, 3), ha="right", fontsize=6,
                      xycoords=axes.get_yaxis_transform(), textcoords="offset points")  # fmt: skip
    definition = "of variances" if None in ceilings else "Frank & Al-Ali"
    axes.set(xscale="log", yscale="log", ylabel=f"SNR ({definition})")
    axes.set_xlabel(
        r"noise level (standard deviation before CTF and MTF, Da/nm$^3$ $\times$ voxel)"
    )
    axes.legend()
    return figure


@styled
def packing_statistics(classes: pd.DataFrame) -> Figure:
    """Draw the number of subtomograms of each structure, and mask sizes against the paper's.

    In the table of `mask_sizes`, structures without `paper_mask_voxels` are not compared.
    """
    figure = new_figure(3.4)
    bars, scatter = figure.subplots(1, 2)
    ordered = classes.sort_values("mask_voxels", ascending=False)
    bars.bar(range(len(ordered)), ordered["subtomograms"], color="#56B4E9", edgecolor="black",
             linewidth=0.4)  # fmt: skip
    name_ticks(bars, ordered["pdb_id"].tolist())
    bars.set(ylabel="subtomograms", xlabel="structure, largest to smallest mask")
    bars.yaxis.set_major_locator(MaxNLocator(integer=True))
    bars.set_title(f"{ordered['subtomograms'].sum():,} subtomograms of {len(ordered)} structures")
    sizes = classes.dropna(subset=["paper_mask_voxels"])
    ours, paper = sizes["mask_voxels"], sizes["paper_mask_voxels"]
    scatter.plot(paper, ours, "o", color="black")
    if not sizes.empty:
        ends = [min(ours.min(), paper.min()) / 1.3, max(ours.max(), paper.max()) * 1.3]
        scatter.plot(ends, ends, color=GREY, linewidth=0.6, zorder=0)
        scatter.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
        plain_log_ticks(scatter.xaxis)
        plain_log_ticks(scatter.yaxis)
    scatter.set(xlabel="mask voxels implied by the paper's scores", ylabel="our mask voxels, mean")
    if len(sizes) > 2:  # noqa: PLR2004 -- two points always correlate
        rank = float(stats.spearmanr(ours, paper).statistic)
        scatter.set_title(f"rank correlation {rank:.2f}; line: ours equals the paper's")
    name_points(scatter, paper, ours, sizes["pdb_id"].tolist())
    return figure
