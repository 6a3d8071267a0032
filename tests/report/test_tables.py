"""Tables on pages: words and numbers stay whole, long tables are closed at first."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import gnnvision
from gnnvision.report.page import write_page
from gnnvision.report.parts import Section, Table
from gnnvision.report.template import read_file


class Tree(HTMLParser):
    """Each table cell with its class, and which elements are around it."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.summaries = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if tags and tags[-1] == "td":
            around = [(tag, held.get("class"), "open" in held) for tag, held in self.open]
            self.cells.append((data, self.open[-1][1].get("class"), around))
        if tags and tags[-1] == "summary":
            self.summaries.append(data)


def page(folder, *tables):
    return Tree(
        write_page(folder, "Page", "About.", [Section("One", "Lead.", (), tables)]).read_text()
    )


def rules(css):
    """Selector -> declarations, those for narrow screens and paper left out."""
    plain = css.split("@media (max-width")[0]
    plain = re.sub(r"/\*.*?\*/|@media[^{]*\{\s*:root \{[^}]*\}\s*\}", "", plain, flags=re.S)
    return {
        selector.strip(): dict(
            (part.strip() for part in one.split(":", 1)) for one in body.split(";") if ":" in one
        )
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", plain)
    }


def test_no_rule_lets_a_cell_break_inside_a_word():
    found = rules(read_file("style.css"))
    whole = {"overflow-wrap": "normal", "word-break": "keep-all", "hyphens": "none"}
    assert found["th, td"].items() >= whole.items()
    assert found[".n"]["white-space"] == "nowrap"
    assert found[".scroll"]["overflow-x"] == "auto"
    breaking = [
        selector
        for selector, held in found.items()
        if held.get("overflow-wrap") in ("anywhere", "break-word")
        or held.get("word-break") in ("break-all", "break-word")
    ]
    # Addresses, prose, code in prose, and paths or SMILES.
    assert set(breaking) == {".about", "a", "dd", "p code, li code", "td.long"}


@pytest.mark.parametrize(
    "template", sorted(Path(gnnvision.__file__).parent.rglob("*.html")), ids=lambda path: path.name
)
def test_every_template_extends_the_base(template):
    text = template.read_text(encoding="utf-8")
    if template.name not in ("base.html", "macros.html"):
        assert text.startswith('{% extends "base.html" %}')
    assert ("<td" in text) == (template.name == "macros.html")
    assert ("{{ style }}" in text) == ("{{ script }}" in text) == (template.name == "base.html")
    assert not re.search(r"(overflow-wrap|word-break)", text)


def test_cells_that_may_break_are_those_with_long_words(tmp_path):
    long = "C" * 40
    verdict = "depends on the model (0.12 to 0.31)"
    cells = [("random weights", "18,496"), (long, "1"), ("", "2"), ("7 × 7", verdict)]
    held = {text: kind for text, kind, _ in page(tmp_path, Table(("Name", "Count"), cells)).cells}
    assert held.pop(verdict) == "n words"  # breaks between words, and nowhere else
    assert held.pop("7 × 7") == "keep"
    assert held == {"random weights": None, "18,496": "n", long: "long", "1": "n", "2": "n"}


@pytest.mark.parametrize(("count", "total"), [(12, False), (13, False), (152, False), (153, True)])
def test_long_tables_are_closed_and_say_what_they_hold(tmp_path, count, total):
    rows = [(f"layer {number}", f"{number}") for number in range(count)]
    tree = page(tmp_path, Table(("Layer", "Parameters"), rows, total=total))
    assert len(tree.cells) == 2 * count
    for _, _, around in tree.cells:
        assert ("div", "scroll", False) in around
        assert (("details", "rows", False) in around) == (count > 12)
    shown = [f"Table of {count - total} rows: Layer, Parameters"] if count > 12 else []
    assert tree.summaries == shown
