import os
import re

from gnnvision.report.page import render, report_look, write_page
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.style import drawing


def test_the_look_of_the_reports_is_found():
    macros, style = report_look()
    assert "{% macro picture(one) %}" in macros
    assert "{% macro table(one) %}" in macros
    assert ":root" in style
    assert "<" not in style


def test_one_file_that_holds_everything(tmp_path):
    path = tmp_path / "a.png"
    with drawing(path, 1, 1) as figure:
        figure.add_subplot()
    picture = Figure(path, "An empty drawing.", "Nothing to see.")
    table = Table(("Layer", "Maps"), [("conv <1>", "16")])
    section = Section("Maps", "What is found.", [picture], [table], "How to read it.")
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
    assert "<script" not in text


def test_without_a_command_it_does_not_say_how(tmp_path):
    page = write_page(tmp_path, "A title", "About it.", [])
    assert "make this page again" not in page.read_text(encoding="utf-8")


def test_another_template_with_the_same_look(tmp_path):
    (tmp_path / "own.html").write_text(
        '{% from "macros" import table %}<style>{{ look }}</style>{{ table(one) }}{{ made }}'
    )
    text = render(tmp_path, tmp_path / "own.html", one=Table(("a",), [("<b>",)])).read_text()
    assert ":root" in text
    assert "&lt;b&gt;" in text


def test_a_name_that_is_not_utf8_does_not_cost_the_page(tmp_path):
    name = os.fsdecode("사진".encode("cp949"))
    page = write_page(tmp_path, "A title", f"Of {name}.", [], f"python x.py {name}")
    assert "Of \\udcbb\\udce7\\udcc1\\udcf8." in page.read_text(encoding="utf-8")
