"""The command line: what it lists, counts and says of faults."""

import re

import pytest

from ssn3d.cli import main


def test_networks_and_their_parameters(capsys):
    main(["networks"])
    counts = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert counts["SSN3D-v1"] == "2,042,158"
    assert counts["SSN3D-v2"] == "2,042,342"
    assert counts["SSN3D-ED"] == "895,746"
    assert "UNet" in counts


def test_help_lists_the_steps_in_order(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    steps = (
        "structures",
        "specimen",
        "image",
        "noise",
        "select",
        "extract",
        "split",
        "train",
        "tables",
    )
    places = [re.search(rf"^    {step}\b", printed, re.MULTILINE).start() for step in steps]
    assert places == sorted(places)


def test_a_fault_is_one_line_and_exit_1(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("seed: -1\n")
    with pytest.raises(SystemExit) as ended:
        main(["structures", "--config", "config.yaml", str(tmp_path / "bad.yaml")])
    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "config: seed: -1 is less than the minimum of 0" in lines[0]


@pytest.mark.parametrize(
    "options",
    [
        ["noise", "--dataset", "D"],
        ["specimen", "--tomogram", "../../t1"],
        ["split", "--leave-out", "../x"],
        ["export", "--pdb-id", "9ZZZ"],
        ["evaluate", "--network", "../../x"],
        ["baseline", "--split", "../random"],
    ],
)
def test_a_name_that_is_not_in_the_experiment_is_one_line(options, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*options, "--results", str(tmp_path)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"error: {options[1]}: {options[2]!r} is none of" in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_tables_of_nothing_say_what_is_missing(tmp_path, capsys):
    main(["tables", "--results", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.count("missing") >= 6 + 22
    assert "86.40" in printed
