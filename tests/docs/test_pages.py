"""Commands and Python blocks of tutorials and how-to pages run, on small data."""

import importlib.util
import re
import shlex
import shutil
import warnings
from pathlib import Path

import h5py
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from snakemake.cli import parse_args

from datasets import particles_of, write_shard_of, write_split_of
from own_tomograms import dark_spheres, spheres, write_tomogram
from small_workflow import REPOSITORY, snakemake
from ssn3d.cli.init import run as lay_down
from ssn3d.cli.main import _parser, main
from ssn3d.config.experiment import load_config

DOCS = REPOSITORY / "docs"
PAGES = [*DOCS.glob("tutorials/*.md"), *DOCS.glob("how-to/*.md")]
PAGES += [*(DOCS / f"{name}.md" for name in ("own_tomograms", "picking", "index"))]
PAGES += [REPOSITORY / "README.md"]
BLOCK = re.compile(r"^```(\w+)(?: title=\"(.+?)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)
CENTRES = [(28, y, x) for y in (24, 48, 72) for x in (24, 48, 72)]
SHAPE, RADIUS = (56, 96, 96), 7
NOT_RUN = {
    "apptainer": "needs the image",
    "cd": "the tests are in the folder already",
    "curl": "downloads",
    "docker": "builds an image",
    "export": "a setting",
    "git": "clones",
    "make": "run by continuous integration",
    "napari": "opens a window",
    "pip": "installs",
    "podman": "builds an image",
}
PYTHON = {"leaderboard.md", "exchange.md", "own_design.md", "segment_pick_average.md"}
"""Pages whose Python blocks are run below."""
FASTER = {
    "average": [
        *("--rounds", "0"), *("--first-resolution", "90"), *("--max-shift", "5"),
        *("--reference", "map.mrc"),
    ]
}  # fmt: skip
SMALLER = {
    "{x: 200, y: 200, z: 64}": "{x: 96, y: 96, z: 64}",
    "{x: 240, y: 240, z: 104}": "{x: 120, y: 120, z: 90}",
    "particles: 250": "particles: 60",
    "step_deg: 3.0": "step_deg: 6.0",
}


def blocks(page, language):
    """Find the blocks of a language on a page: titles (or None) and texts."""
    return [
        (title, text) for kind, title, text in BLOCK.findall(page.read_text()) if kind == language
    ]


def commands(page):
    """Find the commands on a page, each as a list of words."""
    for _, text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while "&&" in words:
                yield words[: words.index("&&")]
                words = words[words.index("&&") + 1 :]
            if words:
                yield words


EVERY = {tuple(words) for page in PAGES for words in commands(page)}
OURS = sorted({words for words in EVERY if words[0] == "ssn3d"})
RUN = [words for words in OURS if words[1] not in {"doctor", "init"} and "mine.h5" not in words]
"""Others have tests of their own: tests/doctor, tests/cli/test_init.py, and below."""
SNAKEMAKE = sorted({words for words in EVERY if words[0] == "snakemake"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with small files under the names of the pages."""
    folder = tmp_path_factory.mktemp("pages")
    lay_down(_parser().parse_args(["init", str(folder)]))
    mask = spheres(SHAPE, CENTRES, RADIUS)
    tomogram = write_tomogram(folder / "tomogram.mrc", dark_spheres(SHAPE, CENTRES, RADIUS))
    write_tomogram(folder / "tomogram_probability.mrc", mask.astype(np.float32))
    instances = sum(i * spheres(SHAPE, [c], RADIUS) for i, c in enumerate(CENTRES, 1))
    write_tomogram(folder / "tomogram_instances.mrc", instances.astype(np.int16))
    write_tomogram(
        folder / "map.mrc", dark_spheres((42, 42, 42), [(21, 21, 21)], RADIUS, noise=0.1)
    )
    (folder / "segmented").mkdir()
    for name in ("tomogram", "TS_026"):
        at = folder / "segmented" / f"{name}_probability.mrc"
        shutil.copy(folder / "tomogram_probability.mrc", at)
    shutil.copy(tomogram, folder / "TS_026.mrc")
    table = pd.DataFrame(
        np.array(CENTRES, float)[:, ::-1] * 10, columns=["x_angstrom", "y_angstrom", "z_angstrom"]
    )
    table.assign(tomogram="tomogram").to_csv(folder / "picks.csv", index=False)
    points = pd.DataFrame(np.array(CENTRES, float), columns=["axis-0", "axis-1", "axis-2"])
    points.to_csv(folder / "points.csv")
    lines = [
        f'{{"type": "point", "location": {{"x": {x}, "y": {y}, "z": {z}}}}}' for z, y, x in CENTRES
    ]
    (folder / "ribosomes.ndjson").write_text("\n".join(lines) + "\n")
    x, y, z = SHAPE[::-1]
    (folder / "tomograms.star").write_text(
        "data_global\n\nloop_\n_rlnTomoName\n_rlnTomoTiltSeriesPixelSize\n_rlnTomoSizeX\n"
        f"_rlnTomoSizeY\n_rlnTomoSizeZ\ntomogram 2.5 {4 * x} {4 * y} {4 * z}\n"
    )
    return folder


@pytest.fixture
def inside(folder, monkeypatch):
    """Work in the folder, with picks there."""
    monkeypatch.chdir(folder)
    if not (folder / "picks.star").exists():
        main(["pick", "tomogram.mrc", "--output", "picks.star", "--diameter", "150"])
    shutil.copy(folder / "picks.star", folder / "particles.star")
    (folder / "results" / "tomograms" / "t1").mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "picks.star", folder / "results" / "tomograms" / "t1" / "particles.star")
    return folder


@pytest.fixture
def leaderboard(inside):
    """Write shards and a split as an experiment has them."""
    rng = np.random.default_rng(0)
    parts = {"t1": ["train", "test", "validation", "test"], "independent1": ["independent"] * 2}
    shards = inside / "results" / "subtomograms" / "A"
    shards.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, kinds in parts.items():
        images = rng.normal(size=(len(kinds), 8, 8, 8))
        particles = particles_of(np.zeros((len(kinds), 3)), "1KP8")
        masks = (images < -1).astype(np.uint8)
        paths.append(write_shard_of(shards / f"{name}.h5", images, masks, particles))
    (inside / "results" / "splits").mkdir(exist_ok=True)
    split = [kind for kinds in parts.values() for kind in kinds]
    write_split_of(inside / "results" / "splits" / "random.csv", paths, split)
    return inside


def run_code(page, code, names=()):
    """Run a Python block of a page; give its names."""
    names = dict(names)
    exec(compile(code, page.name, "exec"), names)  # noqa: S102 -- our own page
    return names


def run_ours(words, options=FASTER):
    """Run a command of ssn3d, with coarser options where it would take long."""
    given = [name for word in words[1:] for name in sorted(map(str, Path().glob(word))) or [word]]
    main([*given, *options.get(words[1], [])])


@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_commands_run(words, inside):
    run_ours(words)
    assert inside.is_dir()


def test_options_exist():
    for words in OURS:
        assert _parser().parse_args(words[1:]).run


def test_masks_are_entered(leaderboard, capsys):
    page = DOCS / "how-to" / "leaderboard.md"
    *_, (_, code) = blocks(page, "python")
    run_code(page, code, {"my_method": lambda image: image < -1})
    with h5py.File(leaderboard / "mine.h5") as file:
        assert file["masks"].shape == (4, 8, 8, 8)
    (words,) = (w for w in commands(page) if "mine.h5" in w)
    run_ours(words)
    assert re.search(r"^test +2 +100.00", capsys.readouterr().out, re.MULTILINE)


def test_signature_of_networks():
    page = DOCS / "how-to" / "leaderboard.md"
    (_, code), *_ = blocks(page, "python")
    assert run_code(page, f"from torch import nn\n{code}")["my_net"].block == 2


def test_files_are_read(inside, capsys):
    page = DOCS / "how-to" / "exchange.md"
    ((_, code),) = blocks(page, "python")
    run_code(page, code)
    assert str(SHAPE) in capsys.readouterr().out
    assert inside.is_dir()


@pytest.mark.parametrize("words", SNAKEMAKE, ids=" ".join)
def test_snakemake_understands(words, monkeypatch):
    """Options, configurations and rules exist; the workflow's own tests run them."""
    monkeypatch.chdir(REPOSITORY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # argparse in Snakemake
        _, arguments = parse_args(list(words[1:]))
    files = [REPOSITORY / path for path in arguments.configfile or [] if path.name != "mine.yaml"]
    files = [path for path in files if path.name != "groel.yaml"]
    load_config(REPOSITORY / "config.yaml", *[f for f in files if f.name != "real.yaml"])
    rules = "".join(path.read_text() for path in (REPOSITORY / "workflow").glob("rules/*.smk"))
    for target in arguments.targets:
        assert "/" in target or f"rule {target}:" in rules


def test_other_commands_exist():
    for words in EVERY - set(OURS) - set(SNAKEMAKE):
        if words[0] == "python" and words[1] == "-m":
            assert importlib.util.find_spec(words[2]), words
        elif words[0] in {"python", "benchmarks/gpu.sh"}:
            assert (REPOSITORY / words[words[0] == "python"]).exists(), words
        else:
            assert words[0] in NOT_RUN or words[0] == "cp", words


def test_python_blocks_are_run():
    assert {page.name for page in PAGES if blocks(page, "python")} == PYTHON


def test_configurations_are_valid(tmp_path):
    for page in PAGES:
        for title, text in blocks(page, "yaml"):
            if title:
                (tmp_path / title).write_text(text)
                load_config(REPOSITORY / "config.yaml", tmp_path / title)


@pytest.mark.slow
def test_own_design_is_planned(tmp_path):
    page = DOCS / "tutorials" / "own_design.md"
    for language in ("yaml", "text"):
        for title, text in blocks(page, language):
            (tmp_path / title).write_text(text)
    (words,) = (w for w in commands(page) if w[0] == "snakemake")
    printed = snakemake(tmp_path, "-n", "-s", REPOSITORY / "Snakefile", *words[3:])
    assert "simulate_specimen" in printed
    assert "mine.txt" in printed


@pytest.mark.slow
def test_own_design_runs(monkeypatch):
    """Its Python code simulates, trains and segments."""
    page = DOCS / "tutorials" / "own_design.md"
    ((_, code),) = blocks(page, "python")
    monkeypatch.chdir(REPOSITORY)
    names = run_code(page, code)
    tomogram, density = names["tomogram"], names["specimen"].density
    assert tomogram.shape == density.shape == (72, 160, 160)
    assert np.corrcoef(tomogram.ravel(), density.ravel())[0, 1] < -0.2  # protein is dark
    predicted, truth = map(np.concatenate, zip(*names["pairs"], strict=True))
    assert predicted.shape == truth.shape == (5, 24, 24, 24)
    assert truth.any(axis=(1, 2, 3)).all()
    found = np.count_nonzero(predicted & truth) / np.count_nonzero(predicted | truth)
    assert found > 0.3  # a random mask of that size has 0.07


@pytest.mark.slow
def test_tutorial_runs(tmp_path, monkeypatch, capsys):
    """Simulate, segment, pick, score, draw and average, in a smaller tomogram."""
    page = DOCS / "tutorials" / "segment_pick_average.md"
    lay_down(_parser().parse_args(["init", str(tmp_path)]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(mpl.rcParams, "backend", "agg")
    for language in ("yaml", "text"):
        for title, text in blocks(page, language):
            if title:
                for large, small in SMALLER.items():
                    text = text.replace(large, small)  # noqa: PLW2901
                (tmp_path / title).write_text(text)
    for words in commands(page):
        if words[0] == "snakemake":
            snakemake(tmp_path, *words[3:])
        elif words[0] == "cp":
            shutil.copy(*words[1:])
        else:
            run_ours(words, {"average": ["--rounds", "0"]})
    ((_, code),) = blocks(page, "python")
    run_code(page, code)
    recall = float(re.search(r"^recall +([\d.]+)", capsys.readouterr().out, re.MULTILINE)[1])
    assert recall > 0.9
    assert Path("picks.png").stat().st_size > 10_000
    assert (tmp_path / "groel" / "average.mrc").exists()
