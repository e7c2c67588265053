"""The bytes of simulated data do not depend on the number of threads."""

import hashlib
import os

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from sections import changed, preset, section
from small_workflow import REPOSITORY
from ssn3d.core.parallel import parallel_results
from ssn3d.core.threads import available_cores
from ssn3d.io.files import read_json
from ssn3d.microscope.steps import add_noise, image_specimen
from ssn3d.specimen.steps import simulate_specimen
from ssn3d.structures.complexes import Complex
from ssn3d.structures.structure import write_structure
from ssn3d.structures.surrogates import surrogate
from ssn3d.subtomograms.steps import extract_subtomograms
from ssn3d.subtomograms.store import open_shard

REALISTIC = preset("realistic").microscope
# BLAS splits the products of maps of 29 voxels or more.
COMPLEXES = {"1AAA": Complex(8e5, 85.0, "D2"), "2BBB": Complex(1e5, 45.0, "C1")}
SIZE = 16
FILES = ("density.mrc", "labels.mrc", "particles.star", "tilts.mrc", "signal.mrc", "A.mrc")


def simulate(folder, microscope):
    """Make structures, a specimen, its images, a dataset and its subtomograms."""
    structures = {pdb_id: folder / f"{pdb_id}.npz" for pdb_id in COMPLEXES}
    for pdb_id, path in structures.items():
        write_structure(path, surrogate(pdb_id, COMPLEXES))
    size = {"x": 112, "y": 112, "z": 36}  # BLAS splits vectors of more than 10,000 values
    settings = section(
        "specimen",
        tomogram_size_voxels=size,
        region_size_voxels=size,
        particles=30,
        vesicles={
            "count": 1,
            "radius_angstrom": 100.0,
            "deformation_fraction": 0.05,
            "thickness_angstrom": 38.0,
        },
        ice={"thickness_angstrom": 350.0, "tilt_about_x_deg": 2.0, "tilt_about_y_deg": -3.0},
    )
    written = {k: folder / f"{k}.mrc" for k in ("density", "labels")}
    written |= {k: folder / f"{k}.star" for k in ("particles", "ground")}
    written["specimen"] = folder / "specimen.json"
    made = {"summary" if k == "specimen" else k: path for k, path in written.items()}
    simulate_specimen(structures, settings, 3, "t1", **made)
    images = {k: folder / f"{k}.mrc" for k in ("tilts", "signal")}
    images["acquisition"] = folder / "acquisition.json"
    table = REPOSITORY / "resources" / "ideal_detector.csv"
    image_specimen(
        written["density"],
        microscope,
        3,
        "t1",
        specimen=written["specimen"],
        detector_table=table,
        **images,
    )
    dataset = {"tomogram": folder / "A.mrc", "tilts": folder / "A_tilts.mrc"}
    dataset["summary"] = folder / "A.json"
    add_noise(
        {**written, **images},
        microscope,
        section("snr", reference_id="1AAA"),
        size_voxels=SIZE,
        target=0.05,
        seed=3,
        keys=("t1", "A"),
        **dataset,
    )
    extract_subtomograms(
        tomogram=dataset["tomogram"],
        labels=written["labels"],
        particles=written["particles"],
        summary=dataset["summary"],
        specimen=written["specimen"],
        ground=written["ground"],
        names=("t1", "A"),
        settings=section("subtomograms", size_voxels=SIZE, count="all").of("t1"),
        seed=3,
        shard=folder / "A.h5",
    )


def digests(folder):
    """SHA-256 of what is in a folder, by file."""
    found = {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix not in {".json", ".h5"}}
    record = read_json(folder / "A.json")
    found["A.json"] = repr([record["noise_scale"], record["snr_by_region"]]).encode()
    shard = open_shard(folder / "A.h5")
    images, masks = shard.read(np.arange(len(shard)))
    found["A.h5"] = images.tobytes() + masks.tobytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


@pytest.mark.parametrize("kind", ["plain", "realistic"])
def test_bytes_do_not_depend_on_threads(tmp_path, kind):
    settings = section("microscope") if kind == "plain" else REALISTIC
    settings = changed(settings, device="cpu", tilt={"step_deg": 8.0})
    found, before = {}, torch.get_num_threads()
    try:
        for threads in (1, 2, 4):
            folder = tmp_path / str(threads)
            folder.mkdir()
            with threadpool_limits(threads):
                torch.set_num_threads(threads)
                simulate(folder, settings)
            found[threads] = digests(folder)
    finally:
        torch.set_num_threads(before)
    assert set(FILES) < set(found[1])
    assert found[2] == found[1]
    assert found[4] == found[1]


def test_cores_of_macos(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity")
    assert available_cores() == os.cpu_count()


def test_results_in_order_and_few_in_hand():
    made = []

    def items():
        for i in range(200):
            made.append(i)
            yield i

    in_hand = []
    for i, result in enumerate(parallel_results(lambda item: 2 * item, items())):
        assert result == 2 * i
        in_hand.append(len(made) - i)
    assert len(in_hand) == len(made)
    assert max(in_hand) <= 5 * torch.get_num_threads() + 1


def test_threads_return_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        list(parallel_results(lambda item: 1 // item, [1, 0, 1]))
    assert torch.get_num_threads() == before
