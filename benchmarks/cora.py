"""Cora, Kipf's recipe, 200 epochs with an evaluation after each: gnnvision beside torch-geometric.

    python benchmarks/cora.py --rounds 5

The peer is the loop of torch-geometric's own example: dense features, dropout, two cached GCNConv
layers, Adam with weight decay on the first, and after each epoch a forward pass in evaluation
mode and the accuracy on the three parts. Ours is `gnnvision.fit` as the experiment calls it,
with the loss and accuracy on the validation part after each epoch, and the test part once.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, table, with_allocator

with_allocator()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import gnnvision as gv  # noqa: E402

EPOCHS = 200


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
    """One seed; test accuracy of the epoch with the best validation accuracy."""
    torch.manual_seed(seed)
    masks = {}
    for part in ("train", "val", "test"):
        masks[part] = torch.zeros(task.graph.num_nodes, dtype=torch.bool)
        masks[part][torch.from_numpy(getattr(task.split, part).copy())] = True
    model = PyGNet(task.in_channels, task.num_classes)
    groups = [
        {"params": model.conv1.parameters(), "weight_decay": 5e-4},
        {"params": model.conv2.parameters(), "weight_decay": 0},
    ]
    optimizer = torch.optim.Adam(groups, lr=0.01)
    edge_index, y = task.graph.edge_index, task.y
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


def main() -> None:
    """Both programs in turn, and the accuracy of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(options.threads)
    task = gv.data.load("cora")
    dense = gv.data.load("cora", dense=True).x
    recipe = gv.Recipe(epochs=EPOCHS, lr=0.01, weight_decay=5e-4, decay="first", select="last")
    seeds = {"ours": iter(range(10**6)), "peer": iter(range(10**6))}
    accuracy: dict[str, list[float]] = {"ours": [], "peer": []}

    def ours() -> None:
        model = gv.models.gcn(task.in_channels, 16, task.num_classes)
        result = gv.fit(model, task, recipe, [next(seeds["ours"])], progress=False)
        accuracy["ours"].append(result.best.metrics["test"]["accuracy"])

    def peer() -> None:
        accuracy["peer"].append(pyg_run(task, dense, next(seeds["peer"])))

    print(machine(options.threads))
    seconds = in_turn({"gnnvision.fit": ours, "torch-geometric's example": peer}, options.rounds)
    print(table(seconds, "gnnvision.fit"))
    for name, values in accuracy.items():
        print(f"test accuracy of {name}: {statistics.fmean(values):.4f} over {len(values)} seeds")


if __name__ == "__main__":
    main()
