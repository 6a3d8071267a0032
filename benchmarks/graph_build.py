"""Edges a second of writing a graph to disk, from blocks and from a text table; loading; memory.

python benchmarks/graph_build.py                                  2 million nodes, 20 million edges
python benchmarks/graph_build.py --nodes 1e7 --edges 1e8 --no-table

Edges are drawn with a power law of degrees, each in one direction, and written in both. The peak
of the memory is of the whole process (VmHWM), without that of importing the package. The table has
ids of text, one edge a line; reading it back is compared with reading its lines by Python's csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from timing import machine

import gnnvision as gv
from gnnvision.data.graphs.build_graph import build_graph

BLOCK = 2**20
CHANNELS = 16


def pairs(nodes: int, block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A block of edges: both ends are near 0 more often, mixed over all nodes."""
    random = np.random.default_rng(block)
    ends = (random.random((2, BLOCK)) ** 2 * nodes).astype(np.int64)
    return tuple(ends * 7919 % nodes)  # type: ignore[return-value]


def peak() -> float:
    """The largest memory of this process until now, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def write_blocks(folder: Path, nodes: int, edges: int, memory: int) -> None:
    """Write a graph from blocks, and print how long each part took."""
    blocks = edges // BLOCK
    before, drawing = peak(), 0.0
    with gv.data.GraphWriter(folder, nodes, undirected=True, memory=memory) as writer:
        begin = time.perf_counter()
        for block in range(blocks):
            began = time.perf_counter()
            found = pairs(nodes, block)
            drawing += time.perf_counter() - began
            writer.add_edges(*found)
        added = time.perf_counter() - begin - drawing
        begin = time.perf_counter()
        for first in range(0, nodes, BLOCK):
            count = min(BLOCK, nodes - first)
            random = np.random.default_rng(first)
            x = random.standard_normal((count, CHANNELS), dtype=np.float32)
            writer.add_nodes(x=x, y=np.arange(first, first + count) % 10)
        filled = time.perf_counter() - begin
        begin = time.perf_counter()
        writer.sort()
        sorted_s = time.perf_counter() - begin
        begin = time.perf_counter()
        index = np.arange(nodes)
        writer.finish(split=gv.data.Split("mine", *(index[n::3] for n in range(3))))
        hashed = time.perf_counter() - begin
    count = blocks * BLOCK
    print(f"{count:,} edges among {nodes:,} nodes, both directions, {memory / 2**20:.0f} MiB")
    print(f"  added      {added:7.1f} s   {count / added / 1e6:5.1f} million a second")
    print(f"  sorted     {sorted_s:7.1f} s   {count / sorted_s / 1e6:5.1f} million a second")
    rate = count / (added + sorted_s) / 1e6
    print(f"  both       {added + sorted_s:7.1f} s   {rate:5.1f} million a second")
    print(f"  nodes      {filled:7.1f} s, split and checksums {hashed:.1f} s")
    print(f"  memory     {peak() - before:7.0f} MiB more than before")
    size = sum(path.stat().st_size for path in folder.iterdir())
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        task = gv.data.load(folder)
        times.append(time.perf_counter() - begin)
    print(f"  loaded in {min(times):.3f} s, {size / 2**30:.2f} GiB: {task.graph}")


def write_table(folder: Path, nodes: int, edges: int, memory: int) -> None:
    """Write a table of text ids, build a graph of it, and print how long it took."""
    path, ids = folder / "edges.csv", folder / "nodes.csv"
    with ids.open("w") as file:
        file.write("id,label,a\n")
        file.writelines(f"node-{n},{'ab'[n % 2]}c,{n % 97}.5\n" for n in range(nodes))
    with path.open("w") as file:
        file.write("source,target\n")
        for block in range(max(1, edges // BLOCK)):
            ends = zip(*(each.tolist() for each in pairs(nodes, block)), strict=True)
            file.writelines(f"node-{a},node-{b}\n" for a, b in ends)
    count, before = max(1, edges // BLOCK) * BLOCK, peak()
    begin = time.perf_counter()
    with path.open(newline="") as file:
        for _ in csv.reader(file):
            pass
    lines = time.perf_counter() - begin
    done: dict[str, list[float]] = {}

    def step(what: str, rows: int) -> None:
        done.setdefault(what, []).append(time.perf_counter())

    begin = time.perf_counter()
    build_graph(path, ids, folder / "out", memory=memory, step=step)
    whole = time.perf_counter() - begin
    read = done["edges read"][-1] - done["nodes written"][-1]
    print(f"a table of {count:,} edges and {nodes:,} nodes with ids of text")
    print(f"  all        {whole:7.1f} s, memory {peak() - before:.0f} MiB more than before")
    print(f"  edges read {read:7.1f} s   {count / read / 1e6:5.2f} million a second")
    print(f"  (Python's csv, which only reads the lines: {count / lines / 1e6:.2f})")


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nodes", type=float, default=2e6)
    parser.add_argument("--edges", type=float, default=2e7)
    parser.add_argument("--memory", type=float, default=1.0, help="GiB to sort with")
    parser.add_argument("--table", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    nodes, edges = int(given.nodes), int(given.edges)
    memory = int(given.memory * 2**30)
    print(machine(1), f"load {os.getloadavg()[0]:.1f}")
    folder = Path(tempfile.mkdtemp(prefix="graph-build-"))
    try:
        write_blocks(folder / "blocks", nodes, edges, memory)
        if given.table:
            write_table(folder, nodes // 10, edges // 10, memory)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
