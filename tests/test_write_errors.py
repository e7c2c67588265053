"""Full disks and read-only folders: an error on one line, and no incomplete file."""

import logging
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from scipy.spatial.transform import Rotation

from ssn3d.csv_files import write_csv
from ssn3d.errors import WriteError
from ssn3d.files import atomic_path, write_json
from ssn3d.log import job, logger
from ssn3d.mrc import write_mrc
from ssn3d.particle_tables.files import write_particle_table
from ssn3d.particle_tables.frame import TomogramFrame
from ssn3d.particle_tables.table import ParticleTable
from ssn3d.particles import Particles
from ssn3d.report.style import save
from ssn3d.report.table_text import write_table
from ssn3d.report.tables import TABLE2_COLUMNS
from ssn3d.seeds import generator
from ssn3d.segmentation.checkpoint import write_tensors
from ssn3d.segmentation.run_files import write_predictions
from ssn3d.star import write_particles
from ssn3d.structures.structure import Structure, write_structure
from ssn3d.subtomograms.splits import write_split
from ssn3d.subtomograms.store import Subtomograms, write_subtomograms

ROOM_BYTES = 4096
RNG = generator(0, "write errors")
N, SIZE = 600, 8
CUBES = RNG.standard_normal((N, SIZE, SIZE, SIZE)).astype(np.float16)
MASKS = RNG.integers(0, 2, CUBES.shape, dtype=np.uint8)
IDS = np.full(N, "1KP8")
SCORES = pd.DataFrame({"subtomogram": np.arange(N), "pdb_id": IDS, "iou": RNG.random(N)})
PARTICLES = Particles(IDS, RNG.random((N, 3)), Rotation.random(N, rng=RNG).as_matrix())


def dataset(path):
    numbers = {"labels": np.arange(N, dtype=np.int32), "centres": np.zeros((N, 3))}
    turned = np.zeros((N, 3, 3))
    names = {"pdb_ids": IDS, "tomograms": IDS, "dataset": "A"}
    known = {"snr_asked": 0.5, "snr_measured": 0.5, "voxel_size_angstrom": 10.0}
    content = Subtomograms(images=CUBES, masks=MASKS, rotations=turned, **numbers, **names, **known)
    write_subtomograms(path, content, {})


def structure(path):
    points = RNG.normal(size=(2000, 3)).astype("f4")
    masses = np.ones(2000, "f4")
    write_structure(path, Structure("1ABC", points - points.mean(axis=0), masses, "deposited"))


def picture(path):
    figure = Figure()
    figure.subplots().imshow(RNG.random((200, 200)))
    save(figure, path)


def table(path):
    rows = pd.DataFrame(index=range(200), columns=TABLE2_COLUMNS, dtype=float)
    write_table(rows.assign(status="missing"), path, "Table 2", {})


def picks(path):
    table = ParticleTable.of_picks("t1", RNG.random((900, 3)), RNG.random(900))
    frame = TomogramFrame.of_volume((9, 9, 9), 10.0)
    write_particle_table(path, table, frame, tomogram="t1")


WRITERS = {
    "picks.star": picks,
    "picks.csv": picks,
    "ssn3d_1_ribosome.json": picks,
    "A.h5": dataset,
    "predictions.h5": lambda p: write_predictions(p.with_name("a.csv"), p, SCORES.head(2), MASKS),
    "per_subtomogram.csv": lambda p: write_predictions(p, p.with_suffix(".h5"), SCORES, MASKS),
    "density.mrc": lambda path: write_mrc(path, RNG.random((32, 32, 32), dtype=np.float32), 10.0),
    "1ABC.npz": structure,
    "weights.pt": lambda path: write_tensors(path, {"weights": torch.zeros(9000)}),
    "particles.star": lambda path: write_particles(path, PARTICLES, "t1", 10.0),
    "random.csv": lambda path: write_split(path, IDS, IDS, "digest"),
    "history.csv": lambda path: write_csv(path, SCORES),
    "A.json": lambda path: write_json(path, {"curve": RNG.random(900).tolist()}),
    "figure.png": picture,
    "table2.csv": table,
}


@contextmanager
def little_room():
    """Let no file grow beyond a few kB: writing fails as on a full disk, also for root."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def read_only(folder):
    """Make a folder read-only, and become another user if this is root."""
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.mark.parametrize("name", WRITERS)
def test_a_failed_write_is_one_line_and_leaves_no_file(name, tmp_path):
    with little_room(), pytest.raises(WriteError) as caught:
        WRITERS[name](tmp_path / name)
    assert f"{name}: cannot be written (File too large)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [p for p in tmp_path.iterdir() if p.name == name or "partial" in p.name] == []
    WRITERS[name](tmp_path / name)
    assert (tmp_path / name).stat().st_size > ROOM_BYTES


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_line(name, tmp_path):
    """A real full disk: one in memory, which root can mount on Linux."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root on Linux can mount a disk in memory")
    try:
        with pytest.raises(WriteError, match=r"No space left on device\); free some space"):
            WRITERS[name](disk / name)
        assert not (disk / name).exists()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_read_only_is_one_line(tmp_path):
    with (
        read_only(tmp_path),
        pytest.raises(WriteError, match=r"a\.json: cannot be written \(Permission denied\); make"),
    ):
        write_json(tmp_path / "sub" / "a.json", {})


def test_only_files_of_killed_processes_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = os.uname().nodename
    left = tmp_path / f".A.partial-{host}-{ended.pid}.json"
    kept = [
        tmp_path / f".A.partial-{host}-{os.getppid()}.json",  # being written
        tmp_path / f".A.partial-elsewhere-{ended.pid}.json",  # perhaps, on another machine
        tmp_path / f".B.partial-{host}-{ended.pid}.json",  # another's
    ]
    for path in [left, *kept]:
        path.write_text("{")
    with atomic_path(tmp_path / "A.json") as partial:
        partial.write_text("{}")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "A.json", *kept])


def test_a_log_that_cannot_be_opened_is_one_line(tmp_path):
    with read_only(tmp_path), pytest.raises(SystemExit) as ended, job(tmp_path / "logs" / "a.log"):
        pass
    assert "a.log: cannot be written (Permission denied); make the folder" in str(ended.value)
    assert logger.handlers == []


def test_a_log_that_fills_the_disk_does_not_end_the_job(tmp_path, capsys):
    with little_room(), job(tmp_path / "a.log"):
        for _ in range(200):
            logger.info(50 * "-")
        logger.info("the last")
    printed = capsys.readouterr().err
    assert printed.count("the log ends here") == 1
    assert "Traceback" not in printed
    assert printed.rstrip().endswith("the last")
    assert logger.handlers == []
    logging.captureWarnings(capture=False)


def test_a_failed_write_ends_the_job_with_its_line(tmp_path, capsys):
    with little_room(), pytest.raises(SystemExit) as ended, job(tmp_path / "a.log"):
        WRITERS["A.json"](tmp_path / "A.json")
    assert ended.value.code == 1
    assert "error: " in (tmp_path / "a.log").read_text()
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "A.json").exists()
