"""Two tomograms of one's own, from a sheet to one average."""

import logging
from dataclasses import replace

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile

from own_tomograms import Dark, dark_spheres, write_dark_weights, write_tomogram
from sections import PAPER
from ssn3d.core.errors import DataError
from ssn3d.io.mrc import read_mrc, write_mrc
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable
from ssn3d.models.shipped import load_model
from ssn3d.recovery.average import average_picks
from ssn3d.recovery.particle_stack import Source
from ssn3d.recovery.pick import pick_sample
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.segment import segment_picks, segment_whole
from ssn3d.segmentation.networks.registry import NETWORKS, Architecture

SHAPE, RADIUS = (48, 64, 72), 6
CENTRES = {
    "dark": np.array([[22.3, 20, 20], [24, 44, 40.4], [24, 19.6, 56]]),
    "bright": np.array([[24.0, 24, 24], [23, 40, 52.5]]),
}
PICKING = PAPER.recovery.picking
CHANGES = {"diameter_angstrom": 120.0, "symmetry": "C1", "rounds": 1, "masks": "network"}
AVERAGING = PAPER.recovery.averaging.model_copy(update=CHANGES)
FILES = {"average.mrc", "half1.mrc", "half2.mrc", "fsc.csv", "particles.star", "particles.csv"}


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    """Pick and segment two tomograms; the voxel size of one stands in the sheet, not its header."""
    folder = tmp_path_factory.mktemp("recovered")
    weights = {}
    for target in ("all", "centred"):
        weights[target] = write_dark_weights(folder / f"{target}.pt", target=target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "Dark", Architecture(lambda _: Dark(), 1))
        return folder, [recover(folder, name, weights) for name in CENTRES]


def recover(folder, name, weights):
    sign, size, given = (1, 10.0, None) if name == "dark" else (-1, 1.0, 10.0)
    volume = sign * dark_spheres(SHAPE, CENTRES[name], RADIUS, noise=0.05)
    file = write_tomogram(folder / f"{name}_raw.mrc", volume, size)
    sample, start = Sample(name, str(file), given, (-60.0, 60.0)), f"{folder / name}_"
    tomogram, whole = open_sample(sample), load_model(str(weights["all"]), "all")
    segment_whole(tomogram, whole, folder, device="cpu")
    pick_sample(sample, PICKING, f"{start}picks.star", f"{start}probability.mrc")
    centres, targets = centres_of(f"{start}picks.star", name), load_model(str(weights["centred"]))
    segment_picks(tomogram, centres, targets, folder, device="cpu", threshold=0.5)
    return Source(sample, f"{start}picks.star", f"{start}instances.mrc", None)


def centres_of(path, tomogram):
    frame = TomogramFrame.of_volume(SHAPE, 10.0)
    table = read_particle_table(path, frame)
    return table.particles.centres[table.tomograms == tomogram]


def nearest(found, true):
    return np.linalg.norm(found[:, None] - true, axis=2).min(axis=1)


def test_picks_and_instances(recovered):
    for source in recovered[1]:
        name, true = source.sample.name, CENTRES[source.sample.name]
        found = centres_of(source.picks, name)
        assert len(found) == len(true)
        assert nearest(found, true).max() < 1
        with mrcfile.open(source.instances) as mrc:
            assert mrc.voxel_size.x == 10
            numbers = mrc.data[tuple(np.rint(found).astype(int).T)]
        assert numbers.tolist() == list(range(1, len(true) + 1))


