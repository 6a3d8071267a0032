"""Time and memory of programs that are compared with each other."""

from __future__ import annotations

import gc
import io
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path


def with_allocator() -> None:
    """Restart the script with huge pages for large tensors, for all programs alike.

    torch reads this setting only once, when it is imported.
    """
    if os.environ.get("THP_MEM_ALLOC_ENABLE") is None:
        os.environ["THP_MEM_ALLOC_ENABLE"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def in_turn(
    programs: Mapping[str, Callable[[], object]], rounds: int, warm: int = 1, device: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of each program, run in turn so that other load on the machine affects all alike.

    On a GPU, the time includes all work that a program has started.
    """
    for program in programs.values():
        for _ in range(warm):
            program()
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            wait_for(device)
            started = time.perf_counter()
            program()
            wait_for(device)
            seconds[name].append(time.perf_counter() - started)
    return seconds


@contextmanager
def quiet() -> Iterator[None]:
    """A block without warnings and without what libraries print."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def wait_for(device: str) -> None:
    """Wait until a GPU has done all its work."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def table(
    seconds: Mapping[str, list[float]], ours: str, unit: float = 1.0, name: str = "s"
) -> str:
    """A table of the median, minimum and maximum of each program, and the ratio to ours."""
    base = statistics.median(seconds[ours])
    lines = [f"{'':34}{'median ' + name:>12}{'min':>10}{'max':>10}{'ratio':>9}"]
    for program, values in seconds.items():
        median = statistics.median(values)
        cells = [f"{value / unit:10.3f}" for value in (median, min(values), max(values))]
        lines.append(f"{program:34}  {''.join(cells)}{median / base:9.1f}")
    return "\n".join(lines)


def processor() -> str:
    """The name of the processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    models = (line.split(":")[1].strip() for line in lines if "model name" in line)
    return next(models, platform.processor())


def machine(threads: int, device: str = "cpu") -> str:
    """A line with the processor or GPU, the threads and the versions."""
    import torch
    import torch_geometric

    cpu = processor()
    if device.startswith("cuda"):
        cpu = f"{torch.cuda.get_device_name(device)} with {cpu}"
    versions = f"torch {torch.__version__}, torch-geometric {torch_geometric.__version__}"
    pages = os.environ.get("THP_MEM_ALLOC_ENABLE", "0")
    return f"{cpu}, {threads} threads, {versions}, THP_MEM_ALLOC_ENABLE={pages}"


def peak_memory(*flags: str) -> float:
    """The peak memory that this script prints in a new process with `flags`; see `peak_of`."""
    command = [sys.executable, sys.argv[0], *flags]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def peak_of(program: Callable[[], object]) -> float:
    """The peak memory of a pass minus the memory before it, in MiB.

    The first pass, in which a graph sorts its edges, is not counted.
    """
    program()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    program()
    return (_status("VmHWM") - before) / 1024


def device_peak(program: Callable[[], object]) -> float:
    """As `peak_of`, for a GPU: MiB of torch's allocator."""
    import torch

    program()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    program()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def _status(name: str) -> int:
    """A value of /proc/self/status, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
