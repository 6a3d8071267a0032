"""Built as a wheel and installed away from the checkout, everything is there and works."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """
import pathlib, sys
import gnnvision as gv
assert pathlib.Path(gv.__file__).is_relative_to(sys.prefix), gv.__file__
for name in ("karate", "stdlib"):
    task = gv.data.load(name)
    model = gv.models.gcn(task.in_channels, 8, task.num_classes)
    result = gv.fit(model, task, gv.Recipe(epochs=3), seeds=2, progress=False)
    print(name, result.metrics()["test"]["accuracy"]["mean"])
assert {"cora", "citeseer", "pubmed"} <= set(gv.data.dataset_names())
assert gv.data.describe("cora").title == "Cora"
print(result.report())
"""


@pytest.mark.slow
def test_a_wheel_in_an_empty_environment(tmp_path):
    dist = tmp_path / "dist"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True)
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "gnnvision/py.typed" in names
    pages = (
        "base.html", "training.html", "page.html", "lesson.html", "macros.html", "index.html",
    )  # fmt: skip
    for file in (*pages, "style.css", "script.js"):
        assert f"gnnvision/report/{file}" in names
    assert not [name for name in names if name.startswith(("tests", "experiments", "runs"))]

    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    (site,) = (home / "lib").glob("python*/site-packages")
    # The dependencies of this environment, without the checkout: a folder that is named in a
    # .pth file is not searched for further ones.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    zipfile.ZipFile(wheel).extractall(site)

    empty = tmp_path / "somewhere"
    empty.mkdir()
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("GNNVISION", "PYTHON"))
    }
    done = subprocess.run(
        [python, "-c", PROGRAM],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = empty / done.stdout.splitlines()[-1]
    assert page.name == "report.html"
    assert page.stat().st_size > 10_000
