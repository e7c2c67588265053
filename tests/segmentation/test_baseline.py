"""The baseline on scenes with known answers, its invariances, its search and its run."""

from itertools import chain

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import ball, image_of, iou
from scipy import ndimage
from sklearn.mixture import GaussianMixture

from datasets import particles_of, write_shard_of, write_split_of
from sections import changed, section
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.experiment import runs
from ssn3d.io.files import read_json
from ssn3d.segmentation.baseline.mumford_shah import threshold_segments
from ssn3d.segmentation.baseline.search import draw_combinations, segment_rows
from ssn3d.segmentation.baseline.segment import (
    _fit_mixture,
    cluster_at_centre,
    segment,
)
from ssn3d.segmentation.baseline.steps import baseline_run, search_run
from ssn3d.segmentation.evaluation.run_io import read_prediction
from ssn3d.subtomograms.samples import groups_of
from ssn3d.subtomograms.store import open_dataset

SIZE = 40
CENTRE = (SIZE // 2,) * 3
BASELINE = section(
    "baseline",
    flooded="gradient",
    smoothing_sigma_voxels=1.5,
    voxels_per_point=32,
    max_clusters=4,
    search={
        "subtomograms": 3,
        "trials": 2,
        "smoothing_sigma_voxels": [1.5],
        "boundary_weight": [1.0, 1000.0],
        "voxels_per_point": [32],
    },
)
SETTINGS = changed(BASELINE.unsupervised, boundary_weight=1.0, max_clusters=8)


def segmented(image, used=SETTINGS):
    return segment(image, used, generator(0, "test"))


@pytest.mark.parametrize("radius", [5, 7, 10])
def test_ball_in_noise(radius):
    truth = ball(radius)
    image = image_of(truth, 0.5)
    result = segmented(image)
    assert not (segmented(-image).mask & ball(3)).any()  # protein is dark
    assert result.outcome in {"segmented", "one segment"}
    assert iou(result.mask, truth) > 0.6
    assert (result.mask & ~truth).sum() < 0.05 * truth.sum()


@pytest.mark.parametrize("axis", range(3))
def test_central_one_of_two_touching_balls(axis):
    beside, noise = list(CENTRE), axis
    beside[axis] += 14
    wanted, other = ball(7), ball(7, tuple(beside))
    result = segmented(image_of(wanted | other, 0.3, noise))
    assert iou(result.mask, wanted) > 0.6
    assert (result.mask & other & ~wanted).sum() < 0.1 * other.sum()


def test_watershed_of_density_includes_background():
    wanted, other = ball(7), ball(7, (20, 20, 34))
    used = changed(
        SETTINGS, flooded="density", smoothing_sigma_voxels=1.0, boundary_weight=0.1,
        voxels_per_point=64,
    )  # fmt: skip
    mask = segmented(image_of(wanted | other, 0.3), used).mask
    assert (mask & wanted).sum() > 0.9 * wanted.sum()
    assert mask.sum() > 2 * wanted.sum()
    assert (mask & other & ~wanted).sum() < 0.1 * other.sum()


def test_single_segment_is_the_target():
    truth = ball(7)
    result = segmented(image_of(truth, 0.0))
    assert result.outcome == "one segment"
    assert np.array_equal(result.mask, result.foreground)
    assert iou(result.mask, truth) > 0.7


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_no_particle_at_the_centre(noise):
    result = segmented(image_of(ball(7, (9, 9, 9)), noise))
    assert result.outcome == "no cluster at the centre"
    assert not result.mask.any()
    assert result.clusters.any()


def test_target_beside_the_central_voxel():
    near, far = ball(5, (20, 20, 27)), ball(6, (20, 20, 10))
    result = segmented(image_of(near | far, 0.2))
    assert not result.clusters[CENTRE]
    assert iou(result.mask, near) > 0.5
    assert not (result.mask & far).any()


@pytest.mark.parametrize("flooded", ["gradient", "density"])
@pytest.mark.parametrize(("value", "weight"), [(0.0, None), (-3.7, 1.0), (1e4, 1.0)])
def test_constant_subtomogram(flooded, value, weight):
    image = np.full((SIZE,) * 3, value, dtype=np.float32)
    result = segmented(image, changed(SETTINGS, flooded=flooded, boundary_weight=weight))
    assert result.outcome == "nothing above threshold"
    assert not result.mask.any()


@pytest.mark.parametrize("flooded", ["gradient", "density"])
def test_boundary_weight_decides_in_noise(flooded):
    noise = image_of(np.zeros((SIZE,) * 3, dtype=bool), 1.0)
    large = segmented(noise, changed(SETTINGS, flooded=flooded, boundary_weight=20.0))
    assert large.outcome == "nothing above threshold"
    assert not large.mask.any()
    small = segmented(noise, changed(SETTINGS, flooded=flooded, boundary_weight=0.0))
    assert small.clusters.max() > 1
    assert small.mask.any() == (small.outcome == "segmented")


def cloud(*centres):
    """Voxels of round particles of 3 voxels' standard deviation, 2,000 each."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(centre, 3.0, (2000, 3)) for centre in centres])


@pytest.mark.parametrize(
    "centres",
    [[(20, 20, 20)], [(20, 20, 8), (20, 20, 32)], [(8, 8, 8), (20, 20, 20), (32, 32, 32)]],
)
def test_bic_counts_particles(centres):
    rng = generator(0, "test")
    found = _fit_mixture(cloud(*centres), SETTINGS, rng)
    assert found is not None
    assert found.n_components == len(centres)
    assert np.sort(found.means_[:, 2]) == pytest.approx([c[2] for c in centres], abs=1.0)
    assert np.sqrt(found.covariances_) == pytest.approx(3.0, rel=0.25)
    two = _fit_mixture(cloud(*centres), changed(SETTINGS, max_clusters=2), rng)
    assert two is not None
    assert two.n_components <= 2


def test_minimum_width_of_clusters():
    found = _fit_mixture(
        cloud((20, 20, 20)), changed(SETTINGS, smoothing_sigma_voxels=8.0), generator(0, "test")
    )
    assert found is not None
    assert (np.sqrt(found.covariances_) >= 8.0).all()


@pytest.mark.parametrize(("radius", "found"), [(4.9, False), (5.0, True), (5.1, True)])
def test_central_radius(radius, found):
    clusters = np.zeros((SIZE,) * 3, dtype=np.int32)
    clusters[CENTRE[0], CENTRE[1], CENTRE[2] + 5 :] = 3
    clusters[0] = 1  # larger, but elsewhere
    mask = cluster_at_centre(clusters, radius)
    assert np.array_equal(mask, (clusters == 3) & found)


def test_no_converged_mixture(monkeypatch):
    fit = GaussianMixture.fit

    def fit_without_convergence(mixture, points):
        fit(mixture, points).converged_ = False

    monkeypatch.setattr(GaussianMixture, "fit", fit_without_convergence)
    result = segmented(image_of(ball(7), 0.5))
    assert result.outcome == "clustering failed"
    assert not result.mask.any()


def test_clusters_consist_of_whole_segments():
    result = segmented(image_of(ball(7) | ball(6, (20, 20, 34)), 0.5))
    assert result.segments.min() == 1
    assert np.array_equal(result.clusters > 0, result.foreground)
    for number in np.unique(result.segments):
        assert len(np.unique(result.clusters[result.segments == number])) == 1


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_threshold_minimises_energy(seed, weight):
    rng = np.random.default_rng(seed)
    segments = rng.integers(1, 7, size=(4, 5, 6)).astype(np.int32)
    segments.flat[:6] = range(1, 7)
    density = rng.normal(size=segments.shape) + 0.5 * (segments == rng.integers(1, 7))
    density = (density - density.mean()) / density.std()

    def energy(structure):
        classes = [density[structure], density[~structure]]
        within = sum(part.var() * part.size for part in classes if part.size)
        faces = sum(np.diff(structure, axis=axis).sum() for axis in range(3))
        return float(within + weight * faces)

    means = ndimage.mean(density, segments, range(1, 7))
    above = [np.isin(segments, 1 + np.flatnonzero(means >= t)) for t in [*means, np.inf]]
    kept = threshold_segments(density, segments, weight)
    assert any(np.array_equal(kept, structure) for structure in above)
    assert energy(kept) == pytest.approx(min(map(energy, above)))


@settings(max_examples=5)
@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_offset_and_scale_do_not_matter(scale, offset):
    image = image_of(ball(7) | ball(6, (20, 20, 34)), 0.5).astype(np.float64)
    result, changed = segmented(image), segmented(scale * image + scale * offset)
    assert changed.outcome == result.outcome
    assert np.array_equal(changed.mask, result.mask)


def segment_all(dataset, rows, workers):
    pairs = list(segment_rows(dataset, np.array(rows), SETTINGS, seed=1, workers=workers))
    masks, _, outcomes = zip(*pairs, strict=True)
    return np.concatenate(masks), list(chain.from_iterable(outcomes))


def test_results_are_independent_of_other_subtomograms(tmp_path, monkeypatch):
    images = np.stack([image_of(ball(7) | ball(7, (20, 20, 35)), 1.0, n) for n in range(4)])
    shards = [write_shard_of(tmp_path / f"t{n}.h5", images[n::2]) for n in (0, 1)]
    patched = "ssn3d.segmentation.baseline.search.groups_of"
    monkeypatch.setattr(patched, lambda rows: groups_of(rows, 3))
    masks, outcomes = segment_all(open_dataset(shards), [0, 1, 2, 3], workers=2)
    assert outcomes == ["segmented"] * 4
    alone, _ = segment_all(open_dataset(shards[1:]), [1, 0], workers=1)
    assert np.array_equal(masks[[3, 2]], alone)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A shard of spheres to train, validate and test on, an independent one, and their split."""
    folder = tmp_path_factory.mktemp("baseline")
    return write_inputs(folder), folder / "random.csv"


def write_inputs(folder, *, blind=False):
    shards = []
    for name, radii in {"t1": [5, 6, 7, 8, 5, 6, 7, 8], "independent1": [6]}.items():
        particles = particles_of(np.zeros((len(radii), 3)), [f"{r}ABC" for r in radii])
        images = np.stack([image_of(ball(r), 0.3, r) for r in radii])
        masks = np.stack([ball(r) ^ blind for r in radii])
        shards.append(write_shard_of(folder / f"{name}.h5", images, masks, particles))
    parts = ["train"] * 5 + ["validation"] + ["test"] * 2 + ["independent"]
    write_split_of(folder / "random.csv", shards, parts)
    return shards


@pytest.fixture(scope="module")
def searched(inputs):
    """File and content of a search."""
    path = inputs[1].with_name("search.json")
    return path, search_run(*inputs, path, BASELINE, seed=2, workers=1)


def test_search(inputs, searched, tmp_path):
    found = searched[1]
    again = search_run(*inputs, tmp_path / "again.json", BASELINE, seed=2, workers=1)
    assert found | {"seconds": again["seconds"]} == again
    train = [["t1", label] for label in range(1, 6)]
    assert len(found["subtomograms"]) == 3
    assert all(one in train for one in found["subtomograms"])
    assert len(found["trials"]) == 2
    assert found["chosen"]["boundary_weight"] == 1.0
    trials = {trial["settings"]["boundary_weight"]: trial for trial in found["trials"]}
    assert trials[1.0]["iou_foreground"] > 60
    assert trials[1000.0]["outcomes"] == {"nothing above threshold": 3}


def test_drawn_combinations():
    drawn = draw_combinations(BASELINE, np.random.default_rng(0))
    assert [one.boundary_weight for one in drawn] == [1.0, 1000.0]
    assert {changed(one, boundary_weight=None) for one in drawn} == {BASELINE.unsupervised}
    wide = {"smoothing_sigma_voxels": [1.0, 1.5, 2.0], "voxels_per_point": [8, 16]}
    for trials, count in {7: 7, 100: 12}.items():
        used = changed(BASELINE, search=wide | {"trials": trials})
        drawn = draw_combinations(used, np.random.default_rng(0))
        assert len(drawn) == len(set(drawn)) == count


def test_tuned_run(inputs, searched, tmp_path):
    (path, found), folder = searched, tmp_path / "run"
    metrics = baseline_run(*inputs, runs.TUNED_BASELINE, path, folder, seed=2, workers=1)
    table = pd.read_csv(folder / "per_subtomogram.csv", dtype={"pdb_id": str})
    assert table[["tomogram", "label"]].to_numpy().tolist() == [["t1", 7], ["t1", 8]]
    assert table["pdb_id"].tolist() == ["7ABC", "8ABC"]
    assert table["iou_foreground"].mean() == pytest.approx(metrics["test"]["iou_foreground"])
    independent = pd.read_csv(folder / "independent.csv")
    assert independent[["tomogram", "label"]].to_numpy().tolist() == [["independent1", 1]]
    assert independent["iou_foreground"][0] == metrics["independent"]["iou_foreground"] > 60
    with h5py.File(folder / "predictions.h5") as file:
        assert file["label"][:].tolist() == [7, 8]
        volumes = file["masks"][:].sum(axis=(1, 2, 3))
    assert volumes.tolist() == (table["true_positive"] + table["false_positive"]).tolist()
    run = read_json(folder / "run.json")
    assert (run["method"], run["dataset"], run["split"]) == ("Xu-Alber-tuned", "A", "random")
    assert run["settings"] == found["chosen"]
    assert run["training_seconds"] == found["seconds"]
    untrained = {"capacity": None, "epochs": 0, "best_epoch": None, "stopped": None}
    assert {key: run[key] for key in untrained} == untrained
    assert (run["device"], run["precision"]) == ("cpu", "float64")
    assert run["provenance"]["subtomograms"] == {
        "train": 5, "validation": 1, "test": 2, "independent": 1
    }  # fmt: skip
    assert run["provenance"]["seed"] == 2


def test_unsupervised_run_ignores_true_masks(inputs, tmp_path):
    shards, split = inputs
    blind = write_inputs(tmp_path / "data", blind=True)
    for name, paths in {"seen": shards, "blind": blind}.items():
        baseline_run(
            paths, split, runs.BASELINE, BASELINE.unsupervised, tmp_path / name, seed=2, workers=1
        )
    for label in (7, 8):
        seen, unseen = (
            read_prediction(tmp_path / name / "predictions.h5", "t1", label)
            for name in ("seen", "blind")
        )
        assert seen.any()
        assert np.array_equal(seen, unseen)
    run = read_json(tmp_path / "seen" / "run.json")
    assert (run["method"], run["training_seconds"]) == ("Xu-Alber", 0)
    assert run["settings"] == BASELINE.unsupervised.model_dump()


def test_search_of_another_split(inputs, searched, tmp_path):
    shards, split = inputs
    other = tmp_path / "without_8ABC.csv"
    other.write_text(split.read_text())
    with pytest.raises(DataError, match=r"search\.json.*rerun the search"):
        baseline_run(shards, other, runs.TUNED_BASELINE, searched[0], tmp_path, seed=2, workers=1)
