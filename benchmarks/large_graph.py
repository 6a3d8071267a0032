"""A graph of any size from nothing to exact test accuracy: seconds and peak memory of each phase.

python benchmarks/large_graph.py --nodes 1_000_000
python benchmarks/large_graph.py --nodes 10_000_000 --folder /scratch --keep

A power-law graph with communities (10 edges and 32 features a node) is generated and written to
disk, loaded, trained on by drawing neighbors, and evaluated at all nodes with all neighbors, layer
by layer. Each phase runs in a new process. "resident" is the peak of its memory with the pages of
mapped files, which the system takes back when it needs them; "own" is that without.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from timing import machine

PHASES = ("build", "load", "train", "evaluate")
Values = dict[str, Any]


class Memory:
    """The peak memory of this process in MiB while a block runs."""

    def __init__(self, every: float = 0.05) -> None:
        self.every, self.resident, self.own = every, 0.0, 0.0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self.resident = _status("VmHWM")

    def _watch(self) -> None:
        while True:
            self.own = max(self.own, _status("RssAnon"))
            if self._ends.wait(self.every):
                return


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def build(folder: Path, options: argparse.Namespace) -> Values:
    """Generate the graph and write it."""
    from gnnvision.data import PowerLaw
    from gnnvision.data.graphs.generated import write_power_law

    graph = PowerLaw(num_nodes=options.nodes)
    write_power_law(graph, folder / "graph")
    return {"edges": 2 * graph.num_pairs}


def load(folder: Path, options: argparse.Namespace) -> Values:
    """Load the task; its arrays stay on disk."""
    import gnnvision as gv

    task = gv.data.load(folder / "graph")
    return {"edges": task.graph.num_edges, "text": f"{task.graph}"}


def train(folder: Path, options: argparse.Namespace) -> Values:
    """Train by drawing neighbors, without the test split."""
    from safetensors.torch import save_file

    import gnnvision as gv

    task = gv.data.load(folder / "graph")
    recipe = gv.Recipe(
        epochs=options.epochs, lr=0.01, batch_size=options.batch_size, fanouts=options.fanouts
    )
    few = gv.data.Split("public", task.split.train, task.split.val, task.split.val[:0])
    result = gv.fit(network(task, options), replace(task, split=few), recipe)
    save_file(result.model.state_dict(), folder / "network.safetensors")
    best = result.outcomes[0]
    steps = options.epochs * -(-len(task.split.train) // options.batch_size)
    return {
        "text": f"{options.epochs} epochs of {len(task.split.train):,} nodes, {steps:,} steps; "
        f"training {best.seconds:.1f} s, of which {best.waited:.1f} s waiting for batches",
    }


def evaluate(folder: Path, options: argparse.Namespace) -> Values:
    """The exact outputs at all nodes, and the accuracy of each split."""
    from safetensors.torch import load_file

    import gnnvision as gv
    from gnnvision.training.by_layer import outputs_by_layer

    task = gv.data.load(folder / "graph")
    model = network(task, options)
    model.load_state_dict(load_file(folder / "network.safetensors"))
    right = outputs_by_layer(model, task.rows, task.graph).argmax(1) == task.y
    parts = {name: getattr(task.split, name) for name in ("train", "val", "test")}
    shares = {name: float(right.numpy()[rows].mean()) for name, rows in parts.items()}
    found = ", ".join(f"{name} {share:.2%}" for name, share in shares.items())
    return {"edges": task.graph.num_edges, "text": f"accuracy: {found}"}


def network(task: Any, options: argparse.Namespace) -> Any:
    """The GCN that is trained."""
    import gnnvision as gv

    layers = len(options.fanouts)
    return gv.models.gcn(task.in_channels, 64, task.num_classes, num_layers=layers)


def phase(name: str, folder: Path, options: argparse.Namespace) -> Values:
    """Run one phase in this process; the time is without that of the imports."""
    import torch

    import gnnvision.training.by_layer  # noqa: F401

    if options.threads:
        torch.set_num_threads(options.threads)
    run: Callable[[Path, argparse.Namespace], Values] = globals()[name]
    with Memory() as memory:
        started = time.perf_counter()
        found = run(folder, options)
        seconds = time.perf_counter() - started
    return found | {"seconds": seconds, "resident": memory.resident, "own": memory.own}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--nodes", type=int, default=1_000_000)
    add("--epochs", type=int, default=3)
    add("--batch-size", type=int, default=1024)
    add("--fanouts", type=int, nargs="+", default=[15, 10])
    add("--threads", type=int, default=0, help="of torch; 0 for its default")
    add("--folder", type=Path, help="where to write the graph; by default a temporary folder")
    add("--keep", action="store_true", help="keep the graph, and use it again if it is there")
    add("--phases", nargs="+", choices=PHASES, default=PHASES, help="some of them, with --keep")
    add("--phase", choices=PHASES, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.keep and options.folder is None:
        parser.error("--keep needs --folder.")
    return options


def main(argv: list[str] | None = None) -> None:
    """Run all phases, each in a new process, and print a table."""
    import torch

    options = parse(argv)
    if options.phase is not None:
        found = phase(options.phase, options.folder, options)
        print(json.dumps(found), flush=True)
        return
    given = sys.argv[1:] if argv is None else argv
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(options.folder, f"large-{options.nodes}") if options.keep else Path(place)
        folder.mkdir(exist_ok=True)
        print(machine(options.threads or torch.get_num_threads()))
        print(f"{options.nodes:,} nodes")
        print(f"{'':10}{'seconds':>9}{'edges/s':>12}{'resident MiB':>14}{'own MiB':>9}")
        for name in options.phases:
            command = [sys.executable, __file__, *given, "--folder", str(folder), "--phase", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            rate = found.get("edges", 0) / found["seconds"] if name != "load" else 0
            cells = f"{found['seconds']:9.1f}{f'{rate:,.0f}' if rate else '':>12}"
            cells += f"{found['resident']:14,.0f}{found['own']:9,.0f}"
            print(f"{name:10}{cells}  {found.get('text', '')}", flush=True)


if __name__ == "__main__":
    main()