def test_no_picks(recovered, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="ssn3d")
    folder, (source, _) = recovered
    picking = PICKING.model_copy(update={"threshold": 1.5})
    pick_sample(source.sample, picking, tmp_path / "p.star", folder / "dark_probability.mrc")
    assert "try a lower --threshold" in caplog.text
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "Dark", Architecture(lambda _: Dark(), 1))
        centres, model = centres_of(tmp_path / "p.star", "dark"), load_model(f"{folder}/centred.pt")
        tomogram = open_sample(source.sample)
        segment_picks(tomogram, centres, model, tmp_path, device="cpu", threshold=0.5)
    assert not read_mrc(tmp_path / "dark_instances.mrc")[0].any()
    nothing = Source(source.sample, tmp_path / "p.star", tmp_path / "dark_instances.mrc", None)
    with pytest.raises(DataError, match="0 of 0 particles can be averaged; give at least 4"):
        average_picks([nothing], AVERAGING, tmp_path, seed=1, threads=1)


@pytest.fixture(scope="module")
def averaged(recovered, tmp_path_factory):
    """Average the picks of both tomograms."""
    folder = tmp_path_factory.mktemp("averaged")
    average_picks(recovered[1], AVERAGING, folder, seed=1, threads=1)
    return folder


def test_average(recovered, averaged):
    assert {path.name for path in averaged.iterdir()} == FILES
    volume, size = read_mrc(averaged / "average.mrc", (18, 18, 18))
    assert size == 10
    assert volume[9, 9, 9] < volume[0].min()
    table = pd.read_csv(averaged / "particles.csv")
    assert table["tomogram"].tolist() == ["dark"] * 3 + ["bright"] * 2
    assert table["row"].tolist() == [1, 2, 3, 1, 2]
    aligned = starfile.read(averaged / "particles.star")
    assert aligned["rlnTomoName"].tolist() == table["tomogram"].tolist()
    for source in recovered[1]:
        name = source.sample.name
        found, picked = (centres_of(p, name) for p in (averaged / "particles.star", source.picks))
        moved = 10 * np.linalg.norm(found - picked, axis=1)
        shifts = table["shift_angstrom"][table["tomogram"] == name]
        np.testing.assert_allclose(moved, shifts, atol=1e-3)


@pytest.mark.parametrize("given", [None, 1.0])
def test_picks_between_voxels(tmp_path, given):
    """Voxels of 1 A are accepted if the table has this size."""
    size = given or 10.0
    volume = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    file = write_tomogram(tmp_path / "noise.mrc", volume, size)
    write_mrc(tmp_path / "reference.mrc", volume[:18, :18, :18], size)
    centres = [[20, 20, 20], [22, 30, 40], [21, 40, 30], [23, 33, 50], [24, 28, 28], [25, 41, 21]]
    picks = ParticleTable.of_picks("noise", np.array(centres) + 0.5, np.full(6, np.nan))
    frame = TomogramFrame.of_volume(SHAPE, size)
    write_particle_table(tmp_path / "picks.star", picks, frame, tomogram="noise")
    changes = {"masks": "none", "rounds": 0, "reference": str(tmp_path / "reference.mrc")}
    changes |= {"diameter_angstrom": 12 * size, "first_resolution_angstrom": 6 * size}
    settings = AVERAGING.model_copy(update=changes | {"max_shift_angstrom": size})
    sample = Sample("noise", str(file), given, (-60.0, 60.0), protein="dark")
    source = Source(sample, tmp_path / "picks.star", None, None)
    average_picks([source], settings, tmp_path / "new", seed=1, threads=1)
    assert pd.read_csv(tmp_path / "new" / "particles.csv")["row"].tolist() == [1, 2, 3, 4, 5, 6]


def test_unequal_tomograms_are_refused(recovered, tmp_path):
    one, other = recovered[1]
    for change, message in (
        ({"tilt_range_deg": (60.0, 80.0)}, "no tilts in common: one tomogram begins at 60 degrees"),
        ({"voxel_size_angstrom": 8.0}, "bright: voxels of 8 A, but dark has 10 A"),
    ):
        changed = replace(other, sample=other.sample._replace(**change))
        with pytest.raises(DataError, match=message):
            average_picks([one, changed], AVERAGING, tmp_path, seed=1, threads=1)
