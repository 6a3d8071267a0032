"""The README is true: its Python runs and says what it shows, its files and commands exist."""

import ast
import re
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_runs():
    source = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.S))
    names = {}
    checked = 0
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), "README", "eval"), names)
            if isinstance(value, bool):
                assert value, ast.unparse(statement)
                checked += 1
        else:
            exec(compile(ast.Module([statement], []), "README", "exec"), names)
    assert checked == 2, "the two comparisons of the README were not found"
    assert names["cnn"](names["images"]).shape == (8, 10)
    assert names["gcn"](torch.rand(3, 4), names["graph"]).shape == (1, 10)


def test_linked_files_are_there():
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", TEXT)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_script_is_named_and_every_named_script_exists():
    scripts = {path.name for path in (ROOT / "experiments").glob("*.py")}
    named = set(re.findall(r"experiments/(\w+\.py)", TEXT))
    assert scripts == named
    for target in re.findall(r"^make ([\w-]+)", TEXT, re.M):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), target
