"""The baseline on scenes with known answers, its invariances, its search and its run."""

import time
from itertools import chain

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.mixture import GaussianMixture

from datasets import particles_of, write_shard_of
from sections import changed, section
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
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
from ssn3d.subtomograms.splits import write_split
from ssn3d.subtomograms.store import open_dataset

SIZE = 40
CENTRE = (SIZE // 2,) * 3
GRID = np.indices((SIZE,) * 3)
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
NOISES = range(3)


def sphere(radius, centre=CENTRE):
    offsets = GRID - np.reshape(centre, (3, 1, 1, 1))
    return np.asarray((offsets**2).sum(axis=0) <= radius**2)


def rod(radius, half_length):
    z, y, x = GRID - SIZE // 2
    return np.asarray((z**2 + y**2 <= radius**2) & (abs(x) <= half_length))


def image_of(truth, noise, seed=0):
    """Protein is dark, blurred to 40 angstrom at 10 angstrom a voxel, in white noise."""
    density = ndimage.gaussian_filter(truth.astype(float), 1.155)
    white = np.random.default_rng(seed).normal(size=density.shape)
    return (noise * white - density).astype(np.float32)


def segmented(image, used=SETTINGS):
    return segment(image, used, generator(0, "test"))


def iou(mask, truth):
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize("radius", [5, 7, 10])
def test_a_sphere_in_noise_is_found(radius):
    truth = sphere(radius)
    result = segmented(image_of(truth, 0.5))
    assert result.outcome in {"segmented", "one segment"}
    assert iou(result.mask, truth) > 0.6
    assert (result.mask & ~truth).sum() < 0.05 * truth.sum()


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("axis", range(3))
def test_of_two_touching_spheres_the_centred_one_is_taken(noise, axis):
    beside = list(CENTRE)
    beside[axis] += 14
    wanted, other = sphere(7), sphere(7, tuple(beside))
    result = segmented(image_of(wanted | other, 0.3, noise))
    assert iou(result.mask, wanted) > 0.6
    assert (result.mask & other & ~wanted).sum() < 0.1 * other.sum()


@pytest.mark.parametrize("noise", NOISES)
def test_flooding_the_density_takes_in_the_surroundings_but_not_the_neighbour(noise):
    wanted, other = sphere(7), sphere(7, (20, 20, 34))
    used = changed(
        SETTINGS,
        flooded="density",
        smoothing_sigma_voxels=1.0,
        boundary_weight=0.1,
        voxels_per_point=64,
    )
    mask = segmented(image_of(wanted | other, 0.3, noise), used).mask
    assert (mask & wanted).sum() > 0.9 * wanted.sum()
    assert mask.sum() > 2 * wanted.sum()
    assert (mask & other & ~wanted).sum() < 0.1 * other.sum()


def test_a_rod_is_segmented_worse_than_the_sphere_of_its_volume():
    long, round_ = rod(4, 14), sphere(7)
    assert long.sum() == pytest.approx(round_.sum(), rel=0.03)
    scores = {
        name: np.mean([iou(segmented(image_of(truth, 0.3, n)).mask, truth) for n in NOISES])
        for name, truth in (("rod", long), ("sphere", round_))
    }
    assert scores["rod"] < scores["sphere"] - 0.2


def test_a_single_segment_is_the_target_if_it_is_at_the_centre():
    truth = sphere(7)
    result = segmented(image_of(truth, 0.0))
    assert result.outcome == "one segment"
    assert np.array_equal(result.mask, result.foreground)
    assert iou(result.mask, truth) > 0.7


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_particle_elsewhere_is_not_the_target(noise):
    result = segmented(image_of(sphere(7, (9, 9, 9)), noise))
    assert result.outcome == "no cluster at the centre"
    assert not result.mask.any()
    assert result.clusters.any()


def test_beside_the_centre_the_cluster_with_most_of_the_central_sphere_is_taken():
    near, far = sphere(5, (20, 20, 27)), sphere(6, (20, 20, 10))
    result = segmented(image_of(near | far, 0.2))
    assert not result.clusters[CENTRE]
    assert iou(result.mask, near) > 0.5
    assert not (result.mask & far).any()


@pytest.mark.parametrize("flooded", ["gradient", "density"])
@pytest.mark.parametrize(("value", "weight"), [(0.0, None), (0.0, 1.0), (-3.7, 1.0), (1e4, 1.0)])
def test_a_constant_subtomogram_has_no_structure(flooded, value, weight):
    image = np.full((SIZE,) * 3, value, dtype=np.float32)
    result = segmented(image, changed(SETTINGS, flooded=flooded, boundary_weight=weight))
    assert result.outcome == "nothing above threshold"
    assert not result.mask.any()


@pytest.mark.parametrize("flooded", ["gradient", "density"])
def test_noise_has_structure_only_if_the_boundary_weight_is_small(flooded):
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
def test_bic_counts_the_particles_up_to_the_most_allowed(centres):
    rng = generator(0, "test")
    found = _fit_mixture(cloud(*centres), SETTINGS, rng)
    assert found is not None
    assert found.n_components == len(centres)
    assert np.sort(found.means_[:, 2]) == pytest.approx([c[2] for c in centres], abs=1.0)
    assert np.sqrt(found.covariances_) == pytest.approx(3.0, rel=0.25)
    two = _fit_mixture(cloud(*centres), changed(SETTINGS, max_clusters=2), rng)
    assert two is not None
    assert two.n_components <= 2


def test_no_cluster_is_narrower_than_the_smoothing():
    found = _fit_mixture(
        cloud((20, 20, 20)), changed(SETTINGS, smoothing_sigma_voxels=8.0), generator(0, "test")
    )
    assert found is not None
    assert (np.sqrt(found.covariances_) >= 8.0).all()


@pytest.mark.parametrize(("radius", "found"), [(4.9, False), (5.0, True), (5.1, True)])
def test_the_target_is_looked_for_within_the_central_radius(radius, found):
    clusters = np.zeros((SIZE,) * 3, dtype=np.int32)
    clusters[CENTRE[0], CENTRE[1], CENTRE[2] + 5 :] = 3
    clusters[0] = 1  # larger, but elsewhere
    mask = cluster_at_centre(clusters, radius)
    assert np.array_equal(mask, (clusters == 3) & found)


def test_without_a_converged_mixture_the_mask_is_empty(monkeypatch):
    fit = GaussianMixture.fit

    def fit_without_convergence(mixture, points):
        fit(mixture, points).converged_ = False

    monkeypatch.setattr(GaussianMixture, "fit", fit_without_convergence)
    result = segmented(image_of(sphere(7), 0.5))
    assert result.outcome == "clustering failed"
    assert not result.mask.any()


def test_segments_tile_the_subtomogram_and_clusters_are_made_of_whole_ones():
    result = segmented(image_of(sphere(7) | sphere(6, (20, 20, 34)), 0.5))
    assert result.segments.min() == 1
    assert np.array_equal(result.clusters > 0, result.foreground)
    for number in np.unique(result.segments):
        assert len(np.unique(result.clusters[result.segments == number])) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_the_threshold_minimises_the_energy(seed, weight):
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


def test_a_larger_boundary_weight_never_enlarges_the_boundary():
    image = image_of(sphere(7) | sphere(4, (8, 30, 20)), 0.5)
    weights = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    kept = [segmented(image, changed(SETTINGS, boundary_weight=w)).foreground for w in weights]
    areas = [sum(np.diff(one, axis=axis).sum() for axis in range(3)) for one in kept]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > areas[-1]


@settings(max_examples=5, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_offset_and_positive_scale_change_nothing(scale, offset):
    image = image_of(sphere(7) | sphere(6, (20, 20, 34)), 0.5).astype(np.float64)
    result, changed = segmented(image), segmented(scale * image + scale * offset)
    assert changed.outcome == result.outcome
    assert np.array_equal(changed.mask, result.mask)


def test_protein_is_dark():
    truth = sphere(7)
    assert not (segmented(-image_of(truth, 0.3)).mask & sphere(4)).any()


def segment_all(dataset, rows, workers):
    pairs = list(segment_rows(dataset, np.array(rows), SETTINGS, seed=1, workers=workers))
    masks, _, outcomes = zip(*pairs, strict=True)
    return np.concatenate(masks), list(chain.from_iterable(outcomes))


def test_a_result_depends_on_its_own_subtomogram_alone(tmp_path, monkeypatch):
    images = np.stack([image_of(sphere(7) | sphere(7, (20, 20, 35)), 1.0, n) for n in range(4)])
    shards = [write_shard_of(tmp_path / f"t{n}.h5", images[n::2]) for n in (0, 1)]
    monkeypatch.setattr("ssn3d.segmentation.baseline.search._AT_ONCE", 3)
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
        images = np.stack([image_of(sphere(r), 0.3, r) for r in radii])
        masks = np.stack([sphere(r) ^ blind for r in radii])
        shards.append(write_shard_of(folder / f"{name}.h5", images, masks, particles))
    parts = np.array(["train"] * 5 + ["validation"] + ["test"] * 2 + ["independent"])
    dataset = open_dataset(shards)
    columns = dataset.tomograms, dataset.labels, dataset.pdb_ids, parts
    write_split(folder / "random.csv", *columns)
    return shards


def test_the_search_uses_training_subtomograms_and_is_reproducible(inputs, tmp_path):
    shards, split = inputs
    started = time.perf_counter()
    found = [
        search_run(shards, split, tmp_path / f"{n}.json", BASELINE, seed=2, workers=1)
        for n in range(2)
    ]
    assert 0 < sum(one.pop("seconds") for one in found) <= time.perf_counter() - started
    assert found[0] == found[1]
    train = [["t1", label] for label in range(1, 6)]
    assert len(found[0]["subtomograms"]) == 3
    assert all(one in train for one in found[0]["subtomograms"])
    assert len(found[0]["trials"]) == 2
    assert found[0]["chosen"]["boundary_weight"] == 1.0
    trials = {trial["settings"]["boundary_weight"]: trial for trial in found[0]["trials"]}
    assert trials[1.0]["iou_foreground"] > 60
    assert trials[1000.0]["outcomes"] == {"nothing above threshold": 3}


def test_combinations_have_the_rest_of_the_unsupervised_settings():
    drawn = draw_combinations(BASELINE, np.random.default_rng(0))
    assert [one.boundary_weight for one in drawn] == [1.0, 1000.0]
    assert {changed(one, boundary_weight=None) for one in drawn} == {BASELINE.unsupervised}


def test_combinations_are_drawn_once_each_and_at_most_all():
    wide = {"smoothing_sigma_voxels": [1.0, 1.5, 2.0], "voxels_per_point": [8, 16]}
    for trials, count in {7: 7, 100: 12}.items():
        used = changed(BASELINE, search=wide | {"trials": trials})
        drawn = draw_combinations(used, np.random.default_rng(0))
        assert len(drawn) == len(set(drawn)) == count


def test_the_run_holds_every_test_subtomogram(inputs, tmp_path):
    shards, split = inputs
    folder = tmp_path / "runs" / "Xu-Alber-tuned" / "A" / "random"
    found = search_run(shards, split, tmp_path / "search.json", BASELINE, seed=2, workers=1)
    metrics = baseline_run(shards, split, tmp_path / "search.json", folder, seed=2, workers=1)
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


def test_the_unsupervised_run_needs_no_search_and_sees_no_true_mask(inputs, tmp_path):
    shards, split = inputs
    blind = write_inputs(tmp_path / "data", blind=True)
    for name, paths in {"seen": shards, "blind": blind}.items():
        baseline_run(paths, split, BASELINE.unsupervised, tmp_path / name, seed=2, workers=1)
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


def test_parameters_of_another_split_are_refused(inputs, tmp_path):
    shards, split = inputs
    search_run(shards, split, tmp_path / "search.json", BASELINE, seed=2, workers=1)
    other = tmp_path / "without_8ABC.csv"
    other.write_text(split.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DataError, match=r"search\.json.*rerun the search"):
        baseline_run(shards, other, tmp_path / "search.json", tmp_path, seed=2, workers=1)
