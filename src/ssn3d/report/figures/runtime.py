"""Run time and memory of each rule, from Snakemake's benchmark files."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.report.figures.style import new_figure, save, styled


def draw_runtime(benchmarks: Mapping[str, Sequence[PathLike]], *, figure: PathLike) -> None:
    """Draw run time and memory of each rule, from the benchmark files of its jobs."""
    save(runtime(read_benchmarks(benchmarks)), figure)


def read_benchmarks(benchmarks: Mapping[str, Sequence[PathLike]]) -> pd.DataFrame:
    """Read benchmark files by rule: columns `rule`, `seconds`, `memory_mb`, a row for each job.

    Memory is NaN for jobs that ended before Snakemake measured it. Raises DataError if a file is
    missing or damaged.
    """
    jobs = {rule: pd.concat(map(_read_benchmark, f)) for rule, f in benchmarks.items() if f}
    return pd.concat(jobs, names=["rule"]).reset_index("rule")


def _read_benchmark(path: PathLike) -> pd.DataFrame:
    """Read the seconds and the memory of a job."""
    try:
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])[["s", "max_rss"]]
        table = table.astype("float64")
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{path}: not a Snakemake benchmark file ({error}); restore it, or leave out the "
            "figure of run times (snakemake --omit-from draw_runtime)"
        ) from error
    return table.set_axis(["seconds", "memory_mb"], axis=1)


@styled
def runtime(benchmarks: pd.DataFrame) -> Figure:
    """Draw the total run time of each rule, and the memory of its largest job.

    `benchmarks` is the table of `read_benchmarks`.
    """
    rules = benchmarks.groupby("rule").agg(
        jobs=("seconds", "size"), seconds=("seconds", "sum"), memory_mb=("memory_mb", "max")
    )
    rules = rules.sort_values("seconds")
    figure = new_figure(0.22 * len(rules) + 0.9)
    time, memory = figure.subplots(1, 2, sharey=True)
    names = [f"{rule} (x{jobs})" for rule, jobs in zip(rules.index, rules["jobs"], strict=True)]
    panels = ((time, rules["seconds"], "s"), (memory, rules["memory_mb"] / 1024, "GiB"))
    for axes, values, unit in panels:
        axes.barh(names, values.fillna(0), color="#56B4E9", edgecolor="black", linewidth=0.4)
        for place, value in enumerate(values):
            text = "not measured" if pd.isna(value) else f"{float(f'{value:.3g}'):,g} {unit}"
            axes.annotate(text, (0 if pd.isna(value) else value, place), (2, 0), va="center",
                          textcoords="offset points", fontsize=6)  # fmt: skip
        axes.margins(x=0.25)
    time.set_xlabel("total wall-clock time (s)")
    memory.set_xlabel("peak memory of a job (GiB)")
    return figure
