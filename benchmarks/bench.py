"""The speed of gnnvision compared with its peers: one command, one page.

    make bench
    python benchmarks/bench.py --only cora gatv2 --out runs/bench/mine
    python benchmarks/bench.py --long --jax PEER/bin/python --chemprop PEER/bin/chemprop
    python benchmarks/bench.py --check                       compare with the stored baseline
    python benchmarks/bench.py --read A/bench.json --markdown            the tables of a run

Each job runs in its own process, one after the other, and takes its programs from a script that
also runs alone; a job that fails or does not end is a line of the table. Without `--long` the jobs
that train for minutes are left out. Peers in separate environments (JAX, Chemprop) are "not
installed" unless their commands are given; benchmarks/cora.py and benchmarks/molecules.py say how
to install them.

`bench.json`, `bench.html` and `ratios.svg` are written into a folder, and the table is printed.
`--store` writes runs that were read into benchmarks/baseline.json, from which the tables of
docs/benchmarks.md are made; `--check` ends with exit code 1 if a ratio got worse by more than its
noise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bench_jobs import JOBS, Options, failed
from bench_rows import Bench, Row, changes, has_failed, merge, read_baseline, write_baseline
from timing import with_allocator

HERE = Path(__file__).resolve().parent
BASELINE = HERE / "baseline.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- tables of baseline.json -->\n", "<!-- end of the tables -->\n"
MARK = "bench row: "


def run_job(name: str, options: Options) -> list[Row]:
    """Run a job in its own process, and return its rows."""
    command = [sys.executable, str(HERE / "bench.py"), "--job", name]
    command += ["--quick"] * options.quick + ["--bounds", json.dumps(options.bounds)]
    for flag, path in (("--jax", options.jax), ("--chemprop", options.chemprop)):
        command += [flag, str(path)] if path is not None else []
    environment = dict(os.environ)
    if JOBS[name].threads:
        environment["OMP_NUM_THREADS"] = str(JOBS[name].threads)
    limit = JOBS[name].limit
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=environment
        )
    except subprocess.TimeoutExpired as stopped:
        output = stopped.stdout or b""
        output = output.decode(errors="replace") if isinstance(output, bytes) else output
        return [*_rows(output), failed(name, f"not finished within {limit:.0f} s")]
    rows = _rows(done.stdout)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        print(done.stderr, file=sys.stderr)
        rows.append(failed(name, last[-1][:300]))
    return rows


def _rows(output: str) -> list[Row]:
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    return [Row(**json.loads(line.removeprefix(MARK))) for line in lines]


def machine() -> dict[str, str]:
    """The processor, cores, versions and settings; "kind" selects the baseline."""
    from importlib.metadata import version

    from timing import processor

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ("gnnvision", "torch", "torch-geometric", "numpy", "rdkit", "torchvision")
    found = {"kind": f"{processor()}, {cores} cores", "date": time.strftime("%Y-%m-%d")}
    found |= {name: version(name) for name in versions}
    found["python"] = platform.python_version()
    found["THP_MEM_ALLOC_ENABLE"] = os.environ.get("THP_MEM_ALLOC_ENABLE", "0")
    return found


def measure_bounds() -> dict[str, float]:
    """What the machine reaches, measured in another process."""
    code = "import json, bounds; print(json.dumps(bounds.measure()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(names: Sequence[str], options: argparse.Namespace) -> Bench:
    """Run the jobs, and print how far they are."""
    bounds = measure_bounds()
    given = Options(options.quick, bounds, options.jax, options.chemprop)
    rows: list[Row] = []
    for number, name in enumerate(names, 1):
        started = time.monotonic()
        rows += run_job(name, given)
        taken = time.monotonic() - started
        print(f"[{number}/{len(names)}] {name}: {taken:.0f} s", file=sys.stderr, flush=True)
    return Bench(machine(), bounds, rows)


def with_tables(page: str, baseline: Mapping[str, Bench]) -> str:
    """The text of docs/benchmarks.md with the tables of the baseline, one set for each machine."""
    from bench_page import markdown

    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = []
    for kind, bench in sorted(baseline.items()):
        facts = bench.machine
        versions = ", ".join(f"{name} {facts[name]}" for name in ("torch", "torch-geometric"))
        of_runs = f", {bench.runs} runs" if bench.runs > 1 else ""
        bounds = "; ".join(f"{value:,.0f} {name}" for name, value in bench.bounds.items())
        parts.append(f"{kind}, {facts['date']}{of_runs}; {versions}; {bounds}.\n\n")
        parts.append(markdown(bench.rows) + "\n")
    return before + BEGIN + "\n" + "".join(parts) + END + after


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--only", nargs="+", metavar="JOB", help=f"some jobs: {', '.join(JOBS)}")
    add("--long", action="store_true", help="also the jobs that train for minutes")
    add("--quick", action="store_true", help="fewer rounds")
    add("--jax", type=Path, help="the Python of an environment with JAX")
    add("--chemprop", type=Path, help="the command of an environment with Chemprop")
    add("--out", type=Path, help="the folder of the results, by default runs/bench/DATE")
    add("--read", nargs="+", type=Path, metavar="JSON", help="do not run; read these results")
    add("--check", action="store_true", help="compare with the baseline; exit code 1 if worse")
    add("--store", action="store_true", help="store the results as the baseline, fill in the page")
    add("--markdown", action="store_true", help="print the tables as Markdown")
    add("--language", choices=("en", "ko"), default="en", help="of these tables")
    add("--job", choices=list(JOBS), help=argparse.SUPPRESS)
    add("--bounds", type=json.loads, default={}, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    names = [name for one in options.only or [] for name in one.split(",")]
    unknown = [name for name in names if name not in JOBS]
    if unknown:
        parser.error(f"'--only' must be of {', '.join(JOBS)}, got {unknown[0]!r}.")
    options.only = names or [n for n, job in JOBS.items() if options.long or not job.long]
    return options


def main(argv: list[str] | None = None) -> None:
    """Run the jobs, or read results; print, write, compare."""
    options = parse(argv)
    if options.job is not None:
        given = Options(options.quick, options.bounds, options.jax, options.chemprop)
        for row in JOBS[options.job].rows(given):
            print(MARK + json.dumps(asdict(row)), flush=True)
        return
    from bench_page import markdown, text_table, write_page

    if options.read is None:
        bench = measure(options.only, options)
        folder = options.out or Path("runs", "bench", time.strftime("%Y-%m-%d-%H%M%S"))
        folder.mkdir(parents=True, exist_ok=True)
        bench.write(folder / "bench.json")
        command = ["python", "benchmarks/bench.py", *(sys.argv[1:] if argv is None else argv)]
        print(text_table(bench.rows))
        print(write_page(bench, folder, shlex.join(command)))
        runs = [bench]
    else:
        runs = [Bench.read(path) for path in options.read]
        bench = merge(runs)
    if options.markdown:
        print(markdown(bench.rows, options.language), end="")
    if options.store:
        stored = write_baseline(BASELINE, runs)
        page = with_tables(PAGE.read_text("utf-8"), read_baseline(BASELINE))
        PAGE.write_text(page, "utf-8")
        print(f"{BASELINE} and {PAGE} hold {len(stored.rows)} rows of {stored.kind}.")
    elif options.check:
        known = read_baseline(BASELINE).get(bench.kind)
        if known is None:
            print(f"There is no baseline of {bench.kind}: every ratio is new.")
        found = changes(bench.rows, known)
        for change in found:
            if change.kind != "same":
                print(change)
        same = sum(change.kind == "same" for change in found)
        print(f"{same} of {len(found)} ratios are the same within their noise.")
        if has_failed(found):
            raise SystemExit(1)
    if any(row.outcome == "failed" for row in bench.rows):
        raise SystemExit(1)


if __name__ == "__main__":
    with_allocator()
    main()
