"""The small experiment in a folder of its own: start it, watch its jobs, kill them, compare."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from small_workflow import copy_repository

EPOCHS = "training: {epochs: 3, patience_epochs: 3}\n"  # so that there is a training to resume
LOCKED = "Directory cannot be locked"


def prepare(folder):
    """Copy what the workflow needs into a new folder."""
    copy_repository(folder)
    (folder / "epochs.yaml").write_text(EPOCHS)
    return folder


class Run:
    """One start of Snakemake; what it prints goes to `printed`."""

    def __init__(self, folder, *arguments, output=None):
        self.folder = folder
        self.output = output or folder / "printed.log"
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        command += ["--configfile", "small.yaml", "epochs.yaml"]
        with self.output.open("w") as handle:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=handle, stderr=subprocess.STDOUT
            )

    def finish(self):
        """Wait for its end; give the exit status."""
        return self.process.wait()

    @property
    def printed(self):
        return self.output.read_text(errors="replace")

    def job(self, rules):
        """Wait for a job of one of these rules: (rule, process id), or None if the run ends."""
        while self.process.poll() is None:
            for pid, rule in jobs(self.folder).items():
                if rule in rules and self.process.pid in ancestors(pid):  # no orphan of another
                    return rule, pid
            time.sleep(0.2)
        return None


def complete(folder):
    """Repeat the command until it succeeds; unlock where Snakemake says so."""
    run = Run(folder)
    status = run.finish()
    if LOCKED in run.printed:
        assert "--unlock" in run.printed, run.printed
        assert Run(folder, "--unlock").finish() == 0
        return complete(folder)
    assert status == 0, run.printed
    return run.printed


def jobs(folder):
    """Rules of the job processes that run in a folder, by process id."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it has ended
            continue
        script = Path(words[1] if len(words) > 1 else "")
        if script.parent == folder / ".snakemake" / "scripts" and "python" in words[0]:
            found[int(process.name)] = script.name.split(".")[1]
    return found


def ancestors(pid):
    """Process ids of parent, grandparent and so on; none of a process that has ended."""
    found = []
    while pid > 1:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(status.rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def kill(pid):
    """Kill a process as the kernel does when memory runs out; say whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
