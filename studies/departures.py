"""Whole tomograms with one departure each from the paper's experiment: old model beside new.

    python studies/departures.py --folder F --models resunet-all NEW.pt
    python studies/departures.py --folder F --models resunet-all --small   one tiny tomogram

Each condition is a tomogram of 288x288x160 voxels at SNR 0.2 (ratio of variances), with the same
structures and seed, that differs from `base` in what its name says. The models see the files that
`ssn3d segment` would see. Scores: IoU of macromolecules; recall and precision of the regions found
(picks within 60 A of a particle), and their average precision when ranked by score, by mean
probability and by diameter; the share of membrane voxels marked as macromolecule, and the IoU
of membranes. Resumes; writes departures.csv to the folder.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from simulated import ROOT, TOMOGRAM, TWO_VESICLES, simulate_tomogram
from ssn3d.config.experiment import load_config
from ssn3d.core.background import classes_of_labels
from ssn3d.core.classes import CLASSES, FILAMENT, MACROMOLECULE, MEMBRANE
from ssn3d.core.log import job, logger
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_background, read_particles
from ssn3d.io.tomogram import open_tomogram
from ssn3d.models.shipped import load_model
from ssn3d.picking.pick import Choice, Picks, pick_regions
from ssn3d.picking.scoring import match, score_picks
from ssn3d.recovery.segment import segment_whole

SEED, NAME = 404, "t1"
_DISTANCE_ANGSTROM = 60.0
_SMALLEST_ANGSTROM = 60.0
_CUBE = {"x": 64, "y": 64, "z": 64}
_SMALL = {"specimen": {"tomogram_size_voxels": _CUBE, "region_size_voxels": _CUBE, "particles": 20}}
_GOLD = {"diameter_angstrom": 100.0, "place": "inside"}
_TILTS = ("min_deg", "max_deg", "step_deg")


def _paper_snr(snr: float) -> dict[str, Any]:
    """SNR of the paper: of aligned subtomograms of GroEL."""
    return {"snr": {"datasets": [{"name": "A", "snr": snr}], "reference_id": "1KP8"}}


def _tilts(*bounds: float) -> dict[str, Any]:
    return {"microscope": {"tilt": dict(zip(_TILTS, bounds, strict=True))}}


CONDITIONS: dict[str, dict[str, Any]] = {
    "base": {},
    "SNR 0.5 of the paper": _paper_snr(0.5),
    "SNR 0.06 of the paper": _paper_snr(0.06),
    "SNR 0.01 of the paper": _paper_snr(0.01),
    "shapes that no training saw": {
        "structures": {"ids": None, "random": {"count": 40, "mass_dalton": [1.0e5, 4.0e6]}}
    },
    "three gold beads": {"specimen": {"fiducials": {"count": 3, "contrast": 1.0, **_GOLD}}},
    "three gold beads, absorbing": {
        "specimen": {"fiducials": {"count": 3, "contrast": 3.5, **_GOLD}}
    },
    "two vesicles": {"specimen": {"vesicles": TWO_VESICLES}},
    "microtubules and actin": {
        "specimen": {
            "filaments": {"actin": 6, "microtubules": 3, "length_angstrom": [1500.0, 3000.0]}
        }
    },
    "maps of 25 A": {"specimen": {"resolution_angstrom": 25.0}},
    "tilts of +-45": _tilts(-45.0, 45.0, 1.0),
    "tilts of -40 to 65": _tilts(-40.0, 65.0, 1.0),
    "tilt steps of 3": _tilts(-60.0, 60.0, 3.0),
    "alignment errors of 8 A": {
        "microscope": {
            "alignment_errors": {
                "shift_sd_angstrom": 8.0,
                "rotation_sd_deg": 0.0,
                "axis_rotation_deg": 0.0,
            }
        }
    },
    "defocus of 2 um": {"microscope": {"optics": {"defocus_um": 2.0}}},
    "phase flipped": {"microscope": {"ctf_correction": "phase_flip"}},
    "low-passed to 60 A": {
        "microscope": {
            "finish": {
                "high_pass": None,
                "deconvolution": None,
                "low_pass": {"probability": 1.0, "period_angstrom": 60.0},
                "quantisation": None,
            }
        }
    },
    "lamella of 1000 A": {
        "specimen": {
            "particles": 400,
            "ice": {
                "thickness_angstrom": 1000.0,
                "tilt_about_x_deg": 5.0,
                "tilt_about_y_deg": 10.0,
            },
        }
    },
}


def simulate(condition: str, folder: Path, structures: list[str], *, small: bool) -> Path:
    """Simulate the tomogram of a condition, unless it is there; return its folder."""
    at = folder / condition.replace(" ", "_")
    if (at / "A.mrc").exists():
        return at
    at.mkdir(parents=True, exist_ok=True)
    parts = [ROOT / "config.yaml", TOMOGRAM, *structures, CONDITIONS[condition]]
    config = load_config(*parts, *([_SMALL] if small else []))
    structures_at = (folder if config.structures.ids else at) / "structures"
    simulate_tomogram(config, structures_at, at, name=NAME, seed=SEED)
    return at


def score(at: Path, model: str) -> dict[str, float]:
    """Segment a tomogram with a model, and score it."""
    found = at / Path(model).stem
    if not (found / "A_labels.mrc").exists():
        tomogram = open_tomogram(at / "A.mrc", None, "dark")
        segment_whole(tomogram, load_model(model, "all"), found, device="cpu")
    probability, _ = read_mrc(found / "A_probability.mrc")
    labels, voxel = read_mrc(found / "A_labels.mrc")
    particles = read_particles(at / "particles.star")
    instances, _ = read_mrc(at / "labels.mrc")
    truth = classes_of_labels(instances, len(particles), read_background(at / "ground.star").kinds)
    marked = labels == MACROMOLECULE
    picks = pick_regions(
        lambda part: probability[part].astype(np.float32),
        probability.shape,
        voxel,
        (_SMALLEST_ANGSTROM, np.inf),
        Choice(),
    )
    inside = ((particles.centres > 0) & (particles.centres < np.array(truth.shape))).all(axis=1)
    centres = particles.centres[inside]
    picked = score_picks(
        picks.centres * voxel, centres * voxel, particles.pdb_ids[inside], _DISTANCE_ANGSTROM
    )
    return {
        "iou_macromolecule": _iou(marked, truth == MACROMOLECULE),
        "iou_at_0.9": _iou(marked & (probability >= 0.9), truth == MACROMOLECULE),
        "miou": (_iou(marked, truth == MACROMOLECULE) + _iou(~marked, truth != MACROMOLECULE)) / 2,
        "recall": picked.recall,
        "precision": picked.precision,
        **average_precisions(picks, centres * voxel, voxel),
        **_of_class(MEMBRANE, labels, truth),
        **_of_class(FILAMENT, labels, truth),
    }


def _of_class(
    number: int, labels: NDArray[np.floating], truth: NDArray[np.uint8]
) -> dict[str, float]:
    """Share of a class marked as macromolecule, and its own IoU; NaN if it is not there."""
    there, name = truth == number, CLASSES[number]
    if not there.any():
        return {f"{name}_marked": np.nan, f"iou_{name}": np.nan}
    marked = labels[_deep(there)] == MACROMOLECULE
    return {f"{name}_marked": float(marked.mean()), f"iou_{name}": _iou(labels == number, there)}


def average_precisions(
    picks: Picks, centres_angstrom: NDArray[np.float64], voxel_angstrom: float
) -> dict[str, float]:
    """Average precision of picks ranked by their score, and by its two factors."""
    correct = np.zeros(len(picks.scores))
    found = match(picks.centres * voxel_angstrom, centres_angstrom, _DISTANCE_ANGSTROM)
    correct[found.picks] = 1
    diameters = picks.diameters_angstrom
    assert diameters is not None
    orders = {"": picks.scores, "_probability": picks.scores / diameters, "_diameter": diameters}
    return {
        f"average_precision{name}": _average_precision(
            correct[np.argsort(-by)], len(centres_angstrom)
        )
        for name, by in orders.items()
    }


def _average_precision(correct: NDArray[np.float64], particles: int) -> float:
    """Area under the precision over the recall, of picks that are right (1) or not (0)."""
    precision = np.cumsum(correct) / np.arange(1, len(correct) + 1)
    return float((precision * correct).sum() / particles)


def _deep(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of a mask off its border, which is not well defined."""
    return np.asarray(ndimage.binary_erosion(mask))


def _iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((found & truth).sum() / max((found | truth).sum(), 1))


def main() -> None:
    """Score all models in all conditions."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--structures", nargs="*", default=[], help="YAML files, such as a folder")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "departures.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    with job(str(folder / "log.txt")):
        for condition in ["base"] if arguments.small else CONDITIONS:
            at = simulate(condition, folder, arguments.structures, small=arguments.small)
            for model in arguments.models:
                keys = {"condition": condition, "model": Path(model).stem}
                if any(keys.items() <= row.items() for row in rows):
                    continue
                rows.append(keys | score(at, model))
                logger.info("%s", rows[-1])
                pd.DataFrame(rows).to_csv(path, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
