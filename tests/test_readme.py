"""The pages are true: their Python runs, their files and commands exist, the versions agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gnnvision as gv

ROOT = Path(__file__).resolve().parents[1]
ENGLISH, KOREAN = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md")
)
FORMULA = (ROOT / "docs" / "concepts" / "formula.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
SCRIPTS = {path.name for path in (ROOT / "experiments").glob("*.py")}


def code_of(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def without_comments(lines):
    return [re.sub(r"\s+#.*", "", line) for line in lines]


@pytest.mark.slow
def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "\n".join(code_of(ENGLISH, "python"))
    quick = {
        '"cora"': '"karate"',
        "seeds=10": "seeds=2",
        "gv.Recipe(weight": "gv.Recipe(epochs=2, weight",
    }
    for long, short in quick.items():  # a small graph that needs no network
        assert source.count(long) == 1
        source = source.replace(long, short)
    names, checked = {}, 0
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), "README", "eval"), names)
            if isinstance(value, bool):
                assert value, ast.unparse(statement)
                checked += 1
            elif isinstance(value, torch.Tensor):
                assert value.shape == (34, 16)
                checked += 1
        else:
            exec(compile(ast.Module([statement], []), "README", "exec"), names)
    assert checked == 4, "the layers' outputs or the two comparisons of the README were not found"
    assert names["page"].is_file()
    assert names["page"].resolve().is_relative_to(tmp_path / "runs" / "fit")


def test_the_layers_that_the_formula_names_exist():
    classes = set(re.findall(r"`(\w+(?:Conv|APPNP|Propagation|Norm|Conv\dd))`", FORMULA))
    assert {"GCNConv", "NNConv", "EdgeConv"} <= classes
    assert all(hasattr(gv, name) for name in classes - {"HeteroConv"}), classes


def test_the_summary_has_the_form_that_is_shown():
    (shown,) = code_of(ENGLISH, "text")
    assert re.search(r"Cora.*public.*10 seeds", shown)
    assert re.search(r"(?m)^test .* 8\d\.\d ± \d\.\d %", shown)


def test_it_is_short():
    assert len(ENGLISH.splitlines()) < 120


def test_the_korean_page_says_the_same():
    for language in ("python", "sh", "text"):
        english, korean = ("\n".join(code_of(text, language)) for text in (ENGLISH, KOREAN))
        assert without_comments(english.splitlines()) == without_comments(korean.splitlines())
    figures = [
        re.findall(r"\d[\d.,]* ± \d[\d.]*|\d[\d,.]+ (?:ms|MiB|s)\b", t) for t in (ENGLISH, KOREAN)
    ]
    assert figures[0] == figures[1]
    links = [
        sorted(set(re.findall(r"\]\(([^)]+)\)", t)) - {"README.md", "README.ko.md"})
        for t in (ENGLISH, KOREAN)
    ]
    assert links[0] == links[1]


@pytest.mark.parametrize("text", [ENGLISH, KOREAN, RESULTS], ids=["English", "Korean", "results"])
def test_linked_files_are_there(text):
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", text)
    assert links or text is RESULTS
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_script_is_named_and_every_named_script_exists():
    for text in (ENGLISH, KOREAN):
        assert set(re.findall(r"\b([a-z_]+\.py)\b", text)) - {"test_rgcn.py"} == SCRIPTS
        for target in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    for folder, script in re.findall(r"python (experiments|benchmarks)/(\w+\.py)", RESULTS):
        assert (ROOT / folder / script).is_file(), script


def test_results_of_the_short_page_are_those_of_the_long_one():
    for figure in re.findall(r"\d[\d.]* ± \d[\d.]*", ENGLISH.partition("## Results")[2]):
        assert figure in RESULTS, figure


def test_the_version_follows_the_changelog():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(
        r"^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE
    ).groups()
    assert gv.__version__ == version
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {version}\n" in citation
    assert f"date-released: {date}\n" in citation


def test_contributing_counts_the_files_without_a_test_of_their_own_name():
    tests = {path.name for path in ROOT.glob("tests/**/test_*.py")}
    files = [p for p in ROOT.glob("gnnvision/**/*.py") if p.name != "__init__.py"]
    untested = sum(f"test_{path.name.lstrip('_')}" not in tests for path in files)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    said = int(re.search(r"(\d+) of\s+(\d+) files", text)[1])
    assert untested <= said, f"CONTRIBUTING.md says {said}, but {untested} have none"


def test_the_flags_that_are_shown_exist():
    """Each command of the pages is understood by its script, whose `--help` lists the flags."""
    texts = (ENGLISH, RESULTS)
    commands = {c for t in texts for c in re.findall(r"python experiments/(\w+\.py[^`#\n]*)", t)}
    helps = {}
    for command in sorted(commands):
        script, *arguments = command.split()
        if script not in helps:
            run = [sys.executable, str(ROOT / "experiments" / script), "--help"]
            helps[script] = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        for flag in (argument for argument in arguments if argument.startswith("--")):
            assert re.search(rf"{flag}\b", helps[script]), f"{command}: no flag {flag}"


def test_the_commands_that_are_shown_exist():
    """Each line of `gnnvision` is understood by its command, whose `--help` lists the flags."""
    lines = re.findall(r"^gnnvision (\w+)([^#\n]*)", ENGLISH, re.MULTILINE)
    assert {"check", "train", "predict", "explain"} <= {command for command, _ in lines}
    for command, arguments in lines:
        run = [sys.executable, "-m", "gnnvision", command, "--help"]
        shown = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        for flag in (argument for argument in arguments.split() if argument.startswith("--")):
            assert re.search(rf"{flag}\b", shown), f"gnnvision {command}: no flag {flag}"
