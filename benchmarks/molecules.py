"""Molecules: speed compared with torch-geometric, accuracy with Chemprop on the same splits.

    python benchmarks/molecules.py                                        speed
    python benchmarks/molecules.py --whole                                all of HIV: time, memory
    python benchmarks/molecules.py --chemprop PEER/bin/chemprop           accuracy on ESOL

Chemprop is not a dependency; it is installed in a separate environment:

    python -m venv PEER && PEER/bin/pip install "chemprop>=2"

Speed is measured on the same molecules, with the programs in turn, after a warm-up.
Featurization: torch-geometric's `from_smiles`, ours with bond features, and rdkit's parsing alone,
the lower bound of both. Collation and training: torch-geometric's DataLoader and our batches have
the same features, edges and targets, shuffled, 64 molecules a batch; the network has three graph
convolutions, the mean over the atoms and a linear layer; evaluation is not timed.

Accuracy is the test RMSE of the epoch selected on the validation split: `chemprop train` and
`experiments/gcn_molecules.py`, both with their defaults (50 epochs for Chemprop). Each split is a
random one in 8 : 1 : 1, either Chemprop's, for its data seeds 0, 1, ..., or ours
(`--splits ours`).
Seconds are those of the whole command, with the same number of threads; ours includes the report.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import in_turn, machine, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch
from torch import Tensor, nn

import gnnvision as gv
from gnnvision.data.molecules.encode import encode
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.training.measures import format_stats, spread
from gnnvision.training.seed_run import SeedRun

BATCH = 64
PARTS = ("train", "val", "test")
SCRIPT = Path(__file__).parent.parent / "experiments" / "gcn_molecules.py"
Parts = dict[str, list[int]]
Programs = dict[str, Callable[[], object]]


class PyGNet(nn.Module):
    """Three GCNConv layers, mean pool and a linear layer of torch-geometric."""

    def __init__(self, in_channels: int, hidden: int, num_outputs: int) -> None:
        from torch_geometric.nn import GCNConv

        super().__init__()
        widths = [in_channels, hidden, hidden]
        self.convs = nn.ModuleList(GCNConv(width, hidden) for width in widths)
        self.last = nn.Linear(hidden, num_outputs)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        """(N, in_channels) -> (B, num_outputs)."""
        from torch_geometric.nn import global_mean_pool

        for conv in self.convs:
            x = conv(x, edge_index).relu()
        return self.last(global_mean_pool(x, batch))


def featurizing(smiles: list[str]) -> Programs:
    """Functions that convert SMILES to tensors: torch-geometric's, ours, and the lower bound."""
    from rdkit import Chem, rdBase
    from torch_geometric.utils import from_smiles

    featurizer = gv.data.Featurizer()

    def floor() -> None:
        with rdBase.BlockLogs():
            for text in smiles:
                Chem.MolFromSmiles(text)

    return {
        "torch-geometric's from_smiles": lambda: [from_smiles(text) for text in smiles],
        "gnnvision": lambda: batch_molecules(encode(smiles, featurizer), featurizer),
        "rdkit's parse alone": floor,
    }


def collation(task: gv.data.MoleculeTask, loader: object) -> Programs:
    """An epoch of shuffled batches, nothing done with them."""
    generator = torch.Generator().manual_seed(0)
    return {
        "torch-geometric's DataLoader": lambda: [None for _ in loader],
        "gnnvision": lambda: [None for _ in task.batches("train", BATCH, generator)],
    }


def training(task: gv.data.MoleculeTask, loader: object, hidden: int) -> Programs:
    """An epoch of training."""
    peer = PyGNet(task.in_channels, hidden, task.num_outputs)
    optimizer = torch.optim.Adam(peer.parameters(), 1e-3, fused=True)
    spread = task.target_statistics[1]

    def peer_epoch() -> None:
        peer.train()
        for data in loader:
            optimizer.zero_grad()
            error = (peer(data.x, data.edge_index, data.batch) - data.y) / spread
            error.square().mean().backward()
            optimizer.step()

    model = gv.models.molecule_gcn(task.in_channels, task.num_outputs, hidden)
    recipe = gv.Recipe(epochs=10**6, lr=1e-3, batch_size=BATCH, checkpoint_selection="last")
    split = replace(task.split, val=task.split.val[:0])  # the steps alone
    run = SeedRun(model, replace(task, split=split), recipe, 0, "float32", False)
    return {
        "torch-geometric": peer_epoch,
        "gnnvision": lambda: [*run.train_epoch(), run.finish_epoch()],
    }


