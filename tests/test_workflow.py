"""The action file: it parses, and what it runs exists."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
JOBS = WORKFLOW["jobs"]
MATRIX = JOBS["tests"]["strategy"]["matrix"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def commands():
    for job in JOBS.values():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                yield shlex.split(line.replace("${{ matrix.target }}", "MATRIX"))


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_what_it_runs_exists(command):
    program, *words = command
    if program == "make":
        targets = MATRIX["target"] + [one["target"] for one in MATRIX["include"]]
        assert set(targets if words == ["MATRIX"] else words) <= set(TARGETS)
    elif program == "gnnvision":
        assert "gnnvision" in PROJECT["scripts"]
    elif program == "python" and words[0] != "-m":
        assert (ROOT / words[0]).is_file()
    else:
        assert command[:4] in (
            ["python", "-m", "pip", "install"],
            ["uv", "pip", "install", "--system"],
        )


def test_it_can_only_read():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in JOBS.values())


def test_actions_are_those_of_a_major_version():
    used = {step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step}
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", name) for name in used), used
    assert len({name.partition("@")[0] for name in used}) == len(used)


def test_the_matrix_has_the_ends_of_what_pyproject_allows():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert min(MATRIX["python"], key=lambda text: int(text[2:])) == oldest
    (torch,) = (
        d.removeprefix("torch>=") for d in PROJECT["dependencies"] if d.startswith("torch>")
    )
    held = [one for one in MATRIX["include"] if one["torch"] == torch]
    assert [one["python"] for one in held] == [oldest]
    assert any(one["os"].startswith("macos") for one in MATRIX["include"])


def test_the_makefile_takes_python_and_torch_from_the_environment():
    text = (ROOT / "Makefile").read_text()
    assert "PYTHON ?=" in text
    assert "$(if $(TORCH),'$(TORCH)')" in text
