"""Every code block of the pages runs: Python in one namespace, shell lines as commands, in order.

A comment `# True` or `# False` behind an expression states its value, and is checked. `text`
blocks are output; blocks of other languages do not run. `runs/train/STAMP` in a command stands for
the newest run in `runs/train`. Lessons and the gallery have tests of their own.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
OWN_TEST = {"guides/own_graphs.md"}  # tests/test_own_graphs.py
PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for folder in (".", "guides", "concepts", "api")
    for path in (DOCS / folder).glob("*.md")
    if re.search(r"(?m)^ *```(python|sh)$", path.read_text(encoding="utf-8"))
)
NOT_RUN = ("pip ", "make ", "git ", "cd ", "export ", "python -m venv", "torchrun ", "srun ")


def blocks_of(text):
    """The language, the code and the line of each block that runs."""
    for found in re.finditer(r"(?ms)^( *)```(python|sh)\n(.*?)^ *```$", text):
        indent = len(found[1])
        code = "\n".join(line[indent:] for line in found[3].split("\n"))
        yield found[2], code, text[: found.start()].count("\n") + 1


def run_python(code, line, page, names):
    tree = ast.increment_lineno(ast.parse(code), line)
    lines = code.splitlines()
    checked = 0
    for statement in tree.body:
        if not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), page, "exec"), names)
            continue
        value = eval(compile(ast.Expression(statement.value), page, "eval"), names)
        stated = re.search(r"# (True|False)\b", lines[statement.end_lineno - 1 - line])
        if stated:
            assert bool(value) is (stated[1] == "True"), ast.unparse(statement)
            checked += 1
    return checked


def newest_run(path, folder):
    """`runs/train/STAMP` with the stamp of the newest run in `runs/train`."""
    (parent, _) = path.rsplit("/", 1)
    return f"{parent}/{max(run.name for run in (folder / parent).iterdir() if run.is_dir())}"


def run_shell(code, folder):
    """Run `gnnvision ...` and `python ...` with this environment; skip lines that install."""
    for command in code.replace("\\\n", " ").splitlines():
        command = command.split("  #")[0].strip()
        if not command or command.startswith(("#", *NOT_RUN)):
            continue
        program, *arguments = shlex.split(command)
        assert program in ("gnnvision", "python"), command
        module = ["-m", "gnnvision"] if program == "gnnvision" else []
        arguments = [newest_run(a, folder) if a.endswith("/STAMP") else a for a in arguments]
        arguments = [
            str(ROOT / a) if a.startswith(("experiments/", "benchmarks/", "docs/")) else a
            for a in arguments
        ]
        done = subprocess.run(
            [sys.executable, *module, *arguments],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*split has:UserWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if page not in OWN_TEST])
def test_the_code_of_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    names, checked = {}, 0
    for language, code, line in blocks_of(text):
        if language == "python":
            checked += run_python(code, line, page, names)
        else:
            run_shell(code, tmp_path)
    python = "\n".join(code for language, code, _ in blocks_of(text) if language == "python")
    assert checked == len(re.findall(r"# (?:True|False)\b", python))


def test_the_pages_are_found():
    assert set(PAGES) >= {"concepts/formula.md", "guides/own_graphs.md"}
