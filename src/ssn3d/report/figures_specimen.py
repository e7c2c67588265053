"""How the data came out: SNR calibration, and which particles there are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from ssn3d.report.labels import name_points, plain_log_ticks
from ssn3d.report.style import GREY, SERIES, new_figure, styled


@styled
def snr_calibration(
    curves: Mapping[str, Sequence[tuple[float, float]]], asked: Mapping[str, float]
) -> Figure:
    """Draw the SNR over the scale of the noise, with the SNR asked for of each dataset.

    Args:
        curves: pairs (noise scale, SNR) by dataset; the pair of noise scale 0 is the noise-free
            ceiling and is drawn as a line.
        asked: the SNR asked for, by dataset.
    """
    figure = new_figure(3.2, width_inch=4.6)
    axes = figure.subplots()
    for index, (dataset, curve) in enumerate(curves.items()):
        look = SERIES[index % len(SERIES)]
        points = np.array(sorted(curve), dtype=np.float64)
        noisy = points[points[:, 0] > 0]
        label = f"{dataset}: asked {asked[dataset]:g}"
        axes.plot(
            noisy[:, 0], noisy[:, 1], **look._asdict(), label=label, fillstyle="none",
            markersize=4 + 2 * index,  # datasets of one tomogram may share one curve
        )  # fmt: skip
        axes.axhline(asked[dataset], color=look.color, linestyle=look.linestyle, linewidth=0.6)
    ceilings = {
        f"{snr:.2f}": snr for curve in curves.values() for scale, snr in curve if scale == 0
    }
    for text, ceiling in ceilings.items():
        axes.axhline(ceiling, color=GREY, linewidth=2, zorder=0)
        axes.annotate(f"no noise: {text}", (0.98, ceiling), (0, 3), ha="right", fontsize=6,
                      xycoords=axes.get_yaxis_transform(), textcoords="offset points")  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlabel="noise scale (standard deviation in the tilt series)"
    )
    axes.set_ylabel("SNR (Frank & Al-Ali)")
    axes.legend()
    return figure


@styled
def packing_statistics(
    counts: Mapping[str, int],
    mask_voxels: Mapping[str, float],
    paper_mask_voxels: Mapping[str, float],
) -> Figure:
    """Draw how many subtomograms each class has, and mask sizes beside those the paper implies.

    Args:
        counts: subtomograms by class.
        mask_voxels: mean voxels of our masks, by class.
        paper_mask_voxels: mean voxels that the paper's Table 3 implies, by class; a class without
            one is left out of the comparison.
    """
    figure = new_figure(3.4)
    bars, scatter = figure.subplots(1, 2)
    order = sorted(counts, key=lambda pdb_id: -mask_voxels[pdb_id])
    bars.bar(range(len(order)), [counts[i] for i in order], color="#56B4E9", edgecolor="black",
             linewidth=0.4)  # fmt: skip
    bars.set_xticks(range(len(order)), order, rotation=90)
    bars.set(ylabel="subtomograms", xlabel="class, from the largest mask to the smallest")
    bars.set_title(f"{sum(counts.values()):,} subtomograms of {len(counts)} classes")
    sizes = pd.DataFrame({"ours": mask_voxels, "paper": paper_mask_voxels}).dropna()
    scatter.plot(sizes["paper"], sizes["ours"], "o", color="black")
    if not sizes.empty:
        ends = [sizes.to_numpy().min() / 1.3, sizes.to_numpy().max() * 1.3]
        scatter.plot(ends, ends, color=GREY, linewidth=0.6, zorder=0)
        scatter.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
        plain_log_ticks(scatter.xaxis)
        plain_log_ticks(scatter.yaxis)
    scatter.set(xlabel="paper (implied): mask voxels", ylabel="ours: mean mask voxels")
    if len(sizes) > 2:  # noqa: PLR2004 -- two points always correlate
        rank = float(stats.spearmanr(sizes["ours"], sizes["paper"]).statistic)
        scatter.set_title(f"rank correlation {rank:.2f}; line: equal")
    name_points(scatter, sizes["paper"], sizes["ours"], [str(i) for i in sizes.index])
    return figure
