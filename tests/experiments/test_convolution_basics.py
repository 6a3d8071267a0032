"""`experiments/convolution_basics.py` as a user runs it."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "convolution_basics.py"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """The script in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("convolution_basics", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "convolution_basics", script)
    spec.loader.exec_module(script)
    return script.start


def test_one_size_is_worked_out(start, capsys, tmp_path):
    start(["--size", "28", "--kernel", "10", "--stride", "2", "--padding", "0"])
    assert capsys.readouterr().out.strip().endswith("= 18 / 2 + 1\n= 9 + 1 = 10")
    start(["--size", "100", "75", "--stride", "2"])
    out = capsys.readouterr().out
    assert "Input size 100, kernel size 3, stride 2:" in out
    assert "= 49 + 1 = 50" in out
    assert "= 37 + 1 = 38" in out
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--photo", "nowhere.jpg"], "'photo' must be a readable image file, got"),
        (["--size", "2", "--padding", "valid"], "'kernel_size' must fit into the padded input"),
        (["--size", "0"], "'size' must be at least 1"),
        (["--out", "/proc/1/x"], "'out' must be a writable folder"),
    ],
)
def test_user_errors_exit_with_one_line(start, capsys, flags, sentence):
    with pytest.raises(SystemExit) as end:
        start(flags)
    assert end.value.code == 2
    error = capsys.readouterr().err.replace("\n", " ")
    assert sentence in error
    assert "Traceback" not in error


def test_without_the_lessons_it_says_where_they_are(tmp_path, monkeypatch, start, capsys):
    monkeypatch.setattr(sys.modules["convolution_basics"], "DOCS", tmp_path / "docs" / "lessons")
    with pytest.raises(SystemExit) as end:
        start([])
    assert end.value.code == 2
    error = capsys.readouterr().err.replace("\n", " ")
    assert "convolution.md" in error
    assert "Lessons are in docs/lessons of a checkout or of the source archive" in error
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_photograph_without_edges(tmp_path, start, capsys):
    """The smallest that is allowed: nothing to find, nothing to fail on."""
    Image.new("RGB", (64, 90), (128, 128, 128)).save(tmp_path / "even.png")
    start(["--photo", "even.png", "--out", "here"])
    folder = tmp_path / re.search(r"report: (.*)/report.html", capsys.readouterr().out).group(1)
    assert folder.parent == tmp_path / "here" / "convolution_basics"
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["inputs"]["photo"] == str(tmp_path / "even.png")
    assert result["chapters"]["kernels"]["photo"] == "even.png"
    assert result["chapters"]["pooling"]["change"]["no pooling"] == [0, 0, 0, 0, 0]
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "danielbuechele" not in text  # no credit is due
    outputs = re.findall(r'<pre class="output">(.*?)</pre>', text, flags=re.DOTALL)
    assert not {"nan", "inf"} & set(re.findall(r"\w+", " ".join(outputs).lower()))


@pytest.mark.slow
def test_a_run_leaves_everything(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / re.search(r"report: (.*)/report.html", done.stdout).group(1)
    assert folder.parent == tmp_path / "runs" / "convolution_basics"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"config.json", "result.json", "report.html"} <= names
    assert len([name for name in names if name.startswith("figures/")]) > 15
    chapters = json.loads((folder / "result.json").read_text(encoding="utf-8"))["chapters"]
    assert chapters["counting"]["alexnet_total"] == 3_747_200
    assert chapters["exercises"]["lenet_convolutions"] == 50_692
    text = (folder / "report.html").read_text(encoding="utf-8")
    for shown in ("3,747,200", "50,692", "551,936", "154,190,848", "danielbuechele"):
        assert shown in text
