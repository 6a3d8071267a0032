"""Training time of a GCN on Cora, 200 epochs with evaluation: gnnvision and its peers.

    python benchmarks/cora.py --rounds 5
    python benchmarks/cora.py --seeds 100 --jax PEER/bin/python
    python benchmarks/cora.py --seeds 10 --device cuda

torch-geometric's program is its own example: dense features, dropout, two cached GCNConv layers,
Adam with weight decay on the first, and after each epoch a forward pass in evaluation mode and the
accuracy on the three splits. Its best form has the same step, but the adjacency is normalized once
by `GCNNorm`, and the network is compiled with `torch.compile(dynamic=False, fullgraph=True)`;
the time to compile it is stated apart. A CSR adjacency cannot be compiled so. Ours is
`gnnvision.fit` as the experiment calls it, many seeds spread over the cores, with the loss and
accuracy on the validation split after each epoch, and the test split once. `--alone` times the
training steps alone, from epoch 10 on, as torch-geometric's example prints them; its peers are the
same programs.

The peer of many seeds is JAX, with `vmap` over groups of seeds (benchmarks/jax_cora.py); on a CPU
groups of one are the fastest, and `--jax-group` tries others. It needs a separate environment:

    python -m venv PEER && PEER/bin/pip install jax

Times are seconds for one seed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, table, wait_for, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import gnnvision as gv
from gnnvision.training.seed_run import SeedRun

EPOCHS = 200
FIRST = 10  # the first epoch, from 1, whose training step torch-geometric's example times
OURS, PEER = "gnnvision.fit", "torch-geometric's example"
BEST, JAX = "torch-geometric, compiled", "JAX, vmap over the seeds"
PARTS = ("train", "val", "test")
GROUP = 1  # seeds under one vmap of JAX: on a CPU it is the slower, the more there are


class PyGNet(nn.Module):
    """The two layers of torch-geometric's example, with settings of both `GCNConv`."""

    def __init__(self, in_channels: int, num_classes: int, **settings: bool) -> None:
        from torch_geometric.nn import GCNConv

        super().__init__()
        self.conv1 = GCNConv(in_channels, 16, **settings)
        self.conv2 = GCNConv(16, num_classes, **settings)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Logits of all nodes."""
        x = F.dropout(x, p=0.5, training=self.training)
        x = self.conv1(x, edge_index, edge_weight).relu()
        x = F.dropout(x, p=0.5, training=self.training)
        return self.conv2(x, edge_index, edge_weight)


class PyGTraining:
    """The training of torch-geometric's example, in one of its forms.

    Args:
        task: the graph, the labels and the splits.
        x: dense features.
        compiled: whether the adjacency is normalized once and the network is compiled.
    """

    def __init__(self, task: gv.data.NodeTask, x: Tensor, compiled: bool = False) -> None:
        device = x.device
        self.masks = {}
        for part in PARTS:
            mask = torch.zeros(task.graph.num_nodes, dtype=torch.bool)
            mask[torch.from_numpy(getattr(task.split, part).copy())] = True
            self.masks[part] = mask.to(device)
        self.y = task.y.to(device)
        settings = {"normalize": False} if compiled else {"cached": True}
        self.model = PyGNet(task.in_channels, task.num_classes, **settings).to(device)
        self.call: Callable[..., Tensor] = self.model
        edge_index = task.graph.edge_index.to(device)
        self.inputs: tuple[Tensor, ...] = (x, edge_index)
        if compiled:
            import torch_geometric.transforms as T
            from torch_geometric.data import Data

            data = T.GCNNorm()(Data(x=x, edge_index=edge_index))
            self.inputs = (x, data.edge_index, data.edge_weight)
            self.call = torch.compile(self.model, dynamic=False, fullgraph=True)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """One training step."""
        self.model.train()
        optimizer.zero_grad()
        mask = self.masks["train"]
        F.cross_entropy(self.call(*self.inputs)[mask], self.y[mask]).backward()
        optimizer.step()

    @torch.no_grad()
    def accuracy(self) -> dict[str, float]:
        """The accuracy on each split."""
        self.model.eval()
        guess = self.call(*self.inputs).argmax(-1)
        right = guess == self.y
        return {name: int(right[m].sum()) / int(m.sum()) for name, m in self.masks.items()}

    def start(self, seed: int) -> torch.optim.Optimizer:
        """New weights, and their optimizer."""
        torch.manual_seed(seed)
        for layer in (self.model.conv1, self.model.conv2):
            layer.reset_parameters()
        groups = [
            {"params": self.model.conv1.parameters(), "weight_decay": 5e-4},
            {"params": self.model.conv2.parameters(), "weight_decay": 0},
        ]
        return torch.optim.Adam(groups, lr=0.01)

    def run(self, seed: int, epochs: int | None = None) -> float:
        """Train one seed, and return the test accuracy at the best validation accuracy."""
        epochs = EPOCHS if epochs is None else epochs
        optimizer = self.start(seed)
        best = final = 0.0
        for _ in range(epochs):
            self.step(optimizer)
            found = self.accuracy()
            if found["val"] > best:
                best, final = found["val"], found["test"]
        return final

    def prepare(self) -> float:
        """Seconds of the first two epochs, in which a network is compiled."""
        started = time.perf_counter()
        self.run(0, epochs=2)
        return time.perf_counter() - started


class JaxTraining:
    """JAX in a separate process, which trains all seeds when it is told to.

    Args:
        python: the interpreter of an environment with JAX.
        task: the graph, the labels and the splits.
        seeds: the number of seeds.
        group: the number of seeds under one `vmap`.
    """

    def __init__(self, python: Path, task: gv.data.NodeTask, seeds: int, group: int) -> None:
        import numpy as np

        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name, "cora.npz")
        operator = gv.operators.normalized_adjacency(task.graph).to_dense().to_sparse()
        x = task.x.to_dense().to_sparse()
        np.savez(
            path,
            edges=operator.indices().numpy(),
            weights=operator.values().numpy(),
            places=x.indices().numpy(),
            features=x.values().numpy(),
            y=task.y.numpy(),
            **{part: getattr(task.split, part) for part in PARTS},
        )
        script = Path(__file__).with_name("jax_cora.py")
        flags = ["--data", path, "--seeds", seeds, "--group", group]
        command = [str(python), str(script), *map(str, flags)]
        self.process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.compile_seconds = float(self._line())

    def run(self) -> float:
        """Train all seeds, and return their mean test accuracy."""
        assert self.process.stdin is not None
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
        return line


RECIPE = gv.Recipe(
    epochs=EPOCHS,
    lr=0.01,
    weight_decay=5e-4,
    weight_decay_scope="first",
    checkpoint_selection="last",
)


@dataclass(frozen=True)
class Programs:
    """The programs of Cora.

    Args:
        calls: train with each program, ours first.
        accuracy: the test accuracies of each program so far.
        preparing: seconds of the first two epochs of the peers, in which a network is compiled.
    """

    calls: dict[str, Callable[[], object]]
    accuracy: dict[str, list[float]]
    preparing: dict[str, float]


def programs(
    device: str,
    seeds: int = 1,
    dataset: str = "cora",
    peers: Sequence[str] = (PEER, BEST),
    jobs: int | Literal["auto"] = "auto",
    group: int | Literal["auto"] = "auto",
) -> Programs:
    """Ours trains `seeds` seeds in one call, the peers one: they have no way to train more.

    Args:
        device: of both.
        seeds: in one call of ours.
        dataset: a citation network.
        peers: the forms of torch-geometric.
        jobs: processes of ours.
        group: seeds side by side of ours.
    """
    task = gv.data.load(dataset)
    how: dict[str, Any] = {"jobs": jobs, "group": group, "device": device, "progress": False}
    dense = gv.data.load(dataset, dense=True).x.to(device)
    found = Programs({}, {name: [] for name in (OURS, *peers)}, {})
    accuracy = found.accuracy

    def ours() -> None:
        model = gv.models.gcn(task.in_channels, 16, task.num_classes)
        done = len(accuracy[OURS])
        numbers = list(range(done, done + seeds))
        result = gv.fit(model, task, RECIPE, numbers, **how)
        accuracy[OURS] += result.values("test", "accuracy")

    found.calls[OURS] = ours
    for name in peers:
        peer = PyGTraining(task, dense, compiled=name == BEST)
        found.preparing[name] = peer.prepare()
        found.calls[name] = lambda name=name, peer=peer: accuracy[name].append(
            peer.run(len(accuracy[name]))
        )
    return found


def steps_alone(device: str, dataset: str = "cora") -> dict[str, Callable[[], float]]:
    """Functions that train one seed, and return the median seconds of a step from epoch 10 on."""
    task = gv.data.load(dataset)
    dense = gv.data.load(dataset, dense=True).x.to(device)
    epochs = EPOCHS // 4

    def ours() -> float:
        torch.manual_seed(0)
        model = gv.models.gcn(task.in_channels, 16, task.num_classes).to(device)
        run = SeedRun(model, task.to(device), RECIPE, 0, "float32", False)

        def step() -> None:
            for _ in run.train_epoch():
                pass

        return _median_of_steps(step, run.finish_epoch, epochs, device)

    def peer(training: PyGTraining) -> float:
        optimizer = training.start(0)
        return _median_of_steps(
            lambda: training.step(optimizer), training.accuracy, epochs, device
        )

    calls = {OURS: ours}
    for name in (PEER, BEST):
        training = PyGTraining(task, dense, compiled=name == BEST)
        training.prepare()
        calls[name] = lambda training=training: peer(training)
    return calls


def _median_of_steps(
    step: Callable[[], object], evaluate: Callable[[], object], epochs: int, device: str
) -> float:
    seconds = []
    for _ in range(epochs):
        wait_for(device)
        started = time.perf_counter()
        step()
        wait_for(device)
        seconds.append(time.perf_counter() - started)
        evaluate()
    return statistics.median(seconds[FIRST - 1 :])


def alone(options: argparse.Namespace) -> None:
    """Print the milliseconds of a training step of each program."""
    calls = steps_alone(options.device)
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.rounds):
        for name, program in calls.items():
            found[name].append(program())
    print(table(found, OURS, 1e-3, "ms"))


def main() -> None:
    """Time the programs in turn, and print the accuracy of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds in a call of ours")
    how_many = {"type": lambda text: text if text == "auto" else int(text), "default": "auto"}
    parser.add_argument("--jobs", **how_many, help="processes of ours: a number or auto")
    parser.add_argument("--group", **how_many, help="seeds side by side of ours: the same")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--alone", action="store_true", help="time the training steps alone")
    parser.add_argument("--jax", type=Path, help="the Python of an environment with JAX")
    parser.add_argument("--jax-group", type=int, default=GROUP, help="seeds in a vmap of JAX")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(options.threads)
    print(machine(options.threads, options.device))
    if options.alone:
        alone(options)
        return
    more = {"jobs": options.jobs, "group": options.group}
    found = programs(options.device, options.seeds, **more)
    calls, accuracy, preparing = found.calls, found.accuracy, dict(found.preparing)
    counts = dict.fromkeys(calls, 1) | {OURS: options.seeds}
    if options.jax is not None:
        peer = JaxTraining(options.jax, gv.data.load("cora"), options.seeds, options.jax_group)
        accuracy[JAX], counts[JAX] = [], options.seeds
        calls[JAX], preparing[JAX] = lambda: accuracy[JAX].append(peer.run()), peer.compile_seconds
    for name, spent in preparing.items():
        print(f"{name}: {spent:.1f} s before the training, to compile, not timed")
    seconds = in_turn(calls, options.rounds, warm=0, device=options.device)
    print(table({n: [s / counts[n] for s in v] for n, v in seconds.items()}, OURS))
    for name, values in accuracy.items():
        print(f"test accuracy of {name}: {statistics.fmean(values):.4f} over {len(values)} runs")


if __name__ == "__main__":
    main()
