"""How well published particles of a real tomogram are found, by networks and without one.

Run `python studies/real.py TOMOGRAM --truth PARTICLES --folder somewhere --models NAME ...`; repeat
the command to resume. Each model segments the tomogram, sampled at its own voxel size and at those
of `--sampling`; particles are picked in its probabilities as regions (`ssn3d pick --method
segmentation`), as regions of at least 0.8 diameters, and as peaks of the particles' diameter
(`--diameter`), and in the tomogram itself by difference of Gaussians, with and without these
probabilities. Published particles are a cleaned subset, so recall counts, among the best picks of
each method.

What ranking could reach at best is shown by `taught`: the blobs, ranked by a classifier that learnt
the published particles themselves from the tomogram and the probability behind Gaussian filters of
`WIDTHS_ANGSTROM`. Each of `PARTS` along x is ranked by what was learnt in the others.

Writes real.csv (model, sampled_angstrom, method, picks, best, recall, seconds of the segmentation,
and the percentage of the voxels in each class).
"""

import argparse
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ssn3d.core.classes import CLASSES
from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.io.tomogram import Tomogram, open_tomogram, voxel_size_of
from ssn3d.io.volumes import open_volume
from ssn3d.measure.vacuum import find_vacuum, specimen_of
from ssn3d.models.shipped import load_model
from ssn3d.picking.balls import mean_in_balls
from ssn3d.picking.pick import Choice, Picks, pick_blobs, pick_regions, pick_sized
from ssn3d.picking.scoring import score_picks
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram

BEST = (1, 2, 4, 8)
"""Numbers of picks that are scored, relative to the number of published particles."""
WIDTHS_ANGSTROM = (40, 60, 80, 120, 160, 240)
PARTS = 5
MOST_BLOBS = 1500
SMALL_VOXELS = 48
ANY = Choice()
EVERY_PEAK = Choice(threshold=0.0)


def recalls(
    picks: Picks, truth: NDArray[np.float64], voxel_angstrom: float, distance_angstrom: float
) -> Iterator[dict[str, Any]]:
    """Yield the recall of particles (n, 3) among ever more of the best picks."""
    names = np.full(len(truth), "particle")
    for factor in BEST:
        best = factor * len(truth)
        found = picks.centres[:best] * voxel_angstrom
        score = score_picks(found, truth * voxel_angstrom, names, distance_angstrom)
        yield {"picks": len(picks.scores), "best": best, "recall": score.recall}


def in_probabilities(path: Path, diameter: float) -> Iterator[tuple[str, Picks]]:
    """Yield the picks of each method for a segmentation."""
    volume = open_volume(path)
    where = (volume.read_float32, volume.shape, voxel_size_of(volume, None)[0])
    yield "regions", pick_regions(*where, (40.0, np.inf), ANY)
    yield "regions, 0.8 diameters", pick_regions(*where, (0.8 * diameter, np.inf), ANY)
    yield "peaks of the diameter", pick_sized(*where, diameter, EVERY_PEAK)


def taught(
    blobs: Picks,
    volumes: list[NDArray[np.float32]],
    truth: NDArray[np.float64],
    voxel_angstrom: float,
    distance_angstrom: float,
) -> Picks:
    """Rank blobs by a classifier that learns the published particles (n, 3) themselves."""
    centres = blobs.centres[:MOST_BLOBS]
    filtered = [
        ndimage.gaussian_filter(volume, width / voxel_angstrom)
        for volume in volumes
        for width in WIDTHS_ANGSTROM
    ]
    features = [ndimage.map_coordinates(one, centres.T, order=1) for one in filtered]
    nearest = cKDTree(centres).query(truth, distance_upper_bound=distance_angstrom / voxel_angstrom)
    right = np.isin(np.arange(len(centres)), nearest[1])
    parts = pd.qcut(centres[:, 2], PARTS, labels=False)
    learner = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    scores = cross_val_predict(
        *(learner, np.transpose(features), right),
        groups=parts, cv=GroupKFold(PARTS), method="decision_function",
    )  # fmt: skip
    order = np.argsort(-scores, kind="stable")
    return Picks(centres[order], scores[order], "")


