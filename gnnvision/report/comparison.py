"""Training runs side by side on one page: results, what differs, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from gnnvision.errors import invalid
from gnnvision.models import network_name
from gnnvision.report.curves import over_seeds
from gnnvision.report.images import image_task
from gnnvision.report.index import Links
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.runs import link
from gnnvision.report.style import CLASS_COLORS, NARROW, drawing, legend_below
from gnnvision.report.words import amount, capitalized, duration, metric_label, metric_name, scale
from gnnvision.training import Result
from gnnvision.training.folder import write_csv
from gnnvision.training.measures import format_stats, spread

__all__ = ["comparison_sections"]

_MOST = len(CLASS_COLORS)
_ONLY_DRAWN = "The test curve is only drawn: no epoch, seed or setting was selected by it. "


def comparison_sections(results: Mapping[str, Result], folder: Path) -> list[Section]:
    """The sections of a page that compares training runs.

    Args:
        results: what each run is called, and its result.
        folder: of the page; the figures go to its folder `figures`, which exists.

    Raises:
        ValueError: if there are not two to ten runs, or they have different metrics.
    """
    if not 2 <= len(results) <= _MOST:
        advice = "Compare some of them."
        raise invalid("runs", f"be 2 to {_MOST} runs", len(results), advice)
    metrics = {result.metric for result in results.values()}
    if len(metrics) > 1:
        got = " and ".join(sorted(metrics))
        raise invalid("runs", "have the same metric", got, "Compare runs of one task.")
    sections = [_results(results, folder), _curves(results, folder / "figures")]
    if any(outcome.steps for result in results.values() for outcome in result.outcomes):
        sections.append(_steps(results, folder / "figures"))
    return sections


def _results(results: Mapping[str, Result], folder: Path) -> Section:
    """The scores of all runs, and the settings in which they differ."""
    (metric,) = {result.metric for result in results.values()}
    name = capitalized(metric_name(metric))
    head = ["Run", "Network", "Parameters", f"Test: {name}", f"Training: {name}", "Time", "Report"]
    rows: list[list[Any]] = []
    for called, result in results.items():
        count = len(result.outcomes)
        scores = []
        for part in ("test", "train"):
            known = metric in result.metrics()[part]
            held = spread(result.values(part, metric))
            scores.append(format_stats(metric, held, count) if known else "none")
        page = None if result.folder is None else result.folder / "report.html"
        address = link(page, folder) if page is not None and page.is_file() else ""
        links = Links((("report", address),)) if address else ""
        network = capitalized(network_name(result.model))
        size = f"{_parameters(result):,}"
        rows.append([called, network, size, *scores, duration(result.train_seconds), links])
    write_csv(
        folder / "figures" / "results.csv",
        [dict(zip(head[:-1], map(str, row[:-1]), strict=True)) for row in rows],
    )
    seeds = {len(result.outcomes) for result in results.values()}
    over = f"mean ± standard deviation over {max(seeds)} seeds" if max(seeds) > 1 else "one seed"
    first, *others = results.values()
    lead = (
        f"{len(results)} runs, each with {over}." if len(seeds) == 1 else f"{len(results)} runs."
    )
    same = all(
        (other.task.data_hash, other.task.split.hash)
        == (first.task.data_hash, first.task.split.hash)
        for other in others
    )
    lead += " All have the same data and the same split." if same else " Data or splits differ."
    note = "Every epoch was kept by the rule on the run's own page, and tested once at the end."
    tables = [Table(head, rows, 2)]
    if differences := _differences(results):
        tables.append(Table(["Setting", *results], differences, 1 + len(results)))
    return Section("Results", lead, (), tables, note, wide=True)


def _parameters(result: Result) -> int:
    return sum(parameter.numel() for parameter in result.model.parameters())


def _differences(results: Mapping[str, Result]) -> list[list[str]]:
    """The settings that differ: a name, and the value in each run."""
    settings = [_settings(result) for result in results.values()]
    names = dict.fromkeys(name for each in settings for name in each)
    rows = [[name, *(each.get(name, "none") for each in settings)] for name in names]
    return [row for row in rows if len(set(row[1:])) > 1]


def _settings(result: Result) -> dict[str, str]:
    task, images = result.task, image_task(result.task)
    spec = getattr(result.model, "spec", None) or {"name": network_name(result.model)}
    found = {"dataset": task.card.title, "split": task.split_name, "network": spec["name"]}
    found |= {str(n): str(v) for n, v in spec.get("arguments", {}).items()}
    found["parameters"] = f"{_parameters(result):,}"
    if images is not None:
        found["augmentation"] = "none" if images.augment is None else str(images.augment)
    return found | {name: str(value) for name, value in result.recipe.to_dict().items()}


def _curves(results: Mapping[str, Result], figures: Path) -> Section:
    """The training curves: training dashed; test, or else validation, as a line."""
    metric = next(iter(results.values())).metric
    shown = [_draw_epochs(results, name, figures) for name in ("loss", metric)]
    parts = set(map(_curve_split, results.values())) - {"train"}
    words = {"val": "validation", "test": "test"}
    what = " or ".join(words[part] for part in sorted(parts))
    lead = f"Dashed: training. Lines: {what}." if what else "The training split, in each epoch."
    note = _ONLY_DRAWN if "test" in parts else ""
    note += "Training values are measured while the weights change, with dropout and augmentation."
    return Section("Training curves", lead, shown, note=note)


def _curve_split(result: Result) -> str:
    """The split whose curve is drawn besides that of training."""
    row = result.outcomes[0].history[0]
    return next((part for part in ("test", "val") if f"{part}_loss" in row), "train")


def _draw_epochs(results: Mapping[str, Result], name: str, figures: Path) -> Figure:
    path, rows = figures / f"compare_{name}.svg", []
    with drawing(path, 3.5, NARROW) as figure:
        axes = figure.add_subplot()
        for color, (called, result) in zip(CLASS_COLORS, results.items(), strict=False):
            for part in dict.fromkeys((_curve_split(result), "train")):
                key = f"{part}_{name}"
                if key not in result.outcomes[0].history[0]:
                    continue
                values = scale(name) * np.nanmean(over_seeds(result.outcomes, key), 0)
                epochs = np.arange(1, len(values) + 1)
                dashed = part == "train"
                axes.plot(
                    epochs, values, color=color, ls="--" if dashed else "-",
                    lw=1.2 if dashed else 1.9, alpha=0.7 if dashed else 1.0,
                    label=f"{called}, training" if dashed else called,
                    marker="o" if len(epochs) == 1 else "",
                )  # fmt: skip
                rows += [
                    {"run": called, "epoch": int(epoch), "split": part, name: float(value)}
                    for epoch, value in zip(epochs, values, strict=True)
                ]
        _finish(axes, figure, name, "Epoch")
    write_csv(path.with_suffix(".csv"), rows)
    return Figure(path, f"Line plot of the {metric_name(name)} of each run against the epoch.")


def _finish(axes: Any, figure: Any, name: str, label: str) -> None:  # noqa: ANN401
    axes.set(xlabel=label, ylabel=capitalized(metric_label(name)))
    axes.set_title(capitalized(metric_name(name)))
    axes.margins(x=0.02)
    if name == "loss":
        axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", integer=True)
    legend_below(figure, axes.get_legend_handles_labels()[0], 2)


def _steps(results: Mapping[str, Result], figures: Path) -> Section:
    """Loss and test score at the same training steps of all runs, of the best seed of each."""
    metric = next(iter(results.values())).metric
    named = {called: result.best.steps for called, result in results.items() if result.best.steps}
    shown = [_draw_steps(named, name, part, figures) for name, part in
             (("loss", "train"), (metric, "test"))]  # fmt: skip
    head = ["Iteration"]
    for called in named:
        head += [f"{called}: training loss", f"{called}: test {metric_name(metric)}"]
    rows = []
    for row in zip_longest(*named.values(), fillvalue={}):
        cells = [f"{int(next(one['step'] for one in row if one)):,}"]
        for one in row:
            loss, score = one.get("train_loss"), one.get(f"test_{metric}")
            cells += ["" if loss is None else amount("loss", loss)]
            cells += ["" if score is None else amount(metric, score)]
        rows.append(cells)
    lead = "Loss and test score while the networks train. An iteration is a training step."
    note = f"{_ONLY_DRAWN}The training loss is the mean since the row before."
    tables = [Table(head, rows, 0, is_open=True)]
    return Section("During training", lead, shown, tables, note, wide=True)


def _draw_steps(
    named: Mapping[str, Sequence[Mapping[str, float]]], name: str, part: str, figures: Path
) -> Figure:
    path, rows = figures / f"compare_steps_{name}.svg", []
    key, words = f"{part}_{name}", "training" if part == "train" else part
    with drawing(path, 3.2, NARROW) as figure:
        axes = figure.add_subplot()
        for color, (called, steps) in zip(CLASS_COLORS, named.items(), strict=False):
            held = [(row["step"], scale(name) * row[key]) for row in steps if key in row]
            axes.plot(*zip(*held, strict=True), color=color, label=called, marker="o", ms=4)
            rows += [{"run": called, "step": int(step), key: value} for step, value in held]
        _finish(axes, figure, name, "Iteration")
        axes.set_title(capitalized(f"{words} {metric_name(name)}"))
    write_csv(path.with_suffix(".csv"), rows)
    alt = f"Line plot of the {words} {metric_name(name)} of each run against the iteration."
    return Figure(path, alt)
