"""Sampled edges a second on one core, compared with DeepGNN's graph engine and torch-geometric.

python benchmarks/sampling.py --deepgnn ENVIRONMENT/bin/python
python benchmarks/sampling.py --edges 1e6 --fanouts 25 10

Around each batch of wanted nodes the programs draw neighbors without replacement, hop by hop, on
the same generated power-law graph (mean degree 10), and count the edges that they drew. All run on
one core, in turn. Ours gives the nodes numbers within the batch, which a network needs; of DeepGNN
the bare lists are measured, which it returns, and the same with numbers by numpy. DeepGNN's own
environment has Python 3.11 and is made with

    pip install --no-deps deepgnn-ge
    pip install numpy tenacity fsspec azure-datalake-store opencensus-ext-azure
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from timing import machine, quiet

from gnnvision.data import PowerLaw
from gnnvision.data.graphs.generated import write_power_law
from gnnvision.domains import StoredGraph

MEAN_DEGREE = 10
Program = Callable[[int], tuple[int, float]]  # batches -> edges, seconds


class DeepGNN:
    """DeepGNN's graph engine, in a process with another Python.

    Args:
        python: with deepgnn-ge.
        folder: of the graph.
        batch: wanted nodes.
        fanouts: how many neighbors to draw in each hop.
    """

    def __init__(self, python: Path, folder: Path, batch: int, fanouts: Sequence[int]) -> None:
        script = Path(__file__).with_name("deepgnn_peer.py")
        command = [str(python), str(script), str(folder), str(batch), *map(str, fanouts)]
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own
        )
        self.about = self._read()

    def sample(self, batches: int, numbered: bool) -> tuple[int, float]:
        """Edges and seconds of some batches."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([batches, numbered]) + "\n")
        self.process.stdin.flush()
        answer = self._read()
        return answer["edges"], answer["seconds"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("DeepGNN's process ended; see its message above.")
        found: dict[str, Any] = json.loads(line)
        return found


def ours(graph: StoredGraph, batch: int, fanouts: Sequence[int]) -> Program:
    """Our sampler: edges and seconds of some batches."""
    random = np.random.default_rng(0)

    def run(batches: int) -> tuple[int, float]:
        wanted = [
            torch.from_numpy(random.choice(graph.num_nodes, batch, replace=False, shuffle=False))
            for _ in range(batches)
        ]
        edges, started = 0, time.perf_counter()
        for key, nodes in enumerate(wanted):
            frontier = graph.frontier(nodes, fanouts=fanouts, key=key)
            edges += sum(step.edge.numel() for step in frontier.steps)
        return edges, time.perf_counter() - started

    return run


def torch_geometric(graph: StoredGraph, batch: int, fanouts: Sequence[int]) -> Program:
    """torch-geometric's NeighborLoader.

    Raises:
        ImportError: if neither pyg-lib nor torch-sparse is installed.
    """
    from torch_geometric.data import Data
    from torch_geometric.loader import NeighborLoader

    source, ends = graph.source.long(), graph.rowptr
    target = torch.arange(graph.num_nodes).repeat_interleave(ends.diff())
    data = Data(edge_index=torch.stack([source, target]), num_nodes=graph.num_nodes)
    loader = NeighborLoader(data, [*fanouts], batch_size=batch, shuffle=True)

    def run(batches: int) -> tuple[int, float]:
        found, edges, started = iter(loader), 0, time.perf_counter()
        for _ in range(batches):
            edges += next(found).edge_index.shape[1]
        return edges, time.perf_counter() - started

    return run


def measured(folder: Path, options: argparse.Namespace) -> dict[str, list[tuple[int, float]]]:
    """Edges and seconds of each program in each round."""
    rowptr, source = (
        np.load(folder / f"{name}.npy", mmap_mode="c") for name in ("rowptr", "source")
    )
    graph = StoredGraph(torch.from_numpy(rowptr), torch.from_numpy(source))
    programs = {"gnnvision, memory-mapped": ours(graph, options.batch, options.fanouts)}
    held = StoredGraph(graph.rowptr.clone(), graph.source.clone())
    programs["gnnvision, in memory"] = ours(held, options.batch, options.fanouts)
    peer = None
    if options.deepgnn is not None:
        peer = DeepGNN(options.deepgnn, folder, options.batch, options.fanouts)
        about = ", ".join(f"{name} {value:,.1f}" for name, value in peer.about.items())
        print(f"DeepGNN: {about} (seconds; MiB)")
        programs["DeepGNN, lists"] = lambda batches: peer.sample(batches, False)
        programs["DeepGNN, numbered by numpy"] = lambda batches: peer.sample(batches, True)
    try:
        with quiet():
            loader = torch_geometric(graph, options.batch, options.fanouts)
            loader(1)
        programs["torch-geometric"] = loader
    except ImportError as error:
        print(f"torch-geometric: ImportError: {error}")
    rounds: dict[str, list[tuple[int, float]]] = {name: [] for name in programs}
    for round_ in range(options.rounds + 1):
        for name, program in programs.items():
            found = program(options.batches)
            if round_:  # the first one warms up
                rounds[name].append(found)
    if peer is not None:
        peer.close()
    return rounds


def main(argv: list[str] | None = None) -> None:
    """Measure each size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--edges", type=float, nargs="+", default=[1e6, 1e8], help="directed edges of the graph")
    add("--batch", type=int, default=1024, help="wanted nodes of a batch")
    add("--fanouts", type=int, nargs="+", default=[15, 10])
    add("--batches", type=int, default=50, help="of a round")
    add("--rounds", type=int, default=5)
    add("--deepgnn", type=Path, help="the Python of an environment with deepgnn-ge")
    add("--folder", type=Path, help="where to write the graphs; by default a temporary folder")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):  # also for the peer's process
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(machine(1))
    fanouts = ", ".join(map(str, options.fanouts))
    print(f"batches of {options.batch:,} nodes, fanouts {fanouts}, one core")
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        for edges in options.edges:
            nodes = round(edges / MEAN_DEGREE)
            graph = PowerLaw(num_nodes=nodes, mean_degree=MEAN_DEGREE, channels=1)
            folder = Path(place, str(nodes))
            started = time.perf_counter()
            write_power_law(graph, folder)
            print(
                f"\n{nodes:,} nodes, {edges:,.0f} edges "
                f"(written in {time.perf_counter() - started:.1f} s)"
            )
            rounds = measured(folder, options)
            print(f"{'million edges a second':32}{'median':>9}{'min':>9}{'max':>9}{'ratio':>8}")
            base = 0.0
            for name, found in rounds.items():
                speeds = [count / seconds / 1e6 for count, seconds in found]
                median = statistics.median(speeds)
                base = base or median
                cells = "".join(f"{value:9.2f}" for value in (median, min(speeds), max(speeds)))
                print(f"{name:32}{cells}{base / median:8.1f}")


if __name__ == "__main__":
    main()
