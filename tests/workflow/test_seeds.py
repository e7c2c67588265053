"""Rows of Table 2 with several seeds: as many trainings, on one split."""

import re

import pytest

from small_workflow import copy_repository, snakemake

SEEDS = "tables: {table2: [{method: SSN3D-ED, dataset: high, seeds: 3}]}\n"


@pytest.mark.slow
def test_seeds_ask_for_trainings_and_not_for_splits(tmp_path):
    copy_repository(tmp_path)
    (tmp_path / "seeds.yaml").write_text(SEEDS)
    printed = snakemake(tmp_path, "-n", "--configfile", "small.yaml", "seeds.yaml")
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE))
    assert jobs["train_network"] == jobs["evaluate_network"] == "4"  # and one for Table 3
    assert jobs["split_dataset"] == "2"
    assert jobs["draw_segmentation"] == "1"  # of the first seed
