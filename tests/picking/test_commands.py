"""`ssn3d pick` and `ssn3d score`: files in, files out, and one line for what is wrong."""

import numpy as np
import pandas as pd
import pytest
import starfile
from balls import scattered, volume_of_balls

from commands import error_of
from datasets import particles_of
from own_tomograms import write_tomogram
from ssn3d.cli.main import main
from ssn3d.core.background import Background
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.simulated import write_background, write_particles
from ssn3d.picking.score_files import INSTANCES_TITLE

SHAPE, COUNT = (50, 60, 70), 20
SEGMENTED = ["pick", "t.mrc", "--output", "p.star", "--method", "segmentation"]
SCORED = ["score", "truth.star", "--truth", "truth.star", "--distance", "9"]
PLACES = scattered(SHAPE, COUNT, 15, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with a tomogram, its truth, and its segmentation."""
    folder = tmp_path_factory.mktemp("picking")
    volume = volume_of_balls(SHAPE, PLACES, 6.0, noise=0.5)
    write_mrc(folder / "TS_01.mrc", volume, 10.0)
    write_mrc(folder / "bright.mrc", -volume, 10.0)
    segmented = -volume_of_balls(SHAPE, PLACES, 6.0)
    write_mrc(folder / "TS_01_probability.mrc", segmented, 10.0)
    write_mrc(folder / "truth.mrc", (segmented >= 0.5).astype(np.uint16), 10.0)
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:25] = 1
    write_mrc(folder / "mask.mrc", mask, 10.0)
    centres = np.vstack([PLACES, [[-10.0, 3, 3]]])  # the last is outside
    truth = particles_of(centres, ["1KP8", "2GLS"] * 10 + ["2GLS"])
    write_particles(folder / "truth.star", truth, "t1", 10.0)
    return folder


def write_tomograms(folder, *size):
    """Write a tomograms.star of one tomogram of (x, y, z) unbinned pixels of 2.5 A, binned by 4."""
    columns = ["Name", "TiltSeriesPixelSize", "TomogramBinning", "SizeX", "SizeY", "SizeZ"]
    table = pd.DataFrame([["TS_01", 2.5, 4, *size]], columns=[f"rlnTomo{c}" for c in columns])
    starfile.write({"global": table}, folder / "tomograms.star")
    return folder / "tomograms.star"


def printed(capsys, *arguments):
    main([str(argument) for argument in arguments])
    return capsys.readouterr()


def test_nothing_to_pick_in_a_segmentation(tmp_path, capsys):
    write_mrc(tmp_path / "t_probability.mrc", np.zeros(SHAPE, np.float32), 10.0)
    source, output = tmp_path / "t_probability.mrc", tmp_path / "picks.star"
    (tmp_path / "picks_import.star").touch()  # of earlier picks
    told = printed(
        capsys, "pick", source, "--output", output, "--method", "segmentation", "--diameter", 120
    )
    assert f"{output}: 0 particles" in told.out
    assert not (tmp_path / "picks_import.star").exists()


@pytest.mark.parametrize("name", ["picks.star", "picks.csv", "ssn3d_1_ball.json"])
@pytest.mark.parametrize("method", ["dog", "segmentation"])
def test_picks_round_trip(name, method, folder, tmp_path, capsys):
    source = folder / ("TS_01.mrc" if method == "dog" else "TS_01_probability.mrc")
    output = tmp_path / name
    size = ["--diameter", 120] if method == "dog" else []
    told = printed(capsys, "pick", source, "--output", output, "--method", method, *size)
    assert f"{output}: {COUNT} particles" in told.out
    assert "threshold" in told.err or "probability 0.5" in told.err
    score = printed(
        capsys, "score", output, "--truth", folder / "truth.star", "--tomogram", source,
        "--distance", 30,
    ).out  # fmt: skip
    for line in ("particles  20", "precision  1.0000", "recall     1.0000", "F4         1.0000"):
        assert line in score
    assert "1KP8     recall 1.0000 of 10" in score
    assert "_probability" not in output.read_text()  # it is the tomogram that has the particles


def test_probabilities_rank_blobs(folder, tmp_path, capsys):
    """A network sees half of the balls, and is half as sure of five of these."""
    seen = -volume_of_balls(SHAPE, PLACES[:5], 6.0) - volume_of_balls(SHAPE, PLACES[5:10], 6.0) / 2
    write_mrc(tmp_path / "p.mrc", seen, 10.0)
    output = tmp_path / "picks.csv"
    told = printed(
        capsys, "pick", folder / "TS_01.mrc", "--output", output, "--diameter", 120,
        "--probability", tmp_path / "p.mrc",
    )  # fmt: skip
    assert "around 10 the mean probability is 0.1 or more" in told.err
    table = pd.read_csv(output)
    centres = table[["z_angstrom", "y_angstrom", "x_angstrom"]].to_numpy() / 10
    distances = np.linalg.norm(PLACES[:, None] - centres, axis=2)
    assert distances.min(axis=0).max() < 1
    nearest = distances.argmin(axis=0)
    assert set(nearest[:5]) == set(range(5))
    assert set(nearest[5:]) == set(range(5, 10))


def test_probabilities_of_another_volume_are_refused(folder, tmp_path, capsys):
    start = ["pick", folder / "TS_01.mrc", "--output", tmp_path / "p.csv", "--diameter", 120]
    write_mrc(tmp_path / "small.mrc", np.ones((9, 9, 9), np.float32), 10.0)
    write_mrc(tmp_path / "bytes.mrc", np.full(SHAPE, 100, np.int8), 10.0)
    for name, message in (("small", "voxels (z, y, x), the tomogram has"), ("bytes", "no probab")):
        line = error_of([*map(str, start), "--probability", str(tmp_path / f"{name}.mrc")], capsys)
        assert message in line


def test_contrast_does_not_matter(folder, tmp_path, capsys):
    for name, protein in (("TS_01", "dark"), ("bright", "bright")):
        printed(
            capsys, "pick", folder / f"{name}.mrc", "--output", tmp_path / f"{name}.csv",
            "--diameter", 120, "--protein", protein, "--name", "t",
        )  # fmt: skip
    assert (tmp_path / "TS_01.csv").read_text() == (tmp_path / "bright.csv").read_text()


def test_mask_names_and_relion_sizes(folder, tmp_path, capsys):
    tomograms = write_tomograms(tmp_path, 281, 240, 200)
    output = tmp_path / "picks.star"
    told = printed(
        capsys, "pick", folder / "TS_01.mrc", "--output", output, "--diameter", 120,
        "--mask", folder / "mask.mrc", "--tomograms", tomograms, "--max", 5,
    ).out  # fmt: skip
    table = starfile.read(output)
    assert set(table["rlnTomoName"]) == {"TS_01"}
    frame = TomogramFrame((500.0, 600.0, 702.5), 10.0, 2.5)
    centres = read_particle_table(output, frame).particles.centres
    assert len(centres) == 5
    assert (centres[:, 0] < 25).all()
    distances = np.linalg.norm(PLACES[:, None] - centres, axis=2).min(axis=0)
    assert distances.max() < 1
    listed = starfile.read(tmp_path / "picks_import.star")
    assert "picks_import.star: for RELION 5" in told
    assert listed["rlnTomoImportParticleFile"].tolist() == [str(output)]
    printed(
        capsys, "pick", folder / "TS_01.mrc", "--output", output, "--diameter", 120,
        "--relion", 4, "--pixel-size", 2.5,
    )  # fmt: skip
    assert len(read_particle_table(output, frame)) == COUNT


def test_empty_picks_are_written(folder, tmp_path, capsys):
    output = tmp_path / "none.star"
    told = printed(
        capsys, "pick", folder / "TS_01.mrc", "--output", output, "--diameter", 120,
        "--threshold", 1e6,
    )  # fmt: skip
    assert "0 particles" in told.out
    assert "is protein bright?" in told.err
    score = printed(capsys, "score", output, "--truth", folder / "truth.star", "--tomogram",
                    folder / "TS_01.mrc", "--diameter", 120).out  # fmt: skip
    assert "F1         0.0000" in score


def test_score_of_volumes(folder, capsys):
    told = printed(
        capsys, "score", folder / "TS_01_probability.mrc", "--truth", folder / "truth.mrc"
    ).out
    assert told.splitlines()[0] == "IoU        1.0000"
    other = folder / "segmentation.ccp4"
    other.write_bytes((folder / "TS_01_probability.mrc").read_bytes())
    assert printed(capsys, "score", other, "--truth", folder / "truth.mrc").out == told
    write_mrc(folder / "empty.mrc", np.zeros(SHAPE, dtype=np.float32), 10.0)
    line = error_of(["score", other, "--truth", folder / "empty.mrc"], capsys)
    assert "no voxel is above 0; give the true segmentation" in line


def test_score_against_simulated_labels(tmp_path, capsys):
    """Of particle, gold bead and membrane protein the bead is background, if its table is there."""
    labels = np.zeros((8, 8, 8), dtype=np.uint16)
    labels[1, 1, 1:4] = 1, 2, 3
    write_mrc(tmp_path / "labels.mrc", labels, 10.0, label=INSTANCES_TITLE)
    write_mrc(tmp_path / "map.mrc", np.isin(labels, [1, 3]).astype(np.float32), 10.0)
    write_particles(tmp_path / "particles.star", particles_of([[1.0, 1, 1]], ["1KP8"]), "t", 10.0)
    command = ["score", tmp_path / "map.mrc", "--truth", tmp_path / "labels.mrc"]
    told = printed(capsys, *command)
    assert "IoU        0.6667" in told.out
    assert "put its particles.star and ground.star beside it" in told.err
    kinds = np.array(["fiducial", "membrane protein"])
    background = Background(kinds, np.full((2, 3), 1.0), np.full(2, 10.0))
    write_background(tmp_path / "ground.star", background, 2, "t")
    told = printed(capsys, *command)
    assert "IoU        1.0000" in told.out
    assert "count as macromolecules" not in told.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.mrc"], "no such file"),
        (["TS_01.mrc", "--voxel-size", "0.6"], "a diameter of 200 voxels is not between"),
        (["TS_01.mrc", "--mask", "other_shape.mrc"], "give a mask of the tomogram's shape"),
        (["TS_01.mrc", "--mask", "zero.mrc"], "the mask is 0 everywhere"),
        (["TS_01.mrc", "--output", "picks.txt"], "name it .star, .json or .csv"),
        (["TS_01.mrc", "--method", "segmentation"], "neither probabilities (0 to 1) nor labels"),
        (["TS_01.mrc", "--tomograms", "truth.star"], "give RELION's tomograms.star"),
        (["TS_01.mrc", "--name", "a\tb"], "cannot name a tomogram in a table; give another"),
        (["TS_01.mrc", "--offset", "1", "2", "3"], "--offset: give --tomograms, too"),
    ],
)
def test_faulty_input_is_named(arguments, message, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    write_mrc(folder / "other_shape.mrc", np.ones((5, 5, 5), dtype=np.float32), 10.0)
    write_mrc(folder / "zero.mrc", np.zeros(SHAPE, dtype=np.float32), 10.0)
    extra = [] if "--output" in arguments else ["--output", "out.star"]
    diameter = [] if "segmentation" in arguments else ["--diameter", "120"]
    assert message in error_of(["pick", *arguments, *extra, *diameter], capsys)
    assert not (folder / "out.star").exists()


def test_tomograms_are_matched_by_name(tmp_path, capsys):
    def score(picks, *options):
        (tmp_path / "picks.csv").write_text(head + picks)
        return printed(capsys, *command, *options)

    head = "tomogram,x_angstrom,y_angstrom,z_angstrom\n"
    files = ["score", tmp_path / "picks.csv", "--truth", tmp_path / "truth.csv"]
    command = [*files, "--distance", 10]
    (tmp_path / "truth.csv").write_text(head + "a,1,1,1\nb,500,1,1\n")
    assert "found      1" in score("b,1,1,1\nb,500,1,2\n").out
    told = score("rec_a,1,1,1\nc,500,1,2\n")
    assert "found      1" in told.out
    assert "no particles in the truth of tomogram c" in told.err
    told = score("rec_a,1,1,1\nc,500,1,2\n", "--name", "a").out
    assert told.splitlines()[:3] == ["picks      1", "particles  1", "found      1"]
    files[1].write_text(head + "c,1,1,1\nd,500,1,2\n")
    line = error_of(command, capsys)
    assert "no tomogram in common: picks in c, d, truth in a, b" in line


def test_score_of_cropped_tomogram(folder, tmp_path, capsys):
    """Picks in unbinned pixels of the whole, truth in voxels of the volume cut out of it."""
    places = [*PLACES, (5, 5, -9)]  # the last in what was cut off
    table = pd.DataFrame(4 * np.add(places, (0, 0, 12))[:, ::-1])
    table.columns = [f"rlnCoordinate{axis}" for axis in "XYZ"]
    starfile.write(table.assign(rlnTomoName="TS_01"), tmp_path / "picks.star")
    tomograms = write_tomograms(tmp_path, 4 * 82, 4 * 60, 4 * 50)
    command = ["score", tmp_path / "picks.star", "--truth", folder / "truth.star", "--tomogram",
               folder / "TS_01.mrc", "--distance", 10]  # fmt: skip
    more = ["--tomograms", tomograms, "--offset", 12, 0, 0]
    told = printed(capsys, *command, *more)
    assert told.out.splitlines()[:3] == ["picks      20", "particles  20", "found      20"]
    assert "1 of 21 particles are outside of" in told.err
    told = printed(capsys, *command, "--tomograms", tomograms)
    assert "if it was cropped, give --offset" in told.err
    for options, message in (
        ([], "of 21 particles are outside of"),
        (["--offset", "1", "0", "0"], "--offset: give --tomograms, too"),
        ([*more[:2], "--name", "TS_07"], "no tomogram TS_07; give --name, of TS_01"),
    ):
        assert message in error_of([*command, *options], capsys)


def test_pixel_size_is_that_of_the_picks_alone(folder, tmp_path, capsys):
    for name, unit in (("picks", 4), ("truth", 1)):
        columns = {f"rlnCoordinate{axis}": unit * PLACES[:, 2 - i] for i, axis in enumerate("XYZ")}
        starfile.write(pd.DataFrame(columns), tmp_path / f"{name}.star")
    told = printed(
        capsys, "score", tmp_path / "picks.star", "--truth", tmp_path / "truth.star", "--tomogram",
        folder / "TS_01.mrc", "--distance", 10, "--pixel-size", 2.5,
    )  # fmt: skip
    assert "recall     1.0000" in told.out


@pytest.mark.parametrize("voxel_size", [1.0, (10.0, 10.0, 30.0)])
def test_doubtful_voxel_sizes_are_refused(voxel_size, folder, tmp_path, capsys):
    volume = write_tomogram(tmp_path / "t.mrc", np.ones((9, 9, 9), np.int8), voxel_size)
    output = tmp_path / "p.star"
    commands = (
        ["pick", volume, "--output", output, "--method", "segmentation"],
        ["score", folder / "truth.star", "--truth", folder / "truth.star", "--distance", 9,
         "--tomogram", volume],
    )  # fmt: skip
    for command in commands:
        assert "--voxel-size" in error_of(command, capsys)
        line = error_of([*command, "--voxel-size", "5000"], capsys)
        assert "a voxel size of 5000 A" in line


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["pick", "TS_01.mrc", "--output", "p.star"], "no --diameter"),
        (["pick", "TS_01.mrc", "--output", "p.star", "--diameter", "9", "--largest", "9"], "omit"),
        ([*SEGMENTED, "--largest", "40"], "--largest, 40 A, is not above --smallest, 40 A"),
        (["score", "truth.star", "--truth", "truth.star"], "no --distance nor --diameter"),
        ([*SCORED, "--voxel-size", "10"], "--voxel-size: give the volume with --tomogram, too"),
        ([*SCORED, "--tomogram", "a.star", "--tomograms", "b.star"], "two lists of tomograms"),
        ([*SEGMENTED, "--protein", "dark"], "are for --method dog; omit them"),
        ([*SEGMENTED, "--probability", "p.mrc"], "are for --method dog; omit them"),
        ([*SEGMENTED, "--keep-vacuum"], "are for --method dog; omit them"),
        ([*SEGMENTED, "--threshold", "60"], "--threshold 60: without --diameter it is a voxel's"),
    ],
)
def test_wrong_options_are_named(command, message, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert message in error_of(command, capsys)
