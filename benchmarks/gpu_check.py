"""Checks and timings of everything that runs differently on a GPU, in eight minutes.

    make gpu-check
    python benchmarks/gpu_check.py --only layers speed
    python benchmarks/gpu_check.py --device cpu --small     try the sections without a GPU

Each section runs in its own process, so that a failure does not affect the others, and is stopped
at its time limit. Checks that cannot run (no data, no time left, a package is not installed) are
listed as skipped, with the reason. No network is needed. The table at the end is Markdown:
`docs/gpu.md` is such a table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

BUDGET_S = 480.0
HERE = Path(__file__).resolve().parent
LIMITS = {  # seconds of each section, in the order in which they run
    "layers": 60,
    "training": 60,
    "tests": 110,
    "graphs": 90,
    "speed": 90,
    "images": 180,
    "transfer": 60,
    "deterministic": 60,
    "airbench": 60,
}
MARK = "gpu-check rows: "


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        check: what was checked.
        outcome: "passed", "failed", "skipped" or "measured".
        figure: the measured value, or why it failed or was skipped.
        seconds: duration in seconds.
    """

    check: str
    outcome: str
    figure: str = ""
    seconds: float = 0.0


def run_section(name: str, device: str, small: bool, limit: float) -> list[Row]:
    """Run a section in its own process, and return its rows."""
    command = [sys.executable, str(HERE / "gpu_check.py"), "--section", name, "--device", device]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command + ["--small"] * small, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired as stopped:
        return [
            *_rows(_text(stopped.stdout)),
            Row(name, "failed", f"not finished within {limit:.0f} s", limit),
        ]
    rows = _rows(done.stdout)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        print(done.stderr, file=sys.stderr)
        rows.append(Row(name, "failed", last[-1][:300], time.monotonic() - started))
    return rows


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _rows(output: str) -> list[Row]:
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    return [Row(**json.loads(line.removeprefix(MARK))) for line in lines]


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| check | outcome | result | seconds |", "| --- | --- | --- | --- |"]
    for row in rows:
        figure = row.figure.replace("|", "/")
        lines.append(f"| {row.check} | {row.outcome} | {figure} | {row.seconds:.1f} |")
    return "\n".join(lines)


def head(device: str) -> str:
    """The lines above the table: date, device and versions."""
    import torch
    from timing import machine

    lines = [f"{time.strftime('%Y-%m-%d')}: {machine(torch.get_num_threads(), device)}"]
    if device.startswith("cuda"):
        total = torch.cuda.get_device_properties(device).total_memory / 2**30
        lines.append(f"CUDA {torch.version.cuda}, {total:.0f} GiB of GPU memory")
    else:
        lines.append("No GPU: these values do not apply to one.")
    return "\n".join(lines)


def usable(device: str) -> str:
    """The device; without it, exit with code 2 and a message."""
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        print(
            "error: '--device' must be a GPU of this machine, got 'cuda', and torch finds none. "
            "Run this on a machine with one, or try the sections with --device cpu --small.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    return device


def main(argv: list[str] | None = None) -> None:
    """Run all sections and print the table; exit with code 1 if a check failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", nargs="+", choices=list(LIMITS), default=list(LIMITS))
    parser.add_argument("--small", action="store_true", help="sizes small enough for a CPU")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument("--section", choices=list(LIMITS), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    usable(options.device)
    sys.path.insert(0, str(HERE))
    if options.section is not None:
        from gpu_sections import SECTIONS

        for row in SECTIONS[options.section](options.device, options.small):
            print(MARK + json.dumps(asdict(row)), flush=True)
        return
    slower = 10 if options.small else 1  # the limits are those of a GPU
    deadline = time.monotonic() + slower * BUDGET_S
    rows: list[Row] = []
    for name in options.only:
        left = deadline - time.monotonic()
        if left < 10:
            rows.append(Row(name, "skipped", "no time left"))
            continue
        rows += run_section(name, options.device, options.small, min(slower * LIMITS[name], left))
        print(f"{name} done, {deadline - time.monotonic():.0f} s left", flush=True)
    text = f"{head(options.device)}\n\n{table(rows)}"
    print(text)
    if options.out is not None:
        options.out.write_text(f"# On a GPU\n\n`make gpu-check` printed this.\n\n{text}\n")
    failed = [row.check for row in rows if row.outcome == "failed"]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        raise SystemExit(1)


if __name__ == "__main__":
    main()
