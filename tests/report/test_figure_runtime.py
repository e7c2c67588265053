import numpy as np
import pytest

from ssn3d.core.errors import DataError
from ssn3d.report.figures.runtime import read_benchmarks, runtime

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmean_load\n"


def benchmark(path, seconds, memory):
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t-\t99.0\n")


@pytest.fixture
def files(tmp_path):
    jobs = {
        "train_network": [("ed", 600, "2048"), ("v1", 400, "4096")],
        "simulate_specimen": [("t1", 60, "9216")],
        "make_tables": [("all", 0.5, "NA")],
        "search_baseline": [],
    }
    found = {rule: [tmp_path / f"{rule}_{job[0]}.tsv" for job in jobs[rule]] for rule in jobs}
    for rule, paths in found.items():
        for path, (_, seconds, memory) in zip(paths, jobs[rule], strict=True):
            benchmark(path, seconds, memory)
    return found


def test_read_benchmarks(files):
    jobs = read_benchmarks(files)
    assert jobs.groupby("rule")["seconds"].sum().to_dict() == {
        "train_network": 1000, "simulate_specimen": 60, "make_tables": 0.5,
    }  # fmt: skip
    assert np.isnan(jobs.set_index("rule").loc["make_tables", "memory_mb"])


def test_total_time_and_peak_memory(files):
    time, memory = runtime(read_benchmarks(files)).axes
    names = [tick.get_text() for tick in time.get_yticklabels()]
    assert names == ["make_tables (x1)", "simulate_specimen (x1)", "train_network (x2)"]
    assert [bar.get_width() for bar in time.patches] == [0.5, 60, 1000]
    assert [bar.get_width() for bar in memory.patches] == [0, 9, 4]
    assert [text.get_text() for text in memory.texts] == ["not measured", "9 GiB", "4 GiB"]
    assert [text.get_text() for text in time.texts] == ["0.5 s", "60 s", "1,000 s"]


@pytest.mark.parametrize("content", [None, "nothing\n", f"{HEADER}x\t0:01\t1\t-\t9\n"])
def test_damaged_benchmark(files, content):
    (path,) = files["make_tables"]
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(DataError, match=r"make_tables_all\.tsv: not a Snakemake benchmark file"):
        read_benchmarks(files)
