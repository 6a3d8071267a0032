import os
import re

from gnnvision.report.page import render, write_page
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.style import drawing


def test_one_file_that_holds_everything(tmp_path):
    path = tmp_path / "a.png"
    with drawing(path, 1, 1) as figure:
        figure.add_subplot()
    plot = Figure(path, "An empty drawing.", "Nothing to see.")
    table = Table(("Layer", "Maps"), [("conv <1>", "16")])
    section = Section("Maps", "What is found.", [plot], [table], "How to read it.")
    page = write_page(tmp_path, "A title", "About it.", [section], "python x.py 'a b'")
    text = page.read_text(encoding="utf-8")
    assert page == tmp_path / "report.html"
    for shown in ("A title", "About it.", "What is found.", "How to read it.", "Nothing to see."):
        assert shown in text
    assert "conv &lt;1&gt;" in text
    assert "python x.py &#39;a b&#39;" in text
    sources = re.findall(r'<img src="([^"]*)"', text)
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,")
    assert "http" not in re.sub(r'"data:[^"]*"', "", text)
    assert text.count("<script>") == 1


def test_without_a_command_it_does_not_say_how(tmp_path):
    page = write_page(tmp_path, "A title", "About it.", [])
    assert "Reproduce" not in page.read_text(encoding="utf-8")


def test_another_template_with_the_same_style(tmp_path):
    (tmp_path / "own.html").write_text(
        '{% extends "base.html" %}{% from "macros.html" import table %}'
        "{% block content %}{{ table(one) }}{% endblock %}"
    )
    one = Table(("a",), [("<b>",)])
    text = render(tmp_path, tmp_path / "own.html", [], title="Own", one=one).read_text()
    assert ":root" in text
    assert "<title>Own</title>" in text
    assert "<td>&lt;b&gt;</td>" in text


def test_every_section_can_be_reached_from_the_contents(tmp_path):
    sections = [Section(title, "") for title in ("Residuals", "고양이", "Residuals", "?")]
    text = write_page(tmp_path, "A title", "", sections, "python x.py").read_text()
    ids = re.findall(r'<section id="([^"]*)">', text)
    assert ids == ["residuals", "고양이", "residuals-2", "section", "reproduce"]
    for name in ids:
        assert text.count(f'href="#{name}"') == 3  # at the side, at the top, and at the heading


def test_a_name_that_is_not_utf8_does_not_cost_the_page(tmp_path):
    name = os.fsdecode("사진".encode("cp949"))
    page = write_page(tmp_path, "A title", f"Of {name}.", [], f"python x.py {name}")
    assert "Of \\udcbb\\udce7\\udcc1\\udcf8." in page.read_text(encoding="utf-8")
