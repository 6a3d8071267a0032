"""Lessons as notebooks: valid, with the same code, translated, and without syntax of the site."""

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
LESSONS = sorted(
    path.stem
    for path in (DOCS / "lessons").glob("*.md")
    if "kernelspec:" in path.read_text(encoding="utf-8")
)


@pytest.fixture
def notebooks(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("notebooks")


@pytest.fixture
def written(notebooks, tmp_path):
    """Every lesson in both languages."""
    found = {}
    for language in ("en", "ko"):
        notebooks.write_all(DOCS, tmp_path / language, language)
        for name in LESSONS:
            path = tmp_path / language / f"{name}.ipynb"
            found[language, name] = nbformat.read(path, as_version=4)
    return found


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_the_lessons_are_there():
    assert {"convolution", "networks", "training", "transfer", "explaining", "graphs"} <= {
        *LESSONS
    }


def test_every_notebook_is_valid_and_installs_what_it_needs(written):
    for (language, name), notebook in written.items():
        nbformat.validate(notebook)
        first, *rest = code_of(notebook)
        assert "pip install" in first
        assert rest, (language, name)
        for source in rest:
            ast.parse(source)


def test_both_languages_have_the_same_code_as_the_lesson(written):
    for name in LESSONS:
        english, korean = (code_of(written[language, name]) for language in ("en", "ko"))
        assert english == korean
        text = (DOCS / "lessons" / f"{name}.md").read_text(encoding="utf-8")
        for source in english[1:]:
            assert source.splitlines()[0] in text


def test_the_text_is_plain_markdown_and_korean_where_it_should_be(written):
    for (language, name), notebook in written.items():
        for cell in notebook.cells:
            if cell.cell_type != "markdown":
                continue
            assert not re.search(r"(?m)^:::|\{\w+(:\w+)?\}`", cell.source), (name, cell.source)
            prose = re.sub(r"`[^`]*`", "", cell.source)
            if language == "ko" and len(re.findall(r"[a-z]{3,}", prose)) > 4:
                assert re.search(r"[가-힣]{2}", prose), (name, cell.source)


def test_titles_lists_and_tables_are_translated(notebooks):
    text = (
        "# One\n\n:::{tip} Try it\n\nTwo\nlines\n:::\n\n- item\n\n| a | b |\n|---|---|\n| c | d |"
    )
    messages = {
        "One": "하나",
        "Try it": "해 보기",
        "Two lines": "두 줄",
        "item": "항목",
        "c": "다",
    }
    done = notebooks.translate(text, messages)
    for shown in ("# 하나", ":::{tip} 해 보기", "두 줄", "- 항목", "| 다 | d |"):
        assert shown in done


def test_roles_become_code_or_text(notebooks):
    source = "A {py:class}`~gnnvision.Conv2d`, {doc}`the formula <../concepts/formula>`은"
    assert notebooks._for_jupyter(source) == "A `Conv2d`, the formula은"
