"""The doctor's report, on described machines and on this one."""

import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
import torch

from sections import PAPER, changed, preset
from ssn3d.cli.main import main
from ssn3d.doctor import estimate, lines, machine
from ssn3d.experiment.runs import NETWORKS, Run
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.training.micro_batch import time_step
from ssn3d.structures.ids import read_pdb_ids

NAMES = [
    "processor", "load", "memory", "GPUs", "conda", "Slurm", "disk", "cache", "simulation",
    "trainings", "baseline", "jobs", "in all", "results", "structures",
]  # fmt: skip
SMALL = """
specimen: {tomogram_size_voxels: {x: 160, y: 160, z: 72}}
subtomograms: {size_voxels: 24}
"""
NOWHERE = "http://127.0.0.1:9/{ID}.cif.gz"  # the port of "discard", which is closed


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SSN3D_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pdb_ids(repository):
    return read_pdb_ids(repository / "resources" / "pdb_ids.txt")


@contextmanager
def archive(status):
    """Serve every entry with one status, on this machine; give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{{ID}}.cif.gz"
        server.shutdown()
        thread.join()


def archive_settings(url, **changes):
    return changed(PAPER.structures, archive={"urls": [url]}, **changes)


@pytest.mark.slow
def test_whole_report(repository, tmp_path, monkeypatch, capsys):
    """A whole report, for less than the demo; structures are bead models, so no network is used."""
    monkeypatch.chdir(repository)
    (tmp_path / "small.yaml").write_text(SMALL)
    files = ["config.yaml", "config/demo.yaml", str(tmp_path / "small.yaml")]
    main(["doctor", "--config", *files, "--results", str(tmp_path / "results")])
    printed = {line[:12].strip(): line[12:] for line in capsys.readouterr().out.splitlines()}
    assert list(printed) == NAMES
    assert not [line for line in printed.values() if "unknown" in line]
    assert "7 on cpu" in printed["trainings"] or "7 on cuda" in printed["trainings"]
    assert "for 1 epoch each" in printed["trainings"]
    assert printed["results"] == "0 of 3 datasets and 0 of 9 runs there"
    assert printed["structures"].startswith("22 bead models")


def test_probes_that_fail(pdb_ids, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no such\nthing")

    for module, name in [
        (machine, "hardware"),
        (machine, "pick_device"),
        (machine.shutil, "which"),
        (machine.shutil, "disk_usage"),
        (estimate, "Projector"),
        (estimate, "time_step"),
        (estimate, "segment_on_one_thread"),
        (estimate, "measure_job"),
        (lines, "cache_folder"),
    ]:
        monkeypatch.setattr(module, name, broken)
    whole = list(lines.doctor(PAPER, pdb_ids, tmp_path))
    said = [(line[:12].strip(), line[12:]) for line in whole]
    assert [name for name, _ in said] == NAMES
    failed = [name for name, text in said if text == "unknown (RuntimeError: no such thing)"]
    assert {*NAMES} - {*failed} == {"load", "memory", "in all", "results"}
    assert "in all      unknown, as is the time of simulation, trainings, baseline, jobs" in whole


def test_processor_memory_and_load(tmp_path):
    (tmp_path / "cpuinfo").write_text("flags : fpu avx512_bf16 amx_bf16 amx_tile\n")
    assert machine.processor(tmp_path / "cpuinfo").endswith("bfloat16 units: AMX and AVX-512")
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2\n")
    assert machine.processor(tmp_path / "cpuinfo").endswith("bfloat16 units: none")
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable:  4000000 kB\n")
    assert machine.memory(tmp_path / "meminfo") == "16.4 GB, 4.1 GB free"
    assert machine.load(8, 0.3) == "0.3 processes for 8 cores"
    assert machine.load(2, 9.0).endswith("the times below are for an idle machine")


def test_gpus_are_listed_with_their_memory(monkeypatch):
    gpu = SimpleNamespace(name="A GPU", total_memory=int(24e9))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: gpu)
    assert machine.gpus().startswith("A GPU (24 GB), A GPU (24 GB); auto takes ")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert machine.gpus().startswith("none; auto takes ")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            b"#!/bin/sh\necho; echo 'cpu (nodes: 4)'; echo 'gpu (nodes: 1)'",
            r"cpu \(nodes: 4\), gpu \(nodes: 1\)",
        ),
        (b"#!/bin/sh\ntrue", "none"),
        (b"#!/bin/sh\necho no >&2; echo controller >&2; exit 1", "broken: no controller"),
        (b"#!/bin/sh\nexec /bin/sleep 60", "broken: .*timed out.*"),
        (b"#!/bin/sh\nprintf '\\377'", "\N{REPLACEMENT CHARACTER}"),
        (b"\x7fELF broken", "broken: .*"),
        (None, "none"),
    ],
)
def test_working_broken_and_missing_tools(program, said, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "TOOL_TIMEOUT_S", 0.5 if program and b"60" in program else 20)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("sinfo", "conda") if program else ():
        (tmp_path / name).write_bytes(program)
        (tmp_path / name).chmod(0o755)
    assert re.fullmatch(said, machine.slurm())
    assert re.fullmatch(said, machine.conda())


def test_disk_and_cache(tmp_path, monkeypatch):
    folder = tmp_path / "not" / "yet"
    assert machine.disk(folder).endswith(f" GB free for {folder}")
    (tmp_path / "1ABC.cif.gz").write_bytes(bytes(2_000_000))
    (tmp_path / "2ABC.cif.gz").write_bytes(bytes(1_000_000))
    assert lines.cache(tmp_path) == f"2 structures, 3 MB in {tmp_path}"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lines.cache(tmp_path / "none") == "0 structures, 0 MB in ~/none"


def test_sources_of_structures(pdb_ids, tmp_path):
    for status, text in ((200, "is reachable"), (403, "HTTP 403.*allow_surrogates to true")):
        with archive(status) as url:
            said = lines.structures(archive_settings(url), pdb_ids)
        assert re.match(f"0 of 22 in .*{text}", said)
    said = lines.structures(archive_settings(NOWHERE), pdb_ids)
    assert "127.0.0.1:9: no connection; put files like 1A1S.cif.gz there" in said
    said = lines.structures(archive_settings(NOWHERE, allow_surrogates=True), pdb_ids)
    assert "no connection; bead models" in said
    random = {"count": 300, "mass_dalton": [2e4, 4e6]}
    said = lines.structures(changed(PAPER.structures, ids=None, random=random), [])
    assert said == "300 random shapes; no files or network needed"
    folder = tmp_path / "cache" / "structures"
    folder.mkdir(parents=True)
    for pdb_id in pdb_ids:
        (folder / f"{pdb_id}.cif.gz").touch()
    said = lines.structures(archive_settings("http://not-asked.invalid/{ID}"), pdb_ids)
    assert said == f"22 of 22 in {folder}"
    (tmp_path / "1KP8.pdb").touch()
    settings = changed(PAPER.structures, source="folder", folder=str(tmp_path))
    said = lines._value_or_fault(lambda: lines.structures(settings, pdb_ids))
    assert "no coordinate file for 21 of 22 structures: 1A1S" in said
    said = lines.structures(changed(settings, allow_surrogates=True), pdb_ids)
    assert said.startswith("1 of 22 in ")


def test_results_of_an_earlier_run(pdb_ids, tmp_path):
    for path in [
        "subtomograms/A/t1.h5",
        "runs/Xu-Alber/A/random/run.json",
        "runs/Xu-Alber/A/random/per_subtomogram.csv",
        "runs/Xu-Alber/A/random/independent.csv",
        "runs/SSN3D-ED/A/without_1KP8/run.json",
    ]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    said = lines.earlier_results(PAPER, pdb_ids, tmp_path)
    assert said == "1 of 3 datasets and 1 of 36 runs there"


def test_times_of_stages():
    random, without = Run("SSN3D-ED", "A"), Run("SSN3D-ED", "A", "without_1KP8")
    # of 3,380: 338 to test, 304 to validate (forward only: a third), 2,738 to train
    assert estimate.epoch_seconds(PAPER, 22, random, 0.056) == pytest.approx(159, abs=0.5)
    assert estimate.epoch_seconds(PAPER, 10, without, 0.056) == pytest.approx(159, abs=0.5)
    more = changed(PAPER, subtomograms={"count": 6760})
    assert estimate.epoch_seconds(more, 22, random, 0.056) == pytest.approx(318, abs=1)
    joined = Run("SSN3D-ED", "A+B+C", "without_1KP8")
    assert estimate.epoch_seconds(PAPER, 10, joined, 0.056) == pytest.approx(3 * 159, abs=1)
    assert [estimate.side_by_side([1.0, 2.0, 9.0], count) for count in (1, 2, 8)] == [12, 9, 9]
    two = estimate.simulation_seconds(PAPER, 3.5)  # one of them independent
    assert two == pytest.approx(2 * (13 + 3 * 18), rel=0.2)  # processor time as measured
    assert estimate.simulation_seconds(changed(PAPER, tomograms=3), 3.5) == 2 * two
    assert estimate.simulation_seconds(PAPER, 7.0) == 2 * two
    # 338 to test and 800 independent each; the tuned ones 45 trials of 60 subtomograms as well
    tuned = [Run("Xu & Alber, tuned", dataset) for dataset in "AB"]
    unsupervised = estimate.baseline_seconds(PAPER, [Run("Xu & Alber", "A")], 0.2)
    assert unsupervised == pytest.approx(1138 * 0.2)
    assert estimate.baseline_seconds(PAPER, tuned, 0.2) == pytest.approx(2 * 3838 * 0.2)


def test_training_time(pdb_ids, monkeypatch):
    monkeypatch.setattr(estimate, "measure_networks", lambda *_: dict.fromkeys(names, 0.056))
    monkeypatch.setattr(estimate, "trainings_at_once", lambda _: 1)
    names = ("SSN3D-v1", "SSN3D-v2", "SSN3D-ED", "UNet")
    settings = [changed(PAPER, training={"epochs": epochs}) for epochs in (100, 200)]
    said = [lines.trainings(each, pdb_ids, {}) for each in settings]
    assert "at most 7 to 10 days for 100 epochs each" in said[0]
    assert "at most 13 to 20 days for 200 epochs each" in said[1]
    assert "SSN3D-ED 3 min" in said[0]


def test_stages_add_up(pdb_ids, monkeypatch):
    """Processor seconds are shared by the cores; the sum of the stages is the last line."""
    for name, seconds in {"projection": 1.0, "baseline": 0.1, "job": 2.0}.items():
        monkeypatch.setattr(estimate, f"measure_{name}", lambda *_, seconds=seconds: seconds)
    monkeypatch.setattr(estimate, "measure_networks", lambda *_: dict.fromkeys(NETWORKS, 0.05))
    monkeypatch.setattr(lines, "available_cores", lambda: 4)
    monkeypatch.setattr(estimate, "available_cores", lambda: 4)
    spent = {}
    config = changed(PAPER, microscope={"device": "cpu"}, training={"device": "cpu"})
    lines.simulation(config, spent)
    for line in (lines.trainings, lines.baseline, lines.jobs):
        line(config, pdb_ids, spent)
    projections = estimate.PROJECTIONS_A_TOMOGRAM + 3 * estimate.PROJECTIONS_A_DATASET
    assert spent["simulation"] == pytest.approx(2 * projections / 4)
    assert spent["jobs"] == estimate.jobs_of(config, config.tables.runs(pdb_ids)) * 2 / 4
    assert lines.in_all(spent) == f"{lines.between(sum(spent.values()))}, if nothing else runs"
    del spent["jobs"]
    assert lines.in_all(spent) == "unknown, as is the time of jobs"
    demo = preset("demo")
    assert estimate.jobs_of(demo, demo.tables.runs(pdb_ids)) == 51  # those of snakemake -n


def test_durations_in_words():
    assert [lines.in_words(s) for s in (7.2, 119, 159, 7300, 800_000)] == [
        "7 s", "119 s", "3 min", "2 h", "9 days",
    ]  # fmt: skip
    assert [lines.between(s) for s in (0, 10, 100, 7000, 800_000)] == [
        "about 0 s", "10 to 15 s", "1.7 to 2 min", "1.9 to 3 h", "9 to 14 days",
    ]  # fmt: skip


def test_networks_are_timed_as_they_train(monkeypatch):
    """Training steps are timed on one thread, in processor time; the fastest counts."""
    compute = Compute.pick("cpu", "auto")
    seconds, timed = iter([9.0, 6.0]), []

    def time_step(network, given, count, size, clock):
        rates = {layer.p for layer in network.modules() if hasattr(layer, "p")}
        timed.append((network.training, rates, given, count, size, clock, torch.get_num_threads()))
        return next(seconds)

    monkeypatch.setattr(estimate, "time_step", time_step)
    found = estimate.measure_networks(PAPER, compute, ["SSN3D-v1"])
    count = estimate.MICRO_BATCH_SIZE["cpu"]
    assert found == {"SSN3D-v1": 6.0 / count}
    expected = (True, {0.7}, compute, count, 40, time.process_time, 1)
    assert timed == [expected] * estimate.ROUNDS


def test_other_load_is_not_measured():
    """A sleep in a step, as while other programs have the cores, does not count."""

    class Slow(torch.nn.Module):
        def forward(self, images):
            time.sleep(0.3)
            return torch.cat([images, images], dim=1).requires_grad_()

    compute = Compute.pick("cpu", "float32")
    assert time_step(Slow(), compute, 1, 8, time.process_time) < 0.25
    assert time_step(Slow(), compute, 1, 8) >= 0.3
