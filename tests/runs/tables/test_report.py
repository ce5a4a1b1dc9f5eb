"""The HTML page: complete, closed tags, nothing from elsewhere."""
import html.parser
import re

import pytest

pytest.importorskip("pandas")

from runs.tables.layout import Cell, Table  # noqa: E402
from runs.tables.report import Image, Section, report  # noqa: E402

VOID = {"meta", "link", "img", "br"}
TABLE = Table("Title", ["task", "a"], [[Cell("airline"), Cell("1")]], [])
SECTIONS = [
    Section("First", ["A & B"], [TABLE]),
    Section("Empty"),
    Section(
        "Third", images=[Image(b"one", b"", 400, 'a "plot"')],
        folded=[("folded <1>", [Image(b"two", b"", 300, "other")])],
    ),
    Section("Last", items=["x < y"]),
]


class Checker(html.parser.HTMLParser):
    """Collects tags and checks that they are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(name="tags")
def fixture_tags():
    checker = Checker()
    checker.feed(report("Results", ["Lead."], SECTIONS))
    checker.close()
    assert not checker.open
    return checker.seen


def test_sections_without_content_are_left_out(tags):
    assert [attrs["id"] for tag, attrs in tags if tag == "section"] == ["s0", "s1", "s2"]
    assert [attrs["href"] for tag, attrs in tags if tag == "a"] == ["#s0", "#s1", "#s2"]


def test_nothing_comes_from_elsewhere(tags):
    addresses = [attrs.get(name) for _, attrs in tags for name in ("src", "href") if attrs.get(name)]
    assert all(address.startswith(("#s", "data:")) for address in addresses)
    assert "script" not in {tag for tag, _ in tags}
    assert not re.search(r"https?://|@import|url\(", report("Results", [], SECTIONS))


def test_images_are_inside(tags):
    images = [attrs for tag, attrs in tags if tag == "img"]
    assert images == [
        {"alt": 'a "plot"', "width": "400", "style": "min-width:260px", "src": "data:image/png;base64,b25l"},
        {"alt": "other", "width": "300", "style": "min-width:195px", "src": "data:image/png;base64,dHdv"},
    ]


def test_text_is_escaped():
    page = report("<b>", ["<i>"], SECTIONS)
    assert "<b>" not in page and "<i>" not in page and "A &amp; B" in page and "folded &lt;1&gt;" in page
