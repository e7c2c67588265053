import re
from pathlib import Path
from types import SimpleNamespace

import docutils.core
import jinja2
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "report"
CAPTIONS = sorted(FOLDER.glob("*.rst"))
RULES = "".join(path.read_text() for path in (FOLDER.parent / "rules").glob("*.smk"))
SECTIONS = re.findall(r'"(\d\. [\w ]+)"', RULES)
LINK_TARGETS = SECTIONS + re.findall(r"tables/(\w+\.html)", RULES)
"""Sections and pages, which Snakemake makes targets of links in captions."""


def render(path, source="archive", by="subtomogram", sheet=None, shown=None):
    """Render a caption as Snakemake does; an unknown name or key is an error."""
    config = yaml.safe_load((FOLDER.parents[1] / "config.yaml").read_text())
    config["structures"]["source"], config["splits"]["by"] = source, by
    config["recovery"]["sheet"] = sheet
    # trims as Snakemake does: text right after a block joins the next line
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(path.read_text())
    links = (f"\n.. _{target}: javascript:show()" for target in LINK_TARGETS)
    categories = [SimpleNamespace(name=name) for name in shown or SECTIONS]
    text = template.render(snakemake=SimpleNamespace(config=config), categories=categories)
    return text + "\n" + "".join(links)


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_captions_are_valid(path):
    texts = {by: render(path, by=by) for by in ("subtomogram", "tomogram")}
    if path.stem in {"table2", "table3"}:
        assert ["overlap" in text for text in texts.values()] == [True, False]
    for text in {*texts.values()}:
        docutils.core.publish_string(
            text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2}
        )


def test_every_caption_has_a_rule():
    named = set(re.findall(r"in_\w+\(\s*\"results/[^\"]+\",\s*\"(\w+)\"", RULES))
    assert named | {"workflow"} == {path.stem for path in CAPTIONS}


def test_front_page_names_data():
    front = FOLDER / "workflow.rst"
    assert "bead models" not in render(front)
    assert "bead models" in render(front, source="surrogate")
    assert "A (SNR 0.5), B (SNR 0.06), C (SNR 0.01)" in render(front)


def test_front_page_of_recovery_alone():
    path = FOLDER / "workflow.rst"
    front = render(path, sheet="tomograms.tsv", shown=["7. Recovery"]).partition("\n.. _")[0]
    assert re.findall(r"`([^`]+)`_", front) == ["7. Recovery"]
    assert "tomograms.tsv" in front
