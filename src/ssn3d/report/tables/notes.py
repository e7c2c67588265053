"""Notes below Tables 2 and 3: definitions, mean scores, surrogates and missing results."""

from collections.abc import Sequence

import pandas as pd

from ssn3d.experiment.runs import BASELINE, TUNED_BASELINE
from ssn3d.report.provenance_labels import is_surrogate
from ssn3d.report.tables.row_metrics import DONE

DAGGER = "†"
_SCORES = (
    "mIoU: the mean of the IoUs of background and region of interest (ROI), both means over "
    "subtomograms. Difference: our mIoU minus the paper's. Independent: the same methods, scored "
    "on tomograms that no training saw. By the paper's protocol (splits.by: subtomogram), test and "
    "training subtomograms of one tomogram overlap."
)
_INTERVAL = (
    "95% interval of the mIoU: bootstrap over the subtomograms of one simulated specimen, or over "
    "tomograms where a set has several, whichever is wider; it does not cover the spread between "
    "trainings."
)
_SEEDS = (
    "Rows of several seeds are means over trainings that differ in initial weights, order and "
    "dropout alone. Range of seeds: the lowest and the highest mIoU of them."
)
_BLOCKS = (
    "Highest possible: what the network's blocks of equal output allow on these masks, as the "
    "highest mIoU, and as the highest pixel accuracy with the mIoU of that answer, to which "
    "cross-entropy leads. Errors per surface voxel: wrong voxels over voxels at the surface of the "
    "true masks, which compares across mask sizes."
)
_UNSUPERVISED = (
    f"{BASELINE} is unsupervised, as the paper's is. At the paper's accuracy of 91.87% its 27.40 "
    "cannot be a mean over both classes, so it stands beside our IoU of the ROI, and there is no "
    "difference."
)
_TUNED = (
    f"{TUNED_BASELINE}: the same with parameters chosen on true masks of the training set; the "
    "paper has no such method."
)


def notes_below(table: pd.DataFrame, surrogates: Sequence[str]) -> list[str]:
    """List the notes of Table 2 or 3, each a paragraph; surrogates are bead models."""
    notes = [*(_means(table) if "source" in table else []), _SCORES, _INTERVAL]
    if (table["seeds"] > 1).any():
        notes.append(_SEEDS)
    notes.append(_BLOCKS)
    if "method" in table:
        named = {BASELINE: _UNSUPERVISED, TUNED_BASELINE: _TUNED}
        notes += [note for method, note in named.items() if (table["method"] == method).any()]
    if "source" in table:
        surrogates = [str(i) for i in table["pdb_id"][table["source"].map(is_surrogate)]]
    if surrogates:
        notes.append(
            f"{DAGGER} Surrogates: bead models in place of deposited coordinates, for "
            f"{', '.join(surrogates)}."
        )
    incomplete = int((table["status"] != DONE).sum())
    if incomplete:
        notes.append(f"Incomplete: {incomplete} of {len(table)} rows have no result; see Status.")
    return notes


def _means(table: pd.DataFrame) -> list[str]:
    """Compare means over rows with the paper's: all rows, and those of the paper's entries."""
    done = table[(table["status"] == DONE) & table["paper_miou"].notna()]
    exact = done[done["exact_entry"]]
    listed = ", ".join(exact["pdb_id"])
    entries = f"structures read from a whole file of the paper's own entry ({listed})"
    return [
        f"Mean of {len(rows)} {words}: {_mean(rows)}."
        for rows, words in ((done, "structures"), (exact, entries))
        if len(rows)
    ]


def _mean(rows: pd.DataFrame) -> str:
    """Format the means of our scores and the paper's over rows of Table 3."""
    mean = rows.mean(numeric_only=True)
    above = int((rows["miou"] >= rows["paper_miou"]).sum())
    return (
        f"mIoU {mean['miou']:.2f} (paper {mean['paper_miou']:.2f}), pixel accuracy "
        f"{mean['pixel_accuracy']:.2f} (paper {mean['paper_pixel_accuracy']:.2f}), independent "
        f"mIoU {mean['independent_miou']:.2f}; {above} of {len(rows)} at or above the paper's mIoU"
    )
