"""Fixtures shared by all tests."""

from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from small_workflow import REPOSITORY, copy_repository, snakemake
from ssn3d.core.seeds import generator

EXPORTS = (  # needed by no table or figure
    "results/export/low_1W6T/particles.star",
    "results/export/t1_low/tilt_series.star",
)

OF_THE_EXPERIMENT = {
    *("test_browser.py", "test_module.py", "test_recovery.py", "test_studies.py"),
    "test_workflow.py",
}
"""Files whose tests share one finished experiment."""

# Machines may be busy: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=50)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Divide the tests among processes: by file, and those of the small experiment together."""

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return "experiment" if Path(path).name in OF_THE_EXPERIMENT else path

    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """Start the longest groups first, so that no process waits at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.name not in OF_THE_EXPERIMENT, item.path not in slow))


@pytest.fixture(scope="session")
def repository():
    """Return the root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_structures():
    """Return the folder of real coordinate files, if there is one beside the repository."""
    folder = REPOSITORY.parent / "shared" / "structures"
    if not (folder / "index.tsv").exists():
        pytest.skip(f"no real coordinate files at {folder}")
    return folder


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Return each device; the CUDA tests are skipped without a GPU."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    return str(request.param)


@pytest.fixture(scope="session")
def molecule():
    """Return an asymmetric molecule: points (n, 3) in angstrom about their centre, and masses."""
    rng = generator(0, "molecule")
    arms = [
        rng.normal(size=(400, 3)) * (18, 18, 18) + (0, 0, 0),
        rng.normal(size=(200, 3)) * (10, 10, 10) + (45, 10, 0),
        rng.normal(size=(100, 3)) * (8, 8, 8) + (-10, 35, 30),
    ]
    points = np.concatenate(arms)
    masses = rng.uniform(60, 190, size=len(points))
    points -= np.average(points, axis=0, weights=masses)
    return points.astype(np.float32), masses.astype(np.float32)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Run the small experiment once; tests must not change its results."""
    folder = tmp_path_factory.mktemp("workflow")
    copy_repository(folder)
    snakemake(folder, "all", *EXPORTS, "--configfile", "small.yaml")
    return folder


@pytest.fixture(scope="session")
def report(finished):
    """Make the HTML report of the small experiment."""
    snakemake(finished, "--configfile", "small.yaml", "--report", "report.html")
    return finished / "report.html"
