"""Full disks and read-only folders: an error on one line, and no incomplete file."""

import logging
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.spatial.transform import Rotation

import sample_files
from datasets import particles_of
from disks import little_room, protected, small_disk
from sample_files import RNG
from ssn3d.core.errors import WriteError
from ssn3d.core.log import job, logger
from ssn3d.io.files import atomic_path, write_json
from ssn3d.io.mrc import Grid, new_sections
from ssn3d.io.particles.files import write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.simulated import write_particles
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import write_csv
from ssn3d.report.figures.style import save
from ssn3d.report.tables.tables import TABLE2_COLUMNS
from ssn3d.report.tables.text import write_table
from ssn3d.subtomograms.splits import write_split

ROOM_BYTES = 4096
SCORES = pd.DataFrame({"subtomogram": np.arange(600), "iou": RNG.random(600)})
PARTICLES = particles_of(RNG.random((600, 3)), rotations=Rotation.random(600, rng=RNG).as_matrix())


def picture(path):
    figure = Figure()
    figure.subplots().imshow(RNG.random((200, 200)))
    save(figure, path)


def sections(path):
    with new_sections(path, Grid((32, 32, 32), 10.0), np.float32, "") as file:
        file.write(RNG.random((32, 32, 32), dtype=np.float32))


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
    "A.h5": sample_files.shard,
    "predictions.h5": sample_files.predictions,
    "per_subtomogram.csv": lambda path: sample_files.scores(path, repeats=20),
    "density.mrc": sample_files.volume,
    "labels.mrc": sections,
    "1ABC.npz": sample_files.structure,
    "weights.pt": sample_files.checkpoint,
    "particles.star": lambda path: write_particles(path, PARTICLES, "t1", 10.0),
    "random.csv": lambda path: write_split(path, *[PARTICLES.pdb_ids] * 4),
    "history.csv": lambda path: write_csv(path, SCORES),
    "A.json": lambda path: write_json(path, {"curve": RNG.random(900).tolist()}),
    "figure.png": picture,
    "table2.csv": table,
}


FULL_DISKS = {
    r"File too large\); fix the cause": lambda _: little_room(ROOM_BYTES),
    r"No space left on device\); free some space": lambda folder: small_disk(folder, 4),
}


@pytest.mark.parametrize("fault", FULL_DISKS)
@pytest.mark.parametrize("name", WRITERS)
def test_failed_write_leaves_no_file(name, fault, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    with FULL_DISKS[fault](folder):
        with pytest.raises(WriteError, match=rf"{name}: cannot be written \({fault}"):
            WRITERS[name](folder / name)
        assert [p for p in folder.iterdir() if p.name == name or "partial" in p.name] == []
    WRITERS[name](folder / name)
    assert (folder / name).stat().st_size > ROOM_BYTES


def test_read_only_is_one_line(tmp_path):
    with (
        protected(tmp_path, 0o555),
        pytest.raises(WriteError, match=r"a\.json: cannot be written \(Permission denied\); make"),
    ):
        write_json(tmp_path / "sub" / "a.json", {})


def test_files_of_killed_processes_are_removed(tmp_path):
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


def test_log_that_cannot_be_opened(tmp_path):
    log = tmp_path / "logs" / "a.log"
    with protected(tmp_path, 0o555), pytest.raises(SystemExit) as ended, job(log):
        pass
    assert "a.log: cannot be written (Permission denied); make the folder" in str(ended.value)
    assert logger.handlers == []


def test_log_on_a_full_disk(tmp_path, capsys):
    with little_room(ROOM_BYTES), job(tmp_path / "a.log"):
        for _ in range(200):
            logger.info(50 * "-")
        logger.info("the last")
    printed = capsys.readouterr().err
    assert printed.count("the log ends here") == 1
    assert "Traceback" not in printed
    assert printed.rstrip().endswith("the last")
    assert logger.handlers == []
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "/a"), 1, "error: /a: no permission"),
        (MemoryError("Unable to allocate 9 GiB"), 1, "error: not enough memory (Unable to alloc"),
        (MemoryError(), 1, "error: not enough memory (none left); close other programs"),
    ],
)
def test_faults_of_the_machine_are_one_line(error, status, line, capsys):
    with pytest.raises(SystemExit) as ended, job():
        raise error
    assert ended.value.code == status
    (printed,) = capsys.readouterr().err.splitlines()
    assert line in printed


def test_failed_write_ends_the_job(tmp_path, capsys):
    with little_room(ROOM_BYTES), pytest.raises(SystemExit) as ended, job(tmp_path / "a.log"):
        WRITERS["A.json"](tmp_path / "A.json")
    assert ended.value.code == 1
    assert "error: " in (tmp_path / "a.log").read_text()
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "A.json").exists()
