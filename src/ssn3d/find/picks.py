"""Calibration and picks on files: scores of candidates in, probabilities and picks out."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.log import logger
from ssn3d.find.calibration import (
    SCORES,
    Calibration,
    Scored,
    calibrate,
    expected,
    kept,
    ranked,
    reliability,
)
from ssn3d.find.rivals import Candidates, best_of_others
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.io.particles.files import write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.relion import Relion
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import write_csv

_ENOUGH_ANNOTATED = 2
_ENOUGH_PARTICLES = 30
_FILES: dict[str, tuple[bool, Relion]] = {
    "": (True, 5),
    "_relion4": (True, 4),
    "_candidates": (False, 5),
}
"""End of the name of each STAR file: whether it has only what is kept, and RELION's version."""
RATES = (0.05, 0.1, 0.2, 0.5)
"""False discovery rates whose precision and recall are reported, besides the configured one."""


def calibrate_targets(
    simulated: Sequence[PathLike],
    annotated: Sequence[PathLike],
    targets: Collection[str],
    false_discovery_rate: float,
    *,
    calibration: PathLike,
    table: PathLike,
) -> None:
    """Calibrate the scores of each target on tomograms whose particles are known.

    Both are files of `write_candidates`, of at least two simulated tomograms, and of those that the
    user annotated. Two that are annotated for a target are better than all simulated ones, and
    replace them; one joins them. Two files are written: the JSON has the logistic function of the
    score and the calibration curve, the CSV table precision and recall.
    """
    made, own = ([read_json(file, *targets) for file in files] for files in (simulated, annotated))
    known = made + own
    scored = {target: _scored(known, len(made), target) for target in targets}
    by_others = [_by_others(found, scored, row) for row, found in enumerate(known)]
    highest = [best_of_others(one) for one in by_others]
    content: dict[str, Any] = {}
    rows = []
    for target, used in scored.items():
        candidates = [*used.values()]
        particles = sum(one.true for one in candidates)
        probabilities = [by_others[row][target].scores for row in used]
        rivals = [highest[row][target] for row in used]
        mean, share, counts = reliability(candidates, probabilities)
        content[target] = {
            **vars(calibrate(candidates)),
            "curve": {
                "probability": mean.tolist(),
                "observed": share.tolist(),
                "candidates": counts.tolist(),
            },
        }
        about: dict[str, Any] = {
            "target": target,
            "tomograms": len(candidates),
            "annotated": sum("correct" in one[target] for one in own),
            "particles": particles,
            "among_candidates": sum(int(one.correct.sum()) for one in candidates),
            "quartile_score": _quartile_score(candidates),
        }
        for rate in sorted({*RATES, false_discovery_rate}):
            scores = vars(expected(candidates, probabilities, rivals, rate))
            rows.append(about | {"default": rate == false_discovery_rate} | scores)
        if particles < _ENOUGH_PARTICLES:
            logger.warning(
                "%s: its probabilities are learnt from %d particles alone, and uncertain; simulate "
                "more tomograms (independent_tomograms)",
                *(target, particles),
            )
    write_json(calibration, content)
    write_csv(table, pd.DataFrame(rows))
    for row in rows:
        if row["default"]:
            logger.info(
                "%s: of %d true particles in %d tomograms (%d annotated) %.0f%% are picked, %.0f%% "
                "of the picks are right",
                *(row["target"], row["particles"], row["tomograms"], row["annotated"]),
                *(100 * row["recall"], 100 * row["precision"]),
            )


def _quartile_score(candidates: Sequence[Scored]) -> float:
    """Likeness to the target's map that three in four right candidates have; NaN without any."""
    likeness = [*SCORES].index("score")
    right = np.concatenate([one.scores[one.correct, likeness] for one in candidates])
    return float(np.quantile(right, 0.25)) if len(right) else np.nan