def peer_loader(task: gv.data.MoleculeTask) -> object:
    """torch-geometric's DataLoader of the graphs in our training split."""
    from torch_geometric.loader import DataLoader

    chosen = torch.from_numpy(task.split.train.copy())
    members, x = task.graphs.select(chosen), task.x[task.graphs.member_nodes(chosen)]
    y, offsets = task.y[chosen], members.offsets.tolist()
    items = [
        graph.to_pyg(x[start:end], y[i : i + 1])
        for i, (graph, start, end) in enumerate(
            zip(members.unbatch(), offsets[:-1], offsets[1:], strict=True)
        )
    ]
    return DataLoader(items, BATCH, shuffle=True)


def report(title: str, programs: Programs, count: int, rounds: int) -> None:
    """Print the molecules a second of each program, and the ratio to the first one."""
    seconds = in_turn(programs, rounds)
    print(f"{title:36}{'molecules/s':>12}{'ratio':>8}{'slowest':>10}{'quickest':>10}")
    base = statistics.median(next(iter(seconds.values())))
    for name, values in seconds.items():
        median = statistics.median(values)
        low, high = count / max(values), count / min(values)
        print(f"  {name:34}{count / median:12.0f}{base / median:8.2f}{low:10.0f}{high:10.0f}")


def speed(options: argparse.Namespace) -> None:
    """Time featurization, collation and training."""
    # A random split, as computing scaffolds takes longer than all that is timed here.
    task = gv.data.load(options.dataset, on_invalid="skip", split="random")
    smiles = [task.smiles[row] for row in task.split.train[: options.molecules]]
    report("featurizing", featurizing(smiles), len(smiles), options.rounds)
    solubility = gv.data.load("esol")
    loader, count = peer_loader(solubility), len(solubility.split.train)
    report(f"collation of {BATCH}", collation(solubility, loader), count, options.rounds)
    title = f"training, hidden {options.hidden}"
    report(title, training(solubility, loader, options.hidden), count, options.rounds)


def whole(options: argparse.Namespace) -> None:
    """Featurize all molecules of the dataset twice; print the seconds and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GNNVISION_CACHE"] = folder
        for attempt in ("first time", "second time"):
            started = time.perf_counter()
            task = gv.data.load(options.dataset, on_invalid="skip", split="random")
            seconds = time.perf_counter() - started
            print(f"{task.name}, {len(task.smiles)} rows, {attempt}: {seconds:.1f} s")
            del task  # so that the second one does not add to the peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory, with torch and all libraries: {peak:.2f} GiB")


def chemprop(command: Path, folder: Path, target: str, seed: int, given: Parts | None) -> Parts:
    """Train Chemprop on `table.csv` with a given split or its own, and return the split."""
    flags = ["--task-type", "regression", "--smiles-columns", "smiles", "--target-columns", target]
    flags += ["--accelerator", "cpu", "--devices", "1", "--pytorch-seed", str(seed)]
    flags += ["--data-seed", str(seed), "--output-dir", str(folder / "peer")]
    if given is not None:
        (folder / "given.json").write_text(json.dumps([given]))
        flags += ["--splits-file", str(folder / "given.json")]
    run([str(command), "train", "--data-path", str(folder / "table.csv"), *flags])
    (parts,) = json.loads((folder / "peer" / "splits.json").read_text())
    return parts


def run(command: list[str]) -> None:
    """Run a command; its output is printed only if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def chemprop_rmse(folder: Path, target: str, measured: list[float]) -> float:
    """The RMSE of the predictions that Chemprop wrote for the test rows."""
    (file,) = (folder / "peer").rglob("test_predictions.csv")
    with open(file, newline="") as lines:
        predicted = [float(row[target]) for row in csv.DictReader(lines)]
    pairs = zip(predicted, measured, strict=True)
    return statistics.fmean((a - b) ** 2 for a, b in pairs) ** 0.5


