"""Evaluate the network of a saved run again: the same data, split, normalization and metrics.

gnnvision evaluate runs/cnn_cifar/STAMP                the test split
gnnvision evaluate runs/cnn_cifar/STAMP --split val
gnnvision evaluate runs/transfer_cats_dogs/STAMP/checkpoints/epochs/seed-0-epoch-003.safetensors

It loads the weights and the data in a new process, and says whether the metrics are those that
the run saved. The file of one epoch is evaluated as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

__all__ = ["EvaluateFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class EvaluateFlags:
    """The flags of `gnnvision evaluate`.

    Args:
        run: A run folder, or a checkpoint.
        split: The split to evaluate on.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
    """

    run: Path
    split: Literal["train", "val", "test"] = "test"
    device: str = "auto"

    arguments: ClassVar[dict[str, str]] = {"run": "RUN"}
    metavars: ClassVar[dict[str, str]] = {"device": "DEVICE"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {"flags": ("run", "split", "device")}


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return EvaluateFlags


def main(config: EvaluateFlags) -> None:
    """Load the run and its data, and print the metrics of a split."""
    from gnnvision.cli.devices import usable_device
    from gnnvision.models import network_name
    from gnnvision.runs import load_run
    from gnnvision.training import evaluate
    from gnnvision.training.measures import SPLIT_NAMES, format_score, metric_name
    from gnnvision.training.record import read_result
    from gnnvision.training.stored_network import find_checkpoint

    device = usable_device(config.device)
    file = find_checkpoint(config.run)
    run = load_run(file, device=device)
    metrics = evaluate(file, run.task, part=config.split, device=device)
    split = f"{SPLIT_NAMES[config.split]} split, {len(getattr(run.task.split, config.split)):,}"
    place = f"seed {run.about['seed']}, epoch {run.about['epoch']}"
    print(f"{network_name(run.model)} on {run.title}, {place}: {split} items")
    saved: dict[str, float] = {}
    if run.folder is not None and file.name == "best.safetensors":
        saved = read_result(run.folder, run.task, run.model, device).best.metrics[config.split]
    for name, value in metrics.items():
        line = f"  {metric_name(name)}: {format_score(name, value)} ({value!r})"
        if name in saved:
            same = saved[name] == value or (math.isnan(saved[name]) and math.isnan(value))
            line += ", as saved by the run" if same else f"; the run saved {saved[name]!r}"
        print(line)
