import re
from pathlib import Path
from types import SimpleNamespace

import docutils.core
import jinja2
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "report"
CAPTIONS = sorted(FOLDER.glob("*.rst"), key=lambda path: path.name)


def rules():
    """Read all rules."""
    return "".join(path.read_text() for path in (FOLDER.parent / "rules").glob("*.smk"))


def link_targets():
    """List sections and pages, the targets of links in captions."""
    return sections() + re.findall(r"tables/(\w+\.html)", rules())


def sections():
    """Name all sections of the report."""
    return re.findall(r'"(\d\. [\w ]+)"', rules())


def render(path, source="archive", by="subtomogram", sheet=None, shown=None):
    """Fill a caption in as Snakemake does; an unknown name or key is an error."""
    config = yaml.safe_load((FOLDER.parents[1] / "config.yaml").read_text())
    config["structures"]["source"], config["splits"]["by"] = source, by
    config["recovery"]["sheet"] = sheet
    # trims as Snakemake does: text right after a block joins the next line
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(path.read_text())
    links = (f"\n.. _{target}: javascript:show()" for target in link_targets())
    categories = [SimpleNamespace(name=name) for name in shown or sections()]
    text = template.render(snakemake=SimpleNamespace(config=config), categories=categories)
    return text + "\n" + "".join(links)


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_caption_is_valid(path):
    html = docutils.core.publish_string(
        render(path), writer="html5", settings_overrides={"halt_level": 2, "report_level": 2}
    ).decode()
    assert "{{" not in html


@pytest.mark.parametrize("table", ["table2", "table3"])
def test_table_captions_name_overlap(table):
    for by in ("subtomogram", "tomogram"):
        text = render(FOLDER / f"{table}.rst", by=by)
        assert ("overlap" in text) == (by == "subtomogram")


def test_rules_name_all_captions():
    named = set(re.findall(r"in_\w+\(\s*\"results/[^\"]+\",\s*\"(\w+)\"", rules()))
    assert {"table2", "table3", "complex", "segmentation"} <= named
    assert named | {"workflow"} == {path.stem for path in CAPTIONS}


def test_front_page_names_surrogates():
    front = FOLDER / "workflow.rst"
    assert "bead models" not in render(front)
    assert "bead models" in render(front, source="surrogate")
    assert "A (SNR 0.5), B (SNR 0.06), C (SNR 0.01).\n- Training" in render(front)


def test_front_page_of_sheet():
    path = FOLDER / "workflow.rst"
    front = render(path, sheet="tomograms.tsv", shown=["7. Recovery"]).partition("\n.. _")[0]
    assert re.findall(r"`([^`]+)`_", front) == ["7. Recovery"]
    assert "The tomograms of tomograms.tsv." in front
