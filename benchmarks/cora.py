"""Training time of a GCN on Cora, 200 epochs with evaluation: gnnvision and torch-geometric.

    python benchmarks/cora.py --rounds 5
    python benchmarks/cora.py --seeds 10 --device cuda

torch-geometric's program is its own example: dense features, dropout, two cached GCNConv layers,
Adam with weight decay on the first, and after each epoch a forward pass in evaluation mode and the
accuracy on the three splits. Ours is `gnnvision.fit` as the experiment calls it,
with the loss and accuracy on the validation split after each epoch, and the test split once.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, table, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import gnnvision as gv

EPOCHS = 200
OURS, PEER = "gnnvision.fit", "torch-geometric's example"


class PyGNet(nn.Module):
    """The two layers of torch-geometric's example."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        from torch_geometric.nn import GCNConv

        super().__init__()
        self.conv1 = GCNConv(in_channels, 16, cached=True)
        self.conv2 = GCNConv(16, num_classes, cached=True)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Logits of all nodes."""
        x = F.dropout(x, p=0.5, training=self.training)
        x = self.conv1(x, edge_index).relu()
        x = F.dropout(x, p=0.5, training=self.training)
        return self.conv2(x, edge_index)


def pyg_run(task: gv.data.NodeTask, dense: Tensor, seed: int) -> float:
    """Train one seed, and return the test accuracy at the best validation accuracy."""
    torch.manual_seed(seed)
    device = dense.device
    masks = {}
    for part in ("train", "val", "test"):
        mask = torch.zeros(task.graph.num_nodes, dtype=torch.bool)
        mask[torch.from_numpy(getattr(task.split, part).copy())] = True
        masks[part] = mask.to(device)
    model = PyGNet(task.in_channels, task.num_classes).to(device)
    groups = [
        {"params": model.conv1.parameters(), "weight_decay": 5e-4},
        {"params": model.conv2.parameters(), "weight_decay": 0},
    ]
    optimizer = torch.optim.Adam(groups, lr=0.01)
    edge_index, y = task.graph.edge_index.to(device), task.y.to(device)
    best = final = 0.0
    for _ in range(EPOCHS):
        model.train()
        optimizer.zero_grad()
        out = model(dense, edge_index)
        F.cross_entropy(out[masks["train"]], y[masks["train"]]).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            guess = model(dense, edge_index).argmax(-1)
        accuracy = {
            part: int((guess[mask] == y[mask]).sum()) / int(mask.sum())
            for part, mask in masks.items()
        }
        if accuracy["val"] > best:
            best, final = accuracy["val"], accuracy["test"]
    return final


def programs(
    device: str, seeds: int = 1, dataset: str = "cora"
) -> tuple[dict[str, Callable[[], None]], dict[str, list[float]]]:
    """Functions that train `seeds` seeds with each program, and the lists of test accuracies."""
    task = gv.data.load(dataset)
    dense = gv.data.load(dataset, dense=True).x.to(device)
    recipe = gv.Recipe(
        epochs=EPOCHS,
        lr=0.01,
        weight_decay=5e-4,
        weight_decay_scope="first",
        checkpoint_selection="last",
    )
    accuracy: dict[str, list[float]] = {OURS: [], PEER: []}

    def next_seeds(name: str) -> list[int]:
        done = len(accuracy[name])
        return list(range(done, done + seeds))

    def ours() -> None:
        model = gv.models.gcn(task.in_channels, 16, task.num_classes)
        numbers = next_seeds(OURS)
        result = gv.fit(model, task, recipe, numbers, device=device, progress=False)
        accuracy[OURS] += result.values("test", "accuracy")

    def peer() -> None:
        accuracy[PEER] += [pyg_run(task, dense, seed) for seed in next_seeds(PEER)]

    return {OURS: ours, PEER: peer}, accuracy


def main() -> None:
    """Time both programs in turn, and print the accuracy of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds in one round")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(options.threads)
    both, accuracy = programs(options.device, options.seeds)
    print(machine(options.threads, options.device))
    print(table(in_turn(both, options.rounds, device=options.device), OURS))
    for name, values in accuracy.items():
        print(f"test accuracy of {name}: {statistics.fmean(values):.4f} over {len(values)} seeds")


if __name__ == "__main__":
    main()
