"""Timing that two programs in one process can be compared by."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping


def with_allocator() -> None:
    """Start the script again with huge pages for large tensors, which both sides then get.

    torch reads the setting once, when it is loaded.
    """
    if os.environ.get("THP_MEM_ALLOC_ENABLE") is None:
        os.environ["THP_MEM_ALLOC_ENABLE"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def in_turn(
    programs: Mapping[str, Callable[[], object]], rounds: int, warm: int = 1
) -> dict[str, list[float]]:
    """Seconds of each program, run in turn so that a slow minute hits all of them."""
    for program in programs.values():
        for _ in range(warm):
            program()
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            started = time.perf_counter()
            program()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def table(
    seconds: Mapping[str, list[float]], ours: str, unit: float = 1.0, name: str = "s"
) -> str:
    """Median, spread and how many times as long as ours each one takes."""
    base = statistics.median(seconds[ours])
    lines = [f"{'':34}{'median ' + name:>12}{'min':>10}{'max':>10}{'ratio':>9}"]
    for program, values in seconds.items():
        median = statistics.median(values)
        cells = [f"{value / unit:10.3f}" for value in (median, min(values), max(values))]
        lines.append(f"{program:34}  {''.join(cells)}{median / base:9.1f}")
    return "\n".join(lines)


def machine(threads: int) -> str:
    """Processor, threads and versions, for the head of a table."""
    import torch
    import torch_geometric

    cpu = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        platform.processor(),
    )
    versions = f"torch {torch.__version__}, torch-geometric {torch_geometric.__version__}"
    pages = os.environ.get("THP_MEM_ALLOC_ENABLE", "0")
    return f"{cpu}, {threads} threads, {versions}, THP_MEM_ALLOC_ENABLE={pages}"


def peak_memory(program: Callable[[], object]) -> float:
    """The most memory, in MiB, that a forked run of `program` needs beyond what was there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        program()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(writer, f"{(after - before) / 1024}".encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as file:
        return float(file.read())
