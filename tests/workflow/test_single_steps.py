"""The code in docs/tutorials/own_design.md runs and segments."""

import re

import numpy as np
import pytest

from small_workflow import REPOSITORY


@pytest.mark.slow
def test_single_steps_page_runs(monkeypatch):
    page = (REPOSITORY / "docs" / "tutorials" / "own_design.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(REPOSITORY)
    names = {}
    exec(compile(code, "own_design.md", "exec"), names)  # noqa: S102 -- our own page
    tomogram, density = names["tomogram"], names["specimen"].density
    assert tomogram.shape == density.shape == (72, 160, 160)
    assert np.corrcoef(tomogram.ravel(), density.ravel())[0, 1] < -0.2  # protein is dark
    predicted, truth = map(np.concatenate, zip(*names["pairs"], strict=True))
    assert predicted.shape == truth.shape == (5, 24, 24, 24)
    assert truth.any(axis=(1, 2, 3)).all()
    found = np.count_nonzero(predicted & truth) / np.count_nonzero(predicted | truth)
    assert found > 0.3  # a random mask of that size has 0.07
