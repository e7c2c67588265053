"""The search on files: a segmented tomogram and a calibration in, picks of each target out."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.particles import Particles
from ssn3d.find.calibration import Calibration, Scored, calibrate, expected, kept, reliability
from ssn3d.find.candidates import compare, diameter_angstrom, find_target
from ssn3d.find.like_them import RESOLUTION
from ssn3d.find.rivals import Candidates, rivals_of
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.io.particles.files import write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.of_tomogram import read_particles_of
from ssn3d.io.particles.relion import Relion
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import write_csv
from ssn3d.io.text_files import listed
from ssn3d.io.tomogram import Tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.structures.structure import read_structure

_DISTANCE_OF_DIAMETER = 0.5
"""Largest distance of a right candidate from its particle."""
_ENOUGH_ANNOTATED = 2
_DIALECTS: dict[str, Relion] = {"": 5, "_relion4": 4}
"""Suffix of the name of a STAR file for each version of RELION."""
RATES = (0.05, 0.1, 0.2, 0.5)
"""False discovery rates whose precision and recall are reported, besides the configured one."""


def write_candidates(
    sample: Sample,
    segmentation: tuple[PathLike, PathLike],
    structures: Mapping[str, PathLike],
    simulation: PathLike,
    path: PathLike,
    *,
    truth: PathLike | None,
    acquisition: PathLike | None,
    annotations: PathLike | None,
    threads: int,
) -> None:
    """Write the candidates for each target in one tomogram, as JSON.

    Where the particles of a target are known, it is said which candidates are right.

    Args:
        sample: the tomogram.
        segmentation: volumes of its probability of macromolecule, and of its labels.
        structures: file of each target's structure.
        simulation: settings of the simulation, with the resolution of the comparison.
        path: output: `centres` (z, y, x in voxels), `scores`, `rivals`, `diameter_angstrom` and, if
            the particles are known, `correct` and `true`, by target.
        truth: particles of a simulated tomogram.
        acquisition: tilts of a simulated tomogram; otherwise those of the sample hold.
        annotations: table of all particles of one or more targets in a tomogram of the user's.
        threads: number of threads.

    Raises DataError if the tomogram or the annotations cannot be read, or name no target.
    """
    tomogram = open_sample(sample)
    size, shape = tomogram.grid.voxel_size_angstrom, tomogram.grid.shape
    tilts = sample.tilt_range_deg
    if acquisition is not None:
        angles = read_json(acquisition, "tilts")["tilts"]["angle_deg"]
        tilts = min(angles), max(angles)
    resolution = read_json(simulation, RESOLUTION)[RESOLUTION]
    probability, labels = map(open_volume, segmentation)
    known = {} if truth is None else dict.fromkeys(structures, read_particles(truth))
    if annotations is not None:
        known = _annotated(annotations, tomogram, structures)
    found: dict[str, Any] = {}
    candidates = {}
    for target, file in structures.items():
        structure = read_structure(file)
        centres, scores = find_target(
            tomogram,
            (probability, labels),
            structure,
            resolution,
            tilt_range_deg=tilts,
            threads=threads,
        )
        diameter = diameter_angstrom(structure.mass_dalton, size)
        candidates[target] = Candidates(centres, scores, diameter / size)
        found[target] = {
            "centres": centres.tolist(),
            "scores": scores.tolist(),
            "diameter_angstrom": diameter,
        }
        if target in known:
            scored = compare(
                *(centres, scores, known[target], target),
                shape=shape,
                distance_voxels=_DISTANCE_OF_DIAMETER * diameter / size,
            )
            found[target] |= {"correct": scored.correct.tolist(), "true": scored.true}
    for target, rivals in rivals_of(candidates).items():
        found[target]["rivals"] = rivals.tolist()
    write_json(path, found)


def _annotated(
    path: PathLike, tomogram: Tomogram, targets: Collection[str]
) -> dict[str, Particles]:
    """Read the particles of a tomogram, by each target that they are annotated for.

    In a search for one target, particles without a class are its.
    """
    particles = read_particles_of(path, tomogram).particles
    if len(targets) == 1 and set(particles.pdb_ids.tolist()) == {""}:
        (target,) = targets
        names = np.full(len(particles), target)
        particles = Particles(names, particles.centres, particles.rotations)
    classes = set(particles.pdb_ids.tolist())
    found = [target for target in targets if target in classes]
    if not found:
        raise DataError(
            f"{path}: its classes ({listed(sorted(classes))}) name no target; give the class of "
            f"each particle, one of {listed(list(targets))}"
        )
    return dict.fromkeys(found, particles)


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
    content: dict[str, Any] = {}
    rows = []
    for target in targets:
        made, own = (
            [read_json(file, target)[target] for file in files] for files in (simulated, annotated)
        )
        own = [one for one in own if "correct" in one]
        scored = [*map(_scored, own if len(own) >= _ENOUGH_ANNOTATED else made + own)]
        found = calibrate(scored)
        mean, share, counts = reliability(scored)
        content[target] = {
            **vars(found),
            "curve": {
                "probability": mean.tolist(),
                "observed": share.tolist(),
                "candidates": counts.tolist(),
            },
        }
        true, right = (sum(map(int, values)) for values in _counts(scored))
        for rate in sorted({*RATES, false_discovery_rate}):
            one = expected(scored, rate)
            rows.append(
                {
                    "target": target,
                    "tomograms": len(scored),
                    "annotated": len(own),
                    "particles": true,
                    "among_candidates": right,
                    "default": rate == false_discovery_rate,
                    **vars(one),
                }
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


def _counts(scored: Sequence[Scored]) -> tuple[list[int], list[int]]:
    """Numbers of true particles, and of those that are among the candidates."""
    return [one.true for one in scored], [int(one.correct.sum()) for one in scored]


def _scored(content: Mapping[str, Any]) -> Scored:
    return Scored(_scores(content), np.array(content["correct"], dtype=bool), content["true"])


def _scores(content: Mapping[str, Any]) -> NDArray[np.float64]:
    """Scores (n, 2) of candidates for a target, and of their best rivals."""
    return np.array([content["scores"], content["rivals"]], dtype=float).T


def write_picks(
    candidates: PathLike,
    calibration: PathLike,
    tomogram: tuple[str, tuple[int, int, int], float],
    false_discovery_rate: float,
    folder: PathLike,
) -> None:
    """Write the picks of each target in one tomogram.

    {folder}/{target}.star and {folder}/{target}_relion4.star have the picks that keep the expected
    fraction of wrong ones at the rate, {folder}/candidates.csv all candidates. Scores are
    probabilities that picks are right.

    Args:
        candidates: file of `write_candidates`.
        calibration: file of `calibrate_targets`.
        tomogram: name, shape (z, y, x) and voxel size in angstrom.
        false_discovery_rate: expected fraction of wrong picks.
        folder: folder of the outputs.
    """
    folder = Path(folder)
    found, steps = read_json(candidates), read_json(calibration)
    name, frame = tomogram[0], TomogramFrame.of_volume(*tomogram[1:])
    columns = dict[str, list[NDArray[Any]]]()
    for target, content in found.items():
        fit = Calibration(**{k: v for k, v in steps[target].items() if k != "curve"})
        scores = _scores(content)
        centres = np.array(content["centres"], dtype=float).reshape(-1, 3)
        probabilities = fit.probability(scores)
        chosen = kept(probabilities, false_discovery_rate)
        picked = ParticleTable.of_picks(name, centres[chosen], probabilities[chosen], target)
        for suffix, relion in _DIALECTS.items():
            file = folder / f"{target}{suffix}.star"
            write_particle_table(file, picked, frame, tomogram=name, relion=relion)
        table = {
            "target": np.full(len(scores), target),
            **dict(zip(("z_voxels", "y_voxels", "x_voxels"), centres.T, strict=True)),
            "score": scores[:, 0],
            "rival": scores[:, 1],
            "probability": probabilities,
            "kept": chosen,
        }
        for column, values in table.items():
            columns.setdefault(column, []).append(values)
        logger.info(
            "%s, %s: %d picks, of which %.1f are expected to be right; %d candidates in all",
            *(name, target, chosen.sum(), probabilities[chosen].sum(), len(scores)),
        )
    whole = {column: np.concatenate(parts) for column, parts in columns.items()}
    write_csv(folder / "candidates.csv", pd.DataFrame(whole))
