"""Start of a training in this process, or in several of torchrun, also on several Slurm nodes."""

import logging
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGTERM
from typing import Any

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args, run

from ssn3d.core.device import own_gpu, own_gpus, use_threads
from ssn3d.core.errors import DeviceError
from ssn3d.core.log import job, logger
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training import train_process
from ssn3d.segmentation.training.steps import train_run

PROCESS = ["-m", train_process.__name__]
"""Arguments of Python for each process that torchrun starts."""


def launch_training(
    arguments: Mapping[str, Any],
    *,
    log: PathLike,
    threads: int,
    processes: int = 1,
    nodes: int = 1,
    trainings_per_gpu: int = 1,
) -> None:
    """Call `steps.train_run` in one or several processes, each with its own GPU if there are any.

    Its arguments are values for JSON, the settings a mapping. A node, of which srun starts more
    than one, has so many threads and processes; at most `trainings_per_gpu` of this user share a
    GPU of this machine. All processes log to one file.

    Raises:
        DeviceError: there are too few GPUs, or a process was killed.
        SystemExit: a process failed, and has logged why.
    """
    device = arguments["settings"]["device"]
    if processes * nodes == 1:
        use_threads(threads)
        settings = TrainingSettings.model_validate(arguments["settings"])
        with own_gpu(device, trainings_per_gpu):
            train_run(**{**arguments, "settings": settings})
        return
    logger.info("%d processes train together", processes * nodes)
    request = Path(arguments["checkpoint"]).with_suffix(".json")
    content = {
        "arguments": dict(arguments),
        "log": str(log),
        "threads": max(threads // processes, 1),
    }
    try:
        if nodes > 1:  # the job owns all GPUs of its nodes
            gpus = list(range(processes)) if device != "cpu" and torch.cuda.is_available() else []
            write_json(request, content | {"gpus": gpus})
            _on_all_nodes(request, processes, nodes, threads)
        else:
            with own_gpus(device, processes, trainings_per_gpu) as gpus:
                write_json(request, content | {"gpus": gpus})
                _torchrun(["--standalone", f"--nproc-per-node={processes}"], request)
    finally:
        request.unlink(missing_ok=True)


def _on_all_nodes(request: Path, processes: int, nodes: int, threads: int) -> None:
    """Start this module on every node of the Slurm job, from its first node."""
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
    srun = (
        f"srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 --cpus-per-task={threads} "
        "--overlap --kill-on-bad-exit=1"
    )
    torchrun = (
        f"--nnodes={nodes} --nproc-per-node={processes} --rdzv-backend=c10d "
        f"--rdzv-endpoint={socket.gethostname()}:{port} --rdzv-id={port}"
    )
    command = [*srun.split(), sys.executable, "-m", __name__, str(request), *torchrun.split()]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 -- the command above
    if status:
        sys.exit(status)  # the process that failed has logged why


def _torchrun(options: Sequence[str], request: Path) -> None:
    """Run torchrun; if a process was killed, raise one line instead of torchrun's report."""
    for name in ("torch.distributed.elastic", "torch.distributed.run"):
        quiet = logging.getLogger(name)
        quiet.propagate = False
        quiet.addHandler(logging.NullHandler())
    try:
        run(parse_args([*options, *PROCESS, str(request)]))  # type: ignore[no-untyped-call]
    except SignalException as error:
        sys.exit(128 + error.sigval)
    except ChildFailedError as error:
        statuses = {rank: failure.exitcode for rank, failure in error.failures.items()}
        for rank, status in statuses.items():
            if status < 0 and status != -SIGTERM:
                raise DeviceError(
                    f"process {rank} of the training was killed (signal {-status}; out of memory?);"
                    " the same command resumes"
                ) from None
        if set(statuses.values()) <= {train_process.LOST_CONTACT}:
            message = "the processes of the training lost contact; the same command resumes"
            raise DeviceError(message) from None
        sys.exit(1)  # the process that failed has logged why


def main() -> None:
    """Start the processes of one node."""
    request, *options = sys.argv[1:]
    with job(read_json(request, "log")["log"], of_another=True):
        _torchrun(options, Path(request))


if __name__ == "__main__":
    main()
