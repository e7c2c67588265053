"""The HTML report in Chromium, opened from disk without a network."""

import shutil

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SECTIONS = [
    "1. Structures", "2. Tomograms", "3. Subtomograms", "4. Segmentation", "5. Tables",
    "6. Run time",
]  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")]


class Reader:
    """A page of an offline browser, with its requests and errors."""

    def __init__(self, page, report):
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.goto(report.as_uri())
        page.wait_for_selector("#rulegraph canvas, #rulegraph svg")

    def _listen(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def open_section(self, name):
        """Click from the home page into a section; return the names of its results."""
        self.page.locator("nav nav li a").first.click()
        self.page.locator("nav li a", has_text=name).click()
        self.wait_for_section(name)
        return self.page.locator("nav tbody tr td:first-child").all_inner_texts()

    def wait_for_section(self, name):
        """Wait until a section is shown after a click; lists and counts do not wait."""
        self.page.locator("nav nav li", has_text=name).wait_for()
        self.page.locator("nav tbody tr").first.wait_for()

    def button(self, result, number):
        """Find the eye (0) or the i (1) in the row of a result."""
        cell = self.page.get_by_role("cell", name=result, exact=True)
        return self.page.locator("nav tbody tr").filter(has=cell).locator("a").nth(number)


@pytest.fixture(scope="module")
def reader(report):
    """Open the report."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": 1600, "height": 1000})
        yield Reader(context.new_page(), report)
        browser.close()


@pytest.fixture(scope="module")
def results(reader):
    """List the names of all results by section, as the report does."""
    return {name: reader.open_section(name) for name in SECTIONS}


def test_front_page_links(reader):
    front = reader.page.locator("#app .prose")
    assert "missing wedge" in front.inner_text()
    assert front.locator("h1").first.bounding_box()["y"] >= 0  # else no reader can scroll to it
    assert [item for item in front.locator("li").all_inner_texts() if item.startswith("Seed: ")]
    for name in SECTIONS:
        front.get_by_role("link", name=name).click()
        reader.wait_for_section(name)
    front.get_by_role("link", name="Table 3").click()
    reader.page.locator("nav .prose", has_text="not trained on").wait_for()


def test_results_are_listed(reader, results):
    held = reader.page.evaluate("Object.values(results).map(r => r.labels.result)")
    listed = [name for names in results.values() for name in names]
    assert sorted(listed) == sorted(held)
    assert all(results.values())


def test_results_are_shown(reader, results):
    page = reader.page
    uris = page.evaluate(
        "Object.fromEntries(Object.values(results).map(r => [r.labels.result, r.data_uri]))"
    )
    for section, names in results.items():
        for name in names:
            reader.open_section(section)
            reader.button(name, 0).click()
            if uris[name].startswith("data:image/png"):
                image = page.locator("#app img[src^='data:image/png']")
                playwright.expect(image).to_have_attribute("src", uris[name])
                image.evaluate("image => image.decode()")  # fails on a broken image
                assert image.evaluate("image => image.naturalWidth") > 500
                box = image.bounding_box()
                assert box["y"] >= 0
                assert box["x"] + box["width"] <= page.viewport_size["width"]
            else:
                frame = page.frame_locator("iframe")
                frame.locator("tbody tr").first.wait_for()
                heads = frame.locator("table").first.locator("th").all_inner_texts()
                cells = frame.locator("tbody tr").first.locator("td").all_inner_texts()
                assert len(cells) == len(heads) > 3
                assert frame.locator("h1").inner_text() != ""
            reader.button(name, 1).click()
            assert len(page.locator("nav .prose").inner_text().split()) > 30


def test_links(reader, results):
    page = reader.page
    for section, names in results.items():
        for name in names:
            reader.open_section(section)
            reader.button(name, 1).click()
            page.locator("nav .prose").wait_for()
            for link in page.locator("a[href]").all():
                address = link.get_attribute("href") or ""
                if address.startswith("#") and address != "#":
                    assert page.locator(f"[id='{address[1:]}'], [name='{address[1:]}']").count()
                else:  # none leads out of the report
                    assert address.startswith(("#", "data:", "javascript:app."))


def test_no_errors_no_requests(reader, results):
    """Check this after the tests above have clicked on everything."""
    assert results
    assert reader.errors == []
    hosts = [url[:100] for url in reader.requests if not url.startswith(("file:", "data:"))]
    assert hosts == []
