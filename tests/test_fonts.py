"""Letters of every script: from fonts that have them, else as numbers that a note explains."""

import logging
import re

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from gnnvision import _fonts as fonts
from gnnvision.report.page import write_page
from gnnvision.report.parts import Figure, Section
from gnnvision.report.style import drawing

NAMES = ["강아지", "고양이"]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    """As in a new process: no font was looked for yet."""
    for name, value in (("_found", []), ("_homes", {}), ("_missing", {}), ("_warned", set())):
        monkeypatch.setattr(fonts, name, value)
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))


def made_font(path, letters, family):
    """A font in which each of the letters is a square."""
    pen = TTGlyphPen(None)
    for place, corner in enumerate([(0, 0), (0, 500), (500, 500), (500, 0)]):
        (pen.lineTo if place else pen.moveTo)(corner)
    pen.closePath()
    square, names = pen.glyph(), [f"g{ord(letter)}" for letter in letters]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", *names])
    builder.setupCharacterMap({ord(letter): f"g{ord(letter)}" for letter in letters})
    builder.setupGlyf(dict.fromkeys([".notdef", *names], square))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names], (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def draw(path, names=NAMES):
    """The texts of a figure with the names as ticks, in its title and beside a point."""
    with drawing(path, 2) as figure:
        axes = figure.add_subplot()
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks([-1, 1])
        axes.set_title(" → ".join(names))
        axes.text(0, 0, names[0], weight="bold")
    texts = [text.get_text() for text in figure.findobj(Text) if text.get_text()]
    return texts, figure


@pytest.mark.parametrize("ending", ["ttf", "ttc"])
def test_a_font_is_found_by_the_letters_it_has(tmp_path, monkeypatch, caplog, ending):
    others = made_font(tmp_path / "noto_sans_kr.ttf", "가", "Named For It")
    file = made_font(tmp_path / "odd.ttf", "강아지고양이", "Has It")
    if ending == "ttc":
        collection = TTCollection()
        collection.fonts = [TTFont(file)]
        file = tmp_path / "odd.ttc"
        collection.save(file)
    monkeypatch.setattr(fonts, "_font_files", lambda: [str(others), str(file)])
    texts, figure = draw(tmp_path / "a.png")
    assert {*NAMES, " → ".join(NAMES)} <= set(texts)
    assert fonts.families() == ["DejaVu Sans", "Has It"]
    labels = [t for t in figure.findobj(Text) if t.get_text() in NAMES]
    assert all(t.get_fontfamily() == ["DejaVu Sans", "Has It"] for t in labels)
    assert "\N{MINUS SIGN}1" in texts
    assert fonts.missing_note(tmp_path) == ""
    assert not [r for r in caplog.records if "Noto" in r.message]


def test_without_such_a_font_names_are_numbers_that_the_page_explains(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(fonts, "_font_files", list)
    figures = tmp_path / "figures"
    figures.mkdir()
    with caplog.at_level(logging.WARNING, "gnnvision"):
        texts, _ = draw(figures / "a.png", ["강아지", "고양이", "cat"])
        other, _ = draw(figures / "b.png", ["고양이", "ねこ"])
    assert {"[1]", "[2]", "cat", "[1] → [2] → cat"} <= set(texts)
    assert {"[2]", "[3]", "[2] → [3]"} <= set(other)  # the same number in each figure
    note = fonts.missing_note(tmp_path)
    assert "[1] is 강아지, [2] is 고양이, [3] is ねこ." in note
    assert "No installed font has Korean" in note
    assert "Install Noto Sans CJK or Nanum Gothic" in note
    assert [r.message.split(" (")[0] for r in caplog.records] == [
        "No installed font has Korean",
        "No installed font has Japanese",
    ]
    section = Section("Names", "Drawn.", [Figure(figures / "a.png", "names")])
    page = write_page(tmp_path, "Names", "Of classes.", [section]).read_text()
    assert "[2] is 고양이" in page


def test_an_svg_keeps_the_letters_and_has_room_for_those_of_the_browser(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_font_files", list)

    def named(name, wide):
        with drawing(tmp_path / f"{name}.svg", 2, 2) as figure:
            axes = figure.add_subplot()
            axes.barh([0, 1], [1, 2])
            axes.set_yticks([0, 1], [wide, "cat"])
        return (tmp_path / f"{name}.svg").read_text()

    svg, wide = named("a", "강아지들의 이름"), named("b", "WWWWW WW")
    assert ">강아지들의 이름</text>" in svg
    assert ">cat</text>" in svg
    assert "W" not in re.sub("Verdana", "", svg)
    view = [re.search(r'viewBox="([^"]*)"', one)[1] for one in (svg, wide)]
    assert view[0] == view[1]
    assert fonts.missing_note(tmp_path) == ""


def test_a_figure_that_can_be_drawn_later_has_no_note(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_font_files", list)
    draw(tmp_path / "a.png")
    assert fonts.missing_note(tmp_path)
    fonts._homes.clear()
    file = made_font(tmp_path / "f.ttf", "강아지고양이", "Has It")
    monkeypatch.setattr(fonts, "_font_files", lambda: [str(file)])
    draw(tmp_path / "a.png")
    assert fonts.missing_note(tmp_path) == ""


def test_names_that_the_usual_font_has_ask_for_nothing(tmp_path, monkeypatch):
    def fail():
        raise AssertionError("fonts were looked for")

    monkeypatch.setattr(fonts, "_font_files", fail)
    texts, _ = draw(tmp_path / "a.png", ["Füße", "кот", "γάτα", "e\u200dx", "$x_1$"])
    assert {"Füße", "кот", "γάτα", "$x_1$"} <= set(texts)


def test_fonts_of_this_machine_can_be_listed():
    files = fonts._font_files()
    assert any("DejaVuSans" in file for file in files)
    assert not any("lastresort" in file.lower() for file in files)
