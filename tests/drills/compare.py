"""Whether two results folders hold the same, but for dates and durations."""

import h5py
import numpy as np
import pandas as pd

from ssn3d.io.files import read_json
from ssn3d.io.mrc import read_mrc

_DATED = {"date", "provenance", "seconds", "training_seconds", "tomograms"}
_TIMED = ["seconds", "milliseconds", "training_minutes"]
_TIMES = {"runtime.png", "table2.json", "table3.json"}  # a figure of them; provenance
_PLAIN = {".npz", ".star", ".png", ".pt"}  # the same to the byte
_NOT_COMPARED = {".tsv", ".svg", ".md", ".tex"}  # durations; or of what is compared


def assert_same_results(ours, theirs):
    """Compare every file of two results folders; give how many there are."""
    files, others = (
        sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
        for root in (ours, theirs)
    )
    assert files == others, set(files) ^ set(others)
    assert not [path for path in files if ".partial-" in path.name]
    compared = [path for path in files if path.suffix not in _NOT_COMPARED]
    compared = [path for path in compared if path.name not in _TIMES]
    for path in compared:
        assert same(ours / path, theirs / path), f"{path} differs"
    return len(compared)


def same(one, other):
    """Whether two files hold the same, but for dates and durations."""
    suffix = one.suffix
    if suffix in _PLAIN:
        return one.read_bytes() == other.read_bytes()
    if suffix == ".mrc":
        return np.array_equal(read_mrc(one)[0], read_mrc(other)[0])
    if suffix == ".csv":
        tables = [pd.read_csv(path, dtype=str).drop(columns=_TIMED, errors="ignore")
                  for path in (one, other)]  # fmt: skip
        return tables[0].equals(tables[1])
    if suffix == ".json":
        return timeless(read_json(one)) == timeless(read_json(other))
    with h5py.File(one) as file, h5py.File(other) as another:
        assert suffix == ".h5", suffix
        arrays = all(np.array_equal(file[name][:], another[name][:]) for name in file)
        return arrays and all(
            file.attrs[name] == another.attrs[name] for name in file.attrs if name not in _DATED
        )


def timeless(content):
    """Leave dates and durations out."""
    if isinstance(content, dict):
        return {k: timeless(v) for k, v in content.items() if k not in _DATED}
    return content