def segment(tomogram: Tomogram, name: str, sampled: float | None, folder: Path) -> dict[str, Any]:
    """Segment a tomogram, unless this is done; the probability's file and facts."""
    done = folder / "facts.json"
    if not done.exists():
        model, started = load_model(name, "all"), time.perf_counter()
        sampled = sampled or model.sampling_angstrom(tomogram.grid.voxel_size_angstrom)
        found = segment_tomogram(
            *(tomogram, model.network, model.place("auto"), folder),
            voxel_size_angstrom=sampled, threshold=0.5, classes=model.classes,
            standardised=model.standardised, vacuum=find_vacuum(tomogram),
        )  # fmt: skip
        shares = {f"{name}_percent": 100 * share for name, share in found.shares.items()}
        seconds = time.perf_counter() - started
        facts = {"sampled_angstrom": sampled, "seconds": seconds, **shares}
        done.write_text(json.dumps({"probability": str(found.probability), "facts": facts}))
    return json.loads(done.read_text())


def small(
    path: Path, truth: NDArray[np.float64], voxel_angstrom: float, folder: Path
) -> tuple[Path, list[int]]:
    """Write the surroundings of the particles' middle as a tomogram; also give its first voxel."""
    volume = open_volume(path)
    length = [min(SMALL_VOXELS, n) for n in volume.shape]
    middle = np.median(truth, axis=0)
    first = [
        int(np.clip(m - n / 2, 0, s - n))
        for m, n, s in zip(middle, length, volume.shape, strict=True)
    ]
    part = tuple(slice(a, a + n) for a, n in zip(first, length, strict=True))
    cropped = folder / "small.mrc"
    write_mrc(cropped, volume.read_float32(part), voxel_angstrom)
    return cropped, first


def main() -> None:
    """Segment, pick and score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("tomogram", type=Path)
    add("--truth", type=Path, required=True, help="table of published particles")
    add("--folder", type=Path, required=True, help="for segmentations and the table")
    add("--models", nargs="+", default=["resunet-all"], help="names or files of weights")
    add("--sampling", nargs="+", type=float, default=[], metavar="A", help="further voxel sizes")
    add("--diameter", type=float, default=250.0, metavar="A", help="default: a ribosome's")
    add("--distance", type=float, default=125.0, metavar="A", help="of a pick from its particle")
    add("--protein", choices=("auto", "dark", "bright"), default="auto")
    add("--threads", type=int, default=2)
    add("--small", action="store_true", help="a part of the tomogram; shows that it runs")
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    with job():
        table = study(arguments)
    table.to_csv(arguments.folder / "real.csv", index=False, float_format="%.3f")
    print(table.to_string(index=False, float_format="%.3f"))


def study(arguments: argparse.Namespace) -> pd.DataFrame:
    """Return the rows of the table."""
    tomogram = open_tomogram(arguments.tomogram, protein=arguments.protein)
    truth = read_particle_table(arguments.truth, frame_of_tomogram(tomogram)).particles.centres
    voxel, dark = tomogram.grid.voxel_size_angstrom, tomogram.protein_is_dark
    if arguments.small:
        path, first = small(arguments.tomogram, truth, voxel, arguments.folder)
        tomogram = open_tomogram(path, protein="dark" if dark else "bright")
        truth -= first
    truth = truth[((truth >= 0) & (truth < tomogram.grid.shape)).all(axis=1)]
    scored = (truth, voxel, arguments.distance)
    pick = partial(
        pick_blobs,
        *(tomogram.read_dark, tomogram.grid.shape, voxel, arguments.diameter, EVERY_PEAK),
        is_data=specimen_of(tomogram),
    )
    blobs = pick()
    none = {"model": "", "method": "difference of Gaussians"}
    rows = [none | row for row in recalls(blobs, *scored)]
    everywhere = tuple(slice(0, n) for n in tomogram.grid.shape)
    volume = tomogram.read_dark(everywhere)
    for name in arguments.models:
        for sampled in (None, *arguments.sampling):
            folder = arguments.folder / f"{Path(name).stem}_{sampled or 'own'}"
            found = segment(tomogram, name, sampled, folder)
            about = {"model": Path(name).stem} | found["facts"]
            path = Path(found["probability"])
            probability = open_volume(path)
            seen = partial(mean_in_balls, probability, diameter_voxels=arguments.diameter / voxel)
            both = [volume, probability.read_float32(everywhere)]
            ranked = [
                *in_probabilities(path, arguments.diameter),
                ("difference of Gaussians times probability", pick(probabilities=seen)),
                ("taught", taught(blobs, both, *scored)),
            ]
            for method, picks in ranked:
                rows += [about | {"method": method} | row for row in recalls(picks, *scored)]
    first = ["model", "sampled_angstrom", "method", "picks", "best", "recall", "seconds"]
    columns = [*first, *(f"{name}_percent" for name in CLASSES[1:])]
    return pd.DataFrame(rows).reindex(columns=columns)


if __name__ == "__main__":
    main()
