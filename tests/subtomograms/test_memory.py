"""Memory requests of cluster jobs follow the dataset."""

import re

import pytest

from small_workflow import copy_repository, snakemake


@pytest.mark.slow
def test_memory_asked_for_grows_with_the_subtomograms(tmp_path):
    copy_repository(tmp_path)
    asked = {}
    for count in (50, 100_050):
        (tmp_path / "count.yaml").write_text(f"subtomograms: {{count: {count}}}\n")
        star = "results/export/high_1KP8/particles.star"
        printed = snakemake(tmp_path, star, "--dry-run", "--configfile", "small.yaml", "count.yaml")
        blocks = printed.split("\nrule ")
        asked[count] = {
            rule: int(re.search(r"mem_mb=(\d+)", block)[1])
            for block in blocks
            for rule in ("extract_subtomograms", "export_subtomograms")
            if block.startswith(f"{rule}:")
        }
    voxels = {count: count * 24**3 / 1e6 for count in asked}
    for rule in ("extract_subtomograms", "export_subtomograms"):
        grown = asked[100_050][rule] - asked[50][rule]
        # measured at the peak: 5.6 bytes a voxel of the subtomograms
        assert 5.6 < grown / (voxels[100_050] - voxels[50]) < 10
    # a tomogram's densities and labels on top
    tomogram = asked[50]["extract_subtomograms"] - asked[50]["export_subtomograms"]
    assert tomogram == pytest.approx(6 * 128 * 120 * 72 / 1e6, abs=1)
