"""`ssn3d measure` from file to files, and gold beads."""

import json

import numpy as np
import pytest

from commands import error_of
from own_tomograms import write_tomogram
from small_workflow import REPOSITORY
from ssn3d.cli.main import main
from ssn3d.config.experiment import load_config
from ssn3d.core.seeds import generator
from ssn3d.measure.beads import find_beads


def run(volume, folder, *options, voxel_size=10.0):
    path = write_tomogram(folder / "t.mrc", volume, voxel_size)
    main(["measure", str(path), "--output", str(folder / "out"), *map(str, options)])
    found = json.loads((folder / "out" / "measurements.json").read_text())
    config = load_config(REPOSITORY / "config.yaml", folder / "out" / "like_it.yaml")
    assert (folder / "out" / "picture.png").stat().st_size > 10_000
    return found, config


def test_beads(simulated, opened):
    found = find_beads(opened(simulated.at(0.06)))
    assert len(found) == len(simulated.beads) == 3
    for bead in found:
        assert np.linalg.norm(simulated.beads - bead.centre, axis=1).min() < 3
        assert bead.diameter_angstrom == pytest.approx(100, rel=0.15)


def test_each_bead_is_measured(opened):
    """In 8 bits, beads of different widths have exactly the same highest value."""
    rng = generator(1, "beads")
    volume = rng.normal(scale=4, size=(40, 120, 120))
    spots = {tuple(rng.uniform((6, 6, 6), (34, 114, 114))): (3.0, -30) for _ in range(40)}
    radii = {(20.0, 30.0, 30.0): 4.0, (20.0, 62.0, 48.0): 7.0}
    for centre, (radius, value) in (spots | {c: (r, -900) for c, r in radii.items()}).items():
        z, y, x = np.ogrid[:40, :120, :120]
        distance = np.sqrt(sum((a - c) ** 2 for a, c in zip((z, y, x), centre, strict=True)))
        volume[distance <= radius] = value
    tomogram = opened(np.clip(np.rint(volume), -127, 127).astype(np.int8), "beads")
    found = {bead.centre: bead.diameter_angstrom for bead in find_beads(tomogram)}
    assert len(found) == 2
    for centre, radius in radii.items():
        nearest = min(found, key=lambda other: np.linalg.norm(np.subtract(other, centre)))
        assert np.linalg.norm(np.subtract(nearest, centre)) < 2
        assert found[nearest] == pytest.approx(20 * radius, rel=0.25)


def test_simulated_tomogram(simulated, tmp_path, capsys):
    found, config = run(simulated.at(0.06), tmp_path, "--tilts", -42, 63, "--cs", 2.0)
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out" / "report.md").read_text()
    assert "-42 to 63, which agrees" in printed
    assert found["gold"]["count"] == config.specimen.fiducials.count == 3
    assert found["protein_is_dark"]
    low, high = config.microscope.optics.defocus_um
    assert low < 5 < high
    tilt = config.microscope.tilt
    assert tilt.min_deg[0] <= -42 <= tilt.min_deg[1] < tilt.max_deg[0] <= 63 <= tilt.max_deg[1]
    thickness = config.specimen.ice.thickness_angstrom
    assert thickness[0] < 600 < thickness[1]
    snrs = [dataset.snr for dataset in config.snr.datasets]
    assert min(snrs) < 0.06 < max(snrs)


def test_opposite_tilts_and_inverted_contrast(simulated, tmp_path, capsys):
    found, _ = run(-simulated.at(0.06), tmp_path, "--tilts", -63, 42)
    assert "the opposite sign" in capsys.readouterr().out
    assert not found["protein_is_dark"]
    assert found["gold"]["count"] == 3


def test_noise_alone(tmp_path, capsys):
    """Nothing is invented where there is nothing."""
    noise = generator(0, "noise alone").standard_normal((40, 64, 64)).astype(np.float32)
    found, _ = run(noise, tmp_path, voxel_size=20.0)
    printed = capsys.readouterr().out
    for key in ("slab", "vacuum_fraction", "tilts_seen_deg", "thon_rings", "low_pass_angstrom"):
        assert found[key] is None
    assert found["gold"]["count"] == 0
    assert found["snr"] is None
    assert "no missing wedge seen" in printed


def test_errors(tmp_path, capsys):
    noise = generator(0, "errors").standard_normal((9, 32, 32)).astype(np.float32)
    path = write_tomogram(tmp_path / "t.mrc", noise)
    start = ["measure", path, "--output", tmp_path / "out"]
    assert "too few to measure" in error_of(start, capsys)
    assert "give the lowest tilt first" in error_of([*start, "--tilts", "60", "-60"], capsys)
    assert "no such file" in error_of(["measure", tmp_path / "no.mrc", *start[2:]], capsys)
