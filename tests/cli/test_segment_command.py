"""`ssn3d segment` from files to files."""

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile

from commands import error_of
from own_tomograms import (
    Dark,
    FiveClasses,
    dark_spheres,
    spheres,
    write_dark_weights,
    write_tomogram,
)
from ssn3d.cli.main import main
from ssn3d.core.classes import CLASSES
from ssn3d.segmentation.networks.registry import NETWORKS, Architecture

SHAPE = (48, 64, 72)
CENTRES = np.array([[20, 20, 20], [24, 44, 40], [24, 20, 56]])


@pytest.fixture(name="files")
def give_files(tmp_path, monkeypatch):
    """Give the arguments of every test: a tomogram, an output folder and a network."""
    monkeypatch.setitem(NETWORKS, "Dark", Architecture(lambda _: Dark(), 1))
    tomogram = write_tomogram(tmp_path / "t.mrc", dark_spheres(SHAPE, CENTRES, 6, noise=0.05))
    weights = write_dark_weights(tmp_path / "weights.pt")
    output = str(tmp_path / "out")
    return ["segment", str(tomogram), "--output", output, "--model", str(weights)]


def write_picks(path, names):
    columns = {f"rlnCoordinate{axis}": CENTRES[:, 2 - i] for i, axis in enumerate("XYZ")}
    table = {"rlnMicrographName": names, **columns}
    starfile.write({"particles": pd.DataFrame(table)}, path)
    return str(path)


def test_whole_tomogram(files, tmp_path, capsys):
    main(files)
    labels = mrcfile.read(tmp_path / "out" / "t_labels.mrc")
    assert labels[tuple(CENTRES.T)].all()
    assert f"{100 * labels.mean():.2f}% of the voxels" in capsys.readouterr().err


def test_five_classes(files, tmp_path, capsys, monkeypatch):
    """Labels of all classes are picked and scored by their macromolecules."""
    monkeypatch.setitem(NETWORKS, "Five", Architecture(lambda _: FiveClasses(), 1))
    volume = dark_spheres(SHAPE, CENTRES, 6, noise=0.12)
    volume[:, 57:61] -= 0.25
    write_tomogram(tmp_path / "t.mrc", volume)
    form = {"network": "Five", "classes": list(CLASSES), "standardised": "tomogram"}
    write_dark_weights(tmp_path / "weights.pt", **form)
    main([*files, "--all-probabilities"])
    folder, told = tmp_path / "out", capsys.readouterr().err
    labels = mrcfile.read(folder / "t_labels.mrc")
    assert labels[tuple(CENTRES.T)].tolist() == [1, 1, 1]
    assert (labels[:, 57:61] == 2).mean() > (labels[:, :57] == 2).mean()
    for number, name in enumerate(CLASSES[2:], 2):
        assert f"{100 * (labels == number).mean():.2f}% {name}" in told
    names = [f"{name}_probability" for name in CLASSES[2:]]
    assert {path.name for path in folder.iterdir()} == {
        f"t_{name}.mrc" for name in ("labels", "probability", *names)
    }
    expected = 10.0 * CENTRES[:, ::-1]
    sized, large = ["--diameter", "120", "--threshold", "0.5"], ["--smallest", "80"]
    for source, options in (("labels", large), ("probability", large), ("labels", sized)):
        picks = tmp_path / "picks.csv"
        main(["pick", f"{folder}/t_{source}.mrc", "--output", str(picks),
              "--method", "segmentation", *options])  # fmt: skip
        table = pd.read_csv(picks)
        assert set(table["tomogram"]) == {"t"}
        found = table[["x_angstrom", "y_angstrom", "z_angstrom"]].to_numpy()
        assert np.linalg.norm(found[:, None] - expected, axis=2).min(axis=1).max() < 10
        assert len(found) == 3
        if options == large:
            assert table["diameter_angstrom"].between(110, 135).all()
            np.testing.assert_allclose(
                table["mass_kda"], np.pi / 6 * table["diameter_angstrom"] ** 3 / 1210, rtol=0.01
            )
    main(["pick", f"{folder}/t_membrane_probability.mrc", "--output", str(picks),
          "--method", "segmentation", "--smallest", "10"])  # fmt: skip
    assert set(pd.read_csv(picks)["tomogram"]) <= {"t"}
    true = spheres(SHAPE, CENTRES, 6)
    truth = write_tomogram(tmp_path / "truth.mrc", true.astype(np.int8))
    capsys.readouterr()
    main(["score", f"{folder}/t_labels.mrc", "--truth", str(truth)])
    iou = (true & (labels == 1)).sum() / (true | (labels == 1)).sum()
    assert f"IoU        {iou:.4f}" in capsys.readouterr().out
    main(["score", str(truth), "--truth", f"{folder}/t_labels.mrc"])
    assert f"IoU        {iou:.4f}" in capsys.readouterr().out


def test_picked_particles(files, tmp_path, capsys):
    picks = write_picks(tmp_path / "picks.star", ["t", "other", "t"])
    write_dark_weights(tmp_path / "weights.pt", target="centred")
    main([*files, "--particles", picks, "--masked"])
    instances = mrcfile.read(tmp_path / "out" / "t_instances.mrc")
    assert instances[tuple(CENTRES.T)].tolist() == [1, 0, 2]
    assert len(list((tmp_path / "out" / "t_masked").iterdir())) == 2
    assert "2 particles, 0 of them without a voxel" in capsys.readouterr().err


@pytest.mark.parametrize("picked", [False, True])
def test_empty_result_is_logged(files, tmp_path, capsys, picked):
    picks = ["--particles", write_picks(tmp_path / "picks.star", ["t"] * 3)] if picked else []
    target = "centred" if picked else "all"
    write_dark_weights(tmp_path / "weights.pt", scale=0.0, target=target)
    main([*files, "--threshold", "0.9", *picks])
    written = tmp_path / "out" / ("t_instances.mrc" if picked else "t_labels.mrc")
    assert not mrcfile.read(written).any()
    printed = capsys.readouterr().err
    assert "nothing found: no voxel" in printed
    assert "check that protein is dark (--protein) and voxels are 10 A wide" in printed


def test_errors_are_one_line(files, tmp_path, capsys):
    for option in (["--masked"], ["--pixel-size", "2"]):
        assert "give them with --particles" in error_of([*files, *option], capsys)
    picks = write_picks(tmp_path / "picks.star", ["u", "v", "v"])
    for option in ("--all-probabilities", "--keep-vacuum"):
        line = error_of([*files, "--particles", picks, option], capsys)
        assert "are for whole tomograms; omit them with --particles" in line
    needed = "--particles requires target 'centred'"
    assert needed in error_of([*files, "--particles", picks], capsys)
    write_dark_weights(tmp_path / "weights.pt", target="centred")
    assert "no particles of tomogram t" in error_of([*files, "--particles", picks], capsys)
    other = [*files, "--particles", picks, "--pixel-size", "40", "--name"]
    assert "picks.star: 1 of 1 particles are outside of" in error_of([*other, "u"], capsys)
