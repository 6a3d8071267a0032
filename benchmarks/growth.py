"""Time and memory of a graph layer from 10^5 edges upwards, on logarithmic axes.

    python benchmarks/growth.py --largest 3e7
    python benchmarks/growth.py --layer gatv2 --figure growth.png

Random undirected graphs with 14 edges a node, 128 input and output channels; time and peak memory
of a forward and backward pass with gradients of the features and all weights. Each size runs in a
new process. The memory that a forward pass leaves behind is compared with the estimate of
`gnnvision.summary`. A layer that needs time and memory in proportion to its edges has slope 1.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import machine, peak_of, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
from layers import CHANNELS, LAYERS, OURS, RELATIONS

import gnnvision as gv

DEGREE = 14
Row = dict[str, float]


def measured(layer: str, edges: int, rounds: int) -> Row:
    """Seconds, peak MiB and MiB after the forward pass of one size, and the estimated MiB."""
    torch.manual_seed(0)
    nodes = edges // DEGREE
    half = torch.randint(0, nodes, (2, edges // 2))
    relation = torch.randint(0, RELATIONS, (edges // 2 * 2,)) if layer == "rgcn" else None
    graph = gv.Graph(torch.cat([half, half.flip(0)], 1), nodes, edge_type=relation)
    del half
    module = LAYERS[layer](gv, CHANNELS)
    x = torch.randn(nodes, CHANNELS, requires_grad=True)
    seed_gradient = torch.randn(nodes, CHANNELS)

    def one_pass() -> None:
        x.grad = None
        module.zero_grad()
        module(x, graph).backward(seed_gradient)

    peak = peak_of(one_pass)
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        one_pass()
        seconds.append(time.perf_counter() - started)
    x.grad = None
    before = resident()
    y = module(x, graph)
    kept = resident() - before
    del y
    estimate = gv.summary(module, graph, channels=CHANNELS).activation_bytes / 2**20
    values = {"seconds": statistics.median(seconds), "peak": peak}
    return {"edges": edges, **values, "kept": kept, "estimate": estimate}


def resident() -> float:
    """The memory of this process in MiB, without what its allocator could return."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def within_memory() -> None:
    """Let an allocation beyond the free memory fail, in place of the machine."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    resource.setrlimit(resource.RLIMIT_DATA, (free * 1024, resource.RLIM_INFINITY))


def slope(rows: Sequence[Row], name: str) -> float:
    """The slope of the straight line through the logarithms, by least squares."""
    points = torch.tensor([[row["edges"], row[name]] for row in rows]).double().log()
    x, y = (points - points.mean(0)).unbind(1)
    return float((x @ y) / (x @ x))


def draw(rows: Sequence[Row], name: str, path: Path) -> None:
    """Save the figure of time and memory."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    kinds = (("seconds", "seconds"), ("peak", "peak memory, MiB"))
    for axis, (kind, label) in zip(axes, kinds, strict=True):
        edges = [row["edges"] for row in rows]
        axis.loglog(edges, [row[kind] for row in rows], "o-", color="#0969da")
        axis.set(xlabel="edges", ylabel=label, title=f"slope {slope(rows, kind):.2f}")
        axis.grid(True, which="both", alpha=0.25)
    figure.suptitle(f"{name}, {CHANNELS} channels, forward and backward")
    figure.savefig(path, dpi=150)


def sizes(smallest: float, largest: float) -> list[int]:
    """Two or three sizes for each power of ten."""
    steps = [f * 10**p for p in range(3, 10) for f in (1, 3)]
    return [step for step in steps if smallest <= step <= largest]


def main(argv: list[str] | None = None) -> None:
    """Measure each size in a new process until one does not fit; print a table, save a figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layer", choices=list(LAYERS), default="gcn")
    parser.add_argument("--smallest", type=float, default=1e5)
    parser.add_argument("--largest", type=float, default=1e8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--figure", type=Path, default=Path("growth.png"))
    parser.add_argument("--one", type=int, help="measure only this number of edges, as JSON")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    if options.one is not None:
        within_memory()
        print(json.dumps(measured(options.layer, options.one, options.rounds)))
        return
    print(machine(options.threads))
    print(
        f"{'edges':>12}{'seconds':>10}{'peak MiB':>10}{'kept MiB':>10}{'estimate':>10}{'ratio':>8}"
    )
    flags = ["--layer", options.layer, "--rounds", str(options.rounds)]
    flags += ["--threads", str(options.threads)]
    rows: list[Row] = []
    for edges in sizes(options.smallest, options.largest):
        command = [sys.executable, __file__, *flags, "--one", str(edges)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            lines = [line for line in run.stderr.splitlines() if "rror" in line]
            print(f"{edges:12,} does not fit: {lines[-1] if lines else 'killed'}")
            break
        row = json.loads(run.stdout.splitlines()[-1])
        rows.append(row)
        cells = f"{row['seconds']:10.4f}{row['peak']:10.0f}{row['kept']:10.1f}"
        print(f"{edges:12,}{cells}{row['estimate']:10.1f}{row['estimate'] / row['kept']:8.2f}")
    if len(rows) > 1:
        for kind in ("seconds", "peak"):
            print(f"slope of {kind}: {slope(rows, kind):.3f}")
        draw(rows, OURS[options.layer], options.figure)
        print(f"figure: {options.figure}")


if __name__ == "__main__":
    main()