def ours(table: gv.data.Table, folder: Path, parts: Parts, target: str) -> float:
    """The test RMSE of our script, with a column that names the split of each row."""
    named = {row: part for part in PARTS for row in parts[part]}
    with open(folder / "parts.csv", "w", newline="") as file:
        table.write(file, {"part": [named.get(row, "") for row in range(len(table.rows))]})
    flags = ["--csv", file.name, "--smiles", "smiles", "--target", target, "--seeds", "1"]
    flags += ["--split", "column", "--split-column", "part", "--out", str(folder / "ours")]
    run([sys.executable, str(SCRIPT), *flags])
    (result,) = (folder / "ours").rglob("result.json")
    (rmse,) = json.loads(result.read_text())["metrics"]["test"]["rmse"]["values"]
    return rmse


def compare_with_chemprop(
    command: Path, seeds: int, splits: str = "chemprop"
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Train both programs on the same random splits of ESOL, one after the other.

    Args:
        command: the path of the chemprop command.
        seeds: the number of splits.
        splits: "chemprop" or "ours": whose splits.

    Returns:
        The seconds of a run and the test RMSE, of each program and split.
    """
    task = gv.data.load("esol")
    (target,) = task.class_names
    found: dict[str, list[float]] = {"chemprop": [], "gnnvision": []}
    seconds: dict[str, list[float]] = {"chemprop": [], "gnnvision": []}
    print(f"{'split':10}{'chemprop RMSE':>16}{'s':>8}{'gnnvision RMSE':>18}{'s':>8}")
    for seed in range(seeds):
        split = task.with_seed(seed).split
        given = {part: getattr(split, part).tolist() for part in PARTS}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            os.environ["GNNVISION_CACHE"] = name  # no cache of an earlier run
            with open(folder / "table.csv", "w", newline="") as file:
                task.table.write(file, {})
            started = time.perf_counter()
            parts = chemprop(command, folder, target, seed, given if splits == "ours" else None)
            seconds["chemprop"].append(time.perf_counter() - started)
            measured = [float(task.y[row]) for row in parts["test"]]
            found["chemprop"].append(chemprop_rmse(folder, target, measured))
            started = time.perf_counter()
            found["gnnvision"].append(ours(task.table, folder, parts, target))
            seconds["gnnvision"].append(time.perf_counter() - started)
        cells = [values[-1] for name in found for values in (found[name], seconds[name])]
        print(f"{seed:<10}{cells[0]:16.3f}{cells[1]:8.0f}{cells[2]:18.3f}{cells[3]:8.0f}")
    return seconds, found


def accuracy(options: argparse.Namespace) -> None:
    """Print the RMSE and the seconds of both programs."""
    seconds, found = compare_with_chemprop(options.chemprop, options.seeds, options.splits)
    for name, values in found.items():
        figures = format_stats("rmse", spread(values), len(values))
        middle = statistics.median(seconds[name])
        print(f"{name}: RMSE {figures} over {len(values)} splits, {middle:.0f} s a run")


def main() -> None:
    """Run the comparison that the flags select."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dataset", default="hiv", help="dataset to featurize")
    parser.add_argument(
        "--molecules", type=int, default=2000, help="number of its molecules to time"
    )
    parser.add_argument("--hidden", type=int, default=128, help="width of the convolutions")
    parser.add_argument("--whole", action="store_true", help="featurize the whole dataset instead")
    parser.add_argument(
        "--chemprop", type=Path, help="path of the chemprop command: compare accuracy"
    )
    parser.add_argument("--splits", choices=("chemprop", "ours"), default="chemprop")
    parser.add_argument("--seeds", type=int, default=5, help="number of splits")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # of the commands that are started
    print(machine(options.threads))
    if options.chemprop is not None:
        accuracy(options)
    elif options.whole:
        whole(options)
    else:
        speed(options)


if __name__ == "__main__":
    main()
