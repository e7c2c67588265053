import numpy as np
import pytest

from ssn3d.errors import DataError
from ssn3d.report.figure_runtime import read_benchmarks, runtime

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmean_load\n"


def benchmark(path, seconds, memory):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t-\t99.0\n")


@pytest.fixture
def folder(tmp_path):
    benchmark(tmp_path / "train_network" / "SSN3D-ED_A_random.tsv", 600, "2048")
    benchmark(tmp_path / "train_network" / "SSN3D-v1_A_random.tsv", 400, "4096")
    benchmark(tmp_path / "simulate_specimen" / "t1.tsv", 60, "9216")
    benchmark(tmp_path / "make_tables.tsv", 0.5, "NA")
    return tmp_path


def test_benchmarks_are_read_by_rule(folder):
    jobs = read_benchmarks(folder)
    assert jobs.groupby("rule")["seconds"].sum().to_dict() == {
        "train_network": 1000, "simulate_specimen": 60, "make_tables": 0.5,
    }  # fmt: skip
    assert np.isnan(jobs.set_index("rule").loc["make_tables", "memory_mb"])


def test_time_adds_up_over_jobs_and_memory_is_the_largest(folder):
    time, memory = runtime(read_benchmarks(folder)).axes
    names = [tick.get_text() for tick in time.get_yticklabels()]
    assert names == ["make_tables (x1)", "simulate_specimen (x1)", "train_network (x2)"]
    assert [bar.get_width() for bar in time.patches] == [0.5, 60, 1000]
    assert [bar.get_width() for bar in memory.patches] == [0, 9, 4]
    assert [text.get_text() for text in memory.texts] == ["not measured", "9 GiB", "4 GiB"]
    assert [text.get_text() for text in time.texts] == ["0.5 s", "60 s", "1,000 s"]


def test_no_benchmarks_or_damaged_ones_are_an_error(folder):
    with pytest.raises(DataError, match="contains no benchmark files"):
        read_benchmarks(folder / "none")
    (folder / "make_tables.tsv").write_text("nothing\n")
    with pytest.raises(DataError, match=r"make_tables\.tsv: not a Snakemake benchmark file"):
        read_benchmarks(folder)
