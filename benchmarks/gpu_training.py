"""The section of `gpu_check.py` on training steps: captured as CUDA graphs, and waited for."""

from __future__ import annotations

import copy
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from gpu_check import Row

import gnnvision as gv
from gnnvision.training.captured import Captured
from gnnvision.training.precision import resolve_precision
from gnnvision.training.seed_run import SeedRun, initialize

__all__ = ["training"]

EPOCHS = 12
CLOSE = 0.02  # relative: by how much the loss of an epoch may differ, as sums vary in their order

Made = tuple[Any, Any, gv.Recipe]


def citation_graph() -> Made:
    """A graph of nodes, the same in each step."""
    task = gv.data.load("karate")
    model = gv.models.gcn(task.in_channels, 16, task.num_classes)
    return task, model, gv.Recipe(epochs=100, schedule="cosine")


def molecules() -> Made:
    """Batches of graphs, each of another size."""
    task = gv.data.load("auto:esol")
    model = gv.models.build(
        "bond_network",
        in_channels=task.in_channels,
        num_outputs=task.num_outputs,
        bond_channels=task.num_edge_attr,
    )
    return task, model, gv.Recipe(epochs=100, batch_size=64, optimizer="adamw")


def images() -> Made:
    """Batches of images, all of one size but for the last one of an epoch."""
    task = gv.data.load("digits")
    model = gv.models.whitened_cnn(in_channels=1, num_classes=10, image_size=(8, 8))
    return task, model, replace(gv.training.recipes.WHITENED_CNN, epochs=100, batch_size=128)


KINDS: dict[str, Callable[[], Made]] = {
    "citation graph": citation_graph,
    "molecules": molecules,
    "images": images,
}


def training(device: str, small: bool) -> Iterator[Row]:
    """Train on each kind of data: steps captured or not, and the host's waits for the GPU."""
    for name, make in KINDS.items():
        if not device.startswith("cuda"):
            yield Row(f"training steps, {name}", "skipped", "no GPU to capture them on")
            continue
        task, model, recipe = make()
        task, model = task.to(device), model.to(device)
        torch.manual_seed(0)
        initialize(model, task)
        yield from of_kind(name, task, model, recipe, device)


def of_kind(name: str, task: Any, model: Any, recipe: gv.Recipe, device: str) -> Iterator[Row]:
    """The rows of one kind of data."""
    precision = resolve_precision("auto", model, device)
    seconds, losses = {}, {}
    for form in ("captured", "plain"):
        torch.manual_seed(1)
        run = SeedRun(copy.deepcopy(model), task, recipe, 0, precision, False)
        if form == "plain":
            run.advance = run.take_step
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            started = time.perf_counter()
            seconds[form] = [_seconds_of_step(run) for _ in range(EPOCHS)]
            taken = time.perf_counter() - started
        losses[form] = [row["train_loss"] for row in run.history]
        if form == "captured":
            warned = [str(w.message) for w in caught if "CUDA graphs" in str(w.message)]
            yield from _of_capture(name, run, warned, taken)
            yield from _of_waits(name, run)
    wrong = max(abs(a / b - 1) for a, b in zip(losses["captured"], losses["plain"], strict=True))
    figure = f"losses of {EPOCHS} epochs differ by {wrong:.1e} of their value at most"
    yield Row(f"as without, {name}", "passed" if wrong <= CLOSE else "failed", figure)
    ours, other = (
        statistics.median(seconds[form][EPOCHS // 2 :]) * 1e3 for form in ("captured", "plain")
    )
    text = f"{ours:.3g} ms, without CUDA graphs {other:.3g} ms ({other / ours:.1f} times)"
    yield Row(f"a training step, {name}", "measured", text)


def _seconds_of_step(run: SeedRun) -> float:
    """Train an epoch, and return the mean seconds of its steps, batches included."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    steps = len([*run.train_epoch()])
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - started) / steps
    run.finish_epoch()
    return seconds


def _of_capture(name: str, run: SeedRun, warned: list[str], seconds: float) -> Iterator[Row]:
    """Whether the steps were captured; those of batches of graphs are not."""
    assert isinstance(run.advance, Captured)
    replayed = f"{run.advance.replays} of {run.step} steps replayed"
    good = (name == "molecules" or run.advance.replays >= run.step / 2) and not run.advance.reason
    figure = " ".join([replayed, *warned]) if good else run.advance.reason or replayed
    yield Row(f"captured, {name}", "passed" if good else "failed", figure, seconds)


def _of_waits(name: str, run: SeedRun) -> Iterator[Row]:
    """Whether a step waits for the GPU, which torch then refuses; and how often an epoch does."""
    torch.cuda.reset_peak_memory_stats()
    refused = ""
    for number, batch in enumerate(run.batches_left()):
        # In the first step of an epoch the operators of all its graphs are laid out.
        torch.cuda.set_sync_debug_mode("error" if number or name != "molecules" else "default")
        try:
            stepped = run.advance(*batch)
        except RuntimeError as error:
            refused = str(error).splitlines()[0]
        torch.cuda.set_sync_debug_mode("default")
        if refused:
            yield Row(f"no wait in a step, {name}", "failed", refused)
            return
        run.record(stepped)
    run.finish_epoch()
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        steps = len([*run.train_epoch()])
        run.finish_epoch()
    torch.cuda.set_sync_debug_mode("default")
    count = sum("called a synchronizing" in str(warning.message) for warning in caught)
    peak = torch.cuda.max_memory_allocated() / 2**20
    figure = f"none; {count} in an epoch of {steps} steps; peak memory {peak:.0f} MiB"
    yield Row(f"waits in a step, {name}", "passed", figure)
