"""The page of benchmarks: its commands exist with their flags, its figures are on record.

The tables are those of benchmarks/baseline.json; other figures are in the results or changelog.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import bench
from bench_rows import read_baseline

ROOT = Path(__file__).resolve().parents[2]

PAGE = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
RECORD = "".join(
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/results.md", "README.md", "CHANGELOG.md")
)
COMMANDS = re.findall(r"(?m)^\$ python benchmarks/(\w+\.py)([^#\n]*)", PAGE)
HELPERS = {
    "timing.py", "gpu_sections.py", "gpu_parity.py", "gpu_training.py", "jax_cora.py",
    "bench_jobs.py", "bench_rows.py", "bench_page.py", "deepgnn_peer.py",
    "fuzz_door.py", "fuzz_mutate.py", "fuzz_own.py", "fuzz_packed.py", "fuzz_runs.py",
}  # fmt: skip


def test_every_benchmark_is_on_the_page():
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")} - HELPERS
    assert {script for script, _ in COMMANDS} == scripts


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted({script for script, _ in COMMANDS}))
def test_the_flags_of_its_commands_exist(script):
    run = [sys.executable, str(ROOT / "benchmarks" / script), "--help"]
    shown = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    for name, arguments in COMMANDS:
        for flag in re.findall(r"--[\w-]+", arguments if name == script else ""):
            assert re.search(rf"{flag}\b", shown), f"{script}: no flag {flag}"


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?m)^\$ make ([\w-]+)", PAGE):
        assert re.search(rf"(?m)^{target}:", makefile), target


def test_every_figure_is_on_record():
    """A number with a decimal point, a thousands comma or a unit is in results or changelog."""
    before, _, rest = PAGE.partition(bench.BEGIN)
    text = before + rest.partition(bench.END)[2]
    figures = re.findall(r"\d[\d,]*\.\d+|\d{1,3}(?:,\d{3})+|\d+ (?:s|ms|MiB|GiB)\b", text)
    assert len(figures) > 10
    record = set(re.findall(r"\d[\d,]*\.\d+|\d[\d,]*\d|\d", RECORD))
    missing = {f for f in figures if f.split()[0] not in record}
    assert missing == set()


def test_the_tables_are_those_of_the_baseline():
    baseline = read_baseline(bench.BASELINE)
    assert baseline
    assert bench.with_tables(PAGE, baseline) == PAGE
