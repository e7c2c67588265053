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
    """Sections and pages, which Snakemake makes targets of links in captions."""
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


@pytest.mark.parametrize("by", ["subtomogram", "tomogram"])
@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_a_caption_is_valid_and_says_what_to_see(path, by):
    text = render(path, by=by)
    assert path.stem not in {"table2", "table3"} or ("overlap" in text) == (by == "subtomogram")
    html = docutils.core.publish_string(
        text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2}
    ).decode()
    assert "{{" not in html
    words = re.sub(r"<[^>]+>", " ", html.partition("<body")[2]).split()
    assert len(words) > 30


def test_every_caption_that_a_rule_names_is_there():
    named = set(re.findall(r"in_\w+\(\s*\"results/[^\"]+\",\s*\"(\w+)\"", rules()))
    assert {"table2", "table3", "complex", "segmentation"} <= named
    assert named | {"workflow"} == {path.stem for path in CAPTIONS}


def test_the_front_page_warns_of_bead_models():
    front = FOLDER / "workflow.rst"
    assert "bead models" not in render(front)
    assert "bead models" in render(front, source="surrogate")
    assert "A (SNR 0.5), B (SNR 0.06), C (SNR 0.01).\n- Training" in render(front)


def test_the_front_page_of_ones_own_tomograms_links_to_nothing_else():
    path = FOLDER / "workflow.rst"
    front = render(path, sheet="tomograms.tsv", shown=["7. Recovery"]).partition("\n.. _")[0]
    assert re.findall(r"`([^`]+)`_", front) == ["7. Recovery"]
    assert "The tomograms of tomograms.tsv." in front