def _scored(known: Sequence[Mapping[str, Any]], simulated: int, target: str) -> dict[int, Scored]:
    """Candidates in the tomograms that a target is calibrated by, by row; simulated ones first."""
    own = [row for row in range(simulated, len(known)) if "correct" in known[row][target]]
    used = own if len(own) >= _ENOUGH_ANNOTATED else [*range(simulated), *own]
    some = {row: known[row][target] for row in used}
    return {
        row: Scored(_scores(one), np.array(one["correct"], dtype=bool), one["true"])
        for row, one in some.items()
    }


def _by_others(
    found: Mapping[str, Any], scored: Mapping[str, Mapping[int, Scored]], row: int
) -> dict[str, Candidates]:
    """Candidates in one tomogram, with probabilities by calibrations of the others alone."""
    others = {t: [one for i, one in used.items() if i != row] for t, used in scored.items()}
    return _probable(found, {target: calibrate(some) for target, some in others.items()})


def _scores(content: Mapping[str, Any]) -> NDArray[np.float64]:
    """Scores (n, scores) of candidates for a target."""
    return np.array([content[name] for name in SCORES], dtype=float).T


def _probable(
    found: Mapping[str, Any], calibrations: Mapping[str, Calibration]
) -> dict[str, Candidates]:
    """Candidates for each target, with the probabilities that they are right."""
    return {
        target: Candidates(
            np.array(content["centres"], dtype=float).reshape(-1, 3),
            calibrations[target].probability(_scores(content)),
            content["diameter_voxels"],
        )
        for target, content in found.items()
    }


def write_picks(
    candidates: Mapping[str, PathLike],
    calibration: PathLike,
    volumes: Mapping[str, tuple[tuple[int, int, int], float]],
    false_discovery_rate: float,
    folder: PathLike,
) -> None:
    """Write the picks of each target in all tomograms.

    {folder}/{tomogram}/{target}.star and {target}_relion4.star there have the picks that keep the
    expected fraction of wrong ones of a target, in all tomograms, at the rate;
    {target}_candidates.star has all candidates but those where another target is more probable.
    Scores are probabilities that picks are right, the highest first. candidates.csv has the
    candidates for all targets.

    `candidates` are files of `write_candidates`, and `volumes` shapes (z, y, x) and voxel sizes in
    angstrom, by tomogram; `calibration` is the file of `calibrate_targets`.
    """
    found = {name: read_json(file) for name, file in candidates.items()}
    fits = {t: Calibration(c["slopes"], c["intercept"]) for t, c in read_json(calibration).items()}
    probable = {name: _probable(content, fits) for name, content in found.items()}
    rivals = {name: best_of_others(one) for name, one in probable.items()}
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in found}
    for target in fits:
        of_all = [one[target].scores for one in probable.values()]
        of_rivals = [one[target] for one in rivals.values()]
        chosen = kept(np.concatenate(of_all), np.concatenate(of_rivals), false_discovery_rate)
        ends = np.cumsum([len(one) for one in of_all])[:-1]
        for name, rows in zip(found, np.split(chosen, ends), strict=True):
            one = probable[name][target]
            best = ranked(one.scores, rivals[name][target])
            frame = TomogramFrame.of_volume(*volumes[name])
            for suffix, (only_kept, relion) in _FILES.items():
                some = best[rows[best]] if only_kept else best
                picks = ParticleTable.of_picks(name, one.centres[some], one.scores[some], target)
                file = Path(folder) / name / f"{target}{suffix}.star"
                write_particle_table(file, picks, frame, tomogram=name, relion=relion)
            table = {
                "target": np.full(len(rows), target),
                **dict(zip(("z_voxels", "y_voxels", "x_voxels"), one.centres.T, strict=True)),
                **dict(zip(SCORES, _scores(found[name][target]).T, strict=True)),
                "probability": one.scores,
                "kept": rows,
            }
            tables[name].append(pd.DataFrame(table))
            logger.info(
                "%s, %s: %d picks, of which %.1f are expected to be right; %d candidates in all",
                *(name, target, rows.sum(), one.scores[rows].sum(), len(rows)),
            )
    for name, parts in tables.items():
        write_csv(Path(folder) / name / "candidates.csv", pd.concat(parts, ignore_index=True))
