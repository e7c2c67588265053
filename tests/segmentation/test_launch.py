"""A training in two processes, also after a kill: the same result as in one."""

import re
import signal
from signal import SIGHUP, SIGINT, SIGQUIT, SIGTERM

import numpy as np
import pandas as pd
import pytest
import torch
from spheres import make_spheres

from datasets import write_shard_of, write_split_of
from sections import section
from ssn3d.core.log import job
from ssn3d.segmentation.training import launch
from ssn3d.segmentation.training.checkpoint import read_tensors
from ssn3d.segmentation.training.launch import launch_training

# Batches of 3, 3 and 1, of which the second process has 1, 1 and 0. Without dropout, whose masks
# each process draws for itself; and with steps that rounding does not turn around.
SETTINGS = section(
    "training",
    device="cpu",
    precision="float32",
    batch_size=3,
    micro_batch_size=2,
    epochs=1,
    dropout=0.0,
    adam_epsilon=1e-3,
).model_dump()
# What torchrun starts: a process that is killed in its second step if it is the second one.
KILLED = """
import os, signal
import torch
from ssn3d.segmentation.training import train
from ssn3d.segmentation.training import train_process

train.CHECKPOINT_SECONDS = 0
step, steps = torch.optim.Adam.step, []

def killing_step(self, *args):
    steps.append(1)
    if os.environ["RANK"] == "1" and len(steps) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *args)

torch.optim.Adam.step = killing_step
train_process.main()
"""
SRUN = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do shift; done  # its own options
"$@" & first=$!
"$@" || exit 1
wait $first
"""


@pytest.fixture
def arguments(tmp_path):
    """What all trainings share: two shards, a split, a network, settings and a seed."""
    folder = tmp_path / "inputs"
    images, masks = make_spheres(12, seed=3, size=8)
    shards = [
        write_shard_of(folder / "t1.h5", images[:5], masks[:5]),
        write_shard_of(folder / "t2.h5", images[5:], masks[5:]),
    ]
    parts = ["train"] * 7 + ["validation"] * 3 + ["test", "independent"]
    write_split_of(folder / "s.csv", shards, parts)
    files = {"shards": [str(path) for path in shards], "split": str(folder / "s.csv")}
    return files | {"network": "SSN3D-ED", "settings": SETTINGS, "seed": 1}


@pytest.fixture(autouse=True)
def _signals():
    """Torchrun handles signals for the rest of a process, whose only task it is elsewhere."""
    handled = {number: signal.getsignal(number) for number in (SIGTERM, SIGINT, SIGHUP, SIGQUIT)}
    yield
    for number, handler in handled.items():
        signal.signal(number, handler)


def trained(folder, arguments, **how):
    """Train as the workflow's script does; return the file of weights."""
    names = {"weights": "w.pt", "history": "h.csv", "record": "r.json", "checkpoint": "c/p.pt"}
    outputs = {key: str(folder / name) for key, name in names.items()}
    with job(folder / "log"):
        launch_training({**arguments, **outputs}, log=folder / "log", threads=1, **how)
    return folder / "w.pt"


def test_two_processes_train_as_one(arguments, tmp_path, monkeypatch, capfd):
    """One of two processes is killed; then two Slurm nodes, both this machine, resume."""
    alone, folder = trained(tmp_path / "alone", arguments), tmp_path / "two"
    (tmp_path / "killed.py").write_text(KILLED)
    with monkeypatch.context() as patched:
        patched.setattr(launch, "PROCESS", [str(tmp_path / "killed.py")])
        with pytest.raises(SystemExit) as ended:
            trained(folder, arguments, processes=2)
    assert ended.value.code == 1
    text = (folder / "log").read_text()
    errors = [line for line in text.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "process 1 of the training was killed (signal 9; out of memory?); the same" in errors[0]
    assert "Traceback" not in text + capfd.readouterr().err

    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    together = trained(folder, arguments, nodes=2)
    # the first may have made the second step before it was ended
    assert re.search("resumed after epoch 0 and [12] batches", (folder / "log").read_text())
    assert not list((folder / "c").iterdir())

    weights = [read_tensors(path)["weights"] for path in (alone, together)]
    torch.testing.assert_close(*weights, rtol=0, atol=1e-5)
    histories = [pd.read_csv(path.with_name("h.csv")) for path in (alone, together)]
    columns = histories[0].columns.drop("seconds")
    np.testing.assert_allclose(*(h[columns] for h in histories), rtol=0, atol=1e-5)
