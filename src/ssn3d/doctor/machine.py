"""Properties of this machine, each in a few words, or "none"."""

import shutil
import subprocess
from pathlib import Path

import requests
import torch

from ssn3d.core.device import bfloat16_units, pick_device, pick_precision
from ssn3d.core.provenance import hardware

NONE = "none"
TOOL_TIMEOUT_S = 20.0
"""Long enough for conda on a network disk."""
ARCHIVE_TIMEOUT_S = 3.0


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Cores that this process may use, and their bfloat16 units."""
    facts, units = hardware(), " and ".join(bfloat16_units(cpuinfo)) or NONE
    return f"{facts['cores']} cores of {facts['cpu']}, bfloat16 units: {units}"


def load(cores: int, running: float) -> str:
    """Compare the number of running processes with the number of cores."""
    busy = "; the times below are for an idle machine" if running > cores / 2 else ""
    return f"{running:.1f} processes for {cores} cores{busy}"


def memory(meminfo: Path = Path("/proc/meminfo")) -> str:
    """Total and free memory."""
    sizes = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
    total, free = (int(sizes[key].split()[0]) * 1024 / 1e9 for key in ("MemTotal", "MemAvailable"))
    return f"{total:.1f} GB, {free:.1f} GB free"


def gpus() -> str:
    """GPUs that torch sees, with their memory, and the choice of `auto`."""
    device = pick_device("auto")
    precision = str(pick_precision("auto", device)).removeprefix("torch.")
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    names = ", ".join(f"{gpu.name} ({gpu.total_memory / 1e9:.0f} GB)" for gpu in found)
    return f"{names or NONE}; auto takes {device.type} and {precision}"


def conda() -> str:
    """Version of conda, which creates the environments of Snakemake."""
    return _printed_by("conda", "--version")


def slurm() -> str:
    """Partitions of the Slurm cluster to which this machine can submit."""
    return _printed_by("sinfo", "--noheader", "--format=%R (nodes: %D)")


def _printed_by(*command: str) -> str:
    """Return the output of a tool as one line, or its fault."""
    if shutil.which(command[0]) is None:
        return NONE
    try:
        done = subprocess.run(  # noqa: S603 -- the commands above
            command, capture_output=True, errors="replace", timeout=TOOL_TIMEOUT_S, check=True
        )
    except subprocess.CalledProcessError as error:
        return f"broken: {' '.join(error.stderr.split()) or error}"
    except (OSError, subprocess.SubprocessError) as error:
        return f"broken: {error}"
    return ", ".join(done.stdout.split("\n")).strip(", ") or NONE


def disk(folder: Path) -> str:
    """Free space on the disk of a folder that need not exist yet."""
    there = next(path for path in [folder, *folder.absolute().parents] if path.exists())
    return f"{shutil.disk_usage(there).free / 1e9:.0f} GB free for {folder}"


def archive_fault(url: str) -> str | None:
    """Reason why a download from a URL of the archive would fail, or None."""
    try:
        with requests.get(
            url, timeout=ARCHIVE_TIMEOUT_S, stream=True, allow_redirects=False
        ) as response:
            return None if response.ok else f"HTTP {response.status_code}"
    except requests.exceptions.Timeout:
        return f"no answer within {ARCHIVE_TIMEOUT_S:g} s"
    except requests.exceptions.RequestException:
        return "no connection"
