"""The answers to the fifteen questions about graphs of one's own run as the page has them."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.test_pages import blocks_of, run_shell

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "guides" / "own_graphs.md").read_text(
    encoding="utf-8"
)
START, *SECTIONS = re.split(r"(?m)^## ", PAGE)
QUESTIONS = [section.partition("\n")[0] for section in SECTIONS]
AFTER = {9: [2, 8], 8: [2], 12: [11], 15: [5, 14], 14: [5]}  # a section that uses earlier names


def code_of(text):
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return "\n".join(blocks).replace("epochs=100", "epochs=2")


def run(code, names):
    """The number of comparisons, each of which must have the value that its comment states."""
    checked = 0
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        if not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), "own_graphs", "exec"), names)
            continue
        value = eval(compile(ast.Expression(statement.value), "own_graphs", "eval"), names)
        stated = re.search(r"# (True|False)\b", lines[statement.end_lineno - 1])
        if stated:
            assert value is (stated[1] == "True"), ast.unparse(statement)
            checked += 1
    return checked


def test_there_are_fifteen():
    assert [question.partition(".")[0] for question in QUESTIONS] == [
        f"Q{n}" for n in range(1, 16)
    ]
    assert len(re.findall(r"# (?:True|False)\b", PAGE)) >= 14


@pytest.mark.filterwarnings("ignore:.*split has:UserWarning")
@pytest.mark.parametrize("number", range(1, 16), ids=QUESTIONS)
def test_the_answer_runs(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    run(code_of(START), names)
    for earlier in AFTER.get(number, ()):
        run(code_of(SECTIONS[earlier - 1]), names)
    answer = code_of(SECTIONS[number - 1])
    assert answer.strip()
    checked = run(answer, names)
    assert checked == len(re.findall(r"# (?:True|False)\b", answer))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*split has:UserWarning")
def test_the_commands_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    run(code_of(START) + code_of(SECTIONS[4]), names)
    commands = [code for language, code, _ in blocks_of(PAGE) if language == "sh"]
    assert len(commands) == 1
    run_shell(commands[0], tmp_path)
    assert (tmp_path / "predicted.csv").read_text().count("\n") == 22
