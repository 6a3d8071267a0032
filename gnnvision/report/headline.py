"""The top of the page: the result in large type, beside what was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from gnnvision.data import Task, describe
from gnnvision.data.card import PaperFigure
from gnnvision.layers import Convolution
from gnnvision.report.observe import units
from gnnvision.report.parts import Picture, Run, Table
from gnnvision.report.style import CLASS_COLORS, INK, MUTED, VAL_COLOR, drawing
from gnnvision.report.words import amount, metric_label, metric_name, plural, scale, shown
from gnnvision.training import Result
from gnnvision.training.folder import write_csv

__all__ = ["Headline", "banner", "compare", "headline", "model_name"]


@dataclass(frozen=True)
class Headline:
    """What a person reads first.

    Args:
        figure: the mean over seeds and its spread, in words.
        what: which figure that is.
        published: the published one; empty where there is none.
        source: where it was published.
        compared: the difference in a sentence.
        banner: what nobody may overlook: a title and lines; empty where all is well.
        facts: how the figure came about: a name and a sentence each.
        picture: one point for each seed; None for a single one.
        table: all metrics of all parts.
    """

    figure: str
    what: str
    published: str
    source: str
    compared: str
    banner: list[str]
    facts: list[tuple[str, str]]
    picture: Picture | None
    table: Table


def headline(run: Run) -> Headline:
    """The top of the page of a run."""
    result = run.result
    metric, seeds = result.metric, len(result.outcomes)
    table = result.metrics()
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    paper, same = find_paper(result)
    names = list(table["test"])
    rows = [
        (word, *(shown(name, table[part][name], seeds) for name in names if name in table[part]))
        for part, word in (("train", "training"), ("val", "validation"), ("test", "test"))
        if table[part]
    ]
    return Headline(
        figure=shown(metric, table["test"][metric], seeds),
        what=f"test {metric_name(metric)}, {over}",
        published="" if paper is None else amount(metric, paper.value),
        source="" if paper is None else _published(paper, same),
        compared="" if paper is None else compare(table["test"][metric], seeds, paper, metric),
        banner=banner(result),
        facts=_facts(run),
        picture=_draw(run, paper) if seeds > 1 else None,
        table=Table(("Part", *(metric_name(name) for name in names)), rows),
    )


def banner(result: Result) -> list[str]:
    """A title and lines where another data set ran than was asked for, or the run has notes."""
    task, lines = result.task, list(result.notes)
    wanted = _title(task.requested)
    if wanted == task.card.title:
        return ["Please note", *lines] if lines else []
    if task.requested.lower().startswith("auto"):
        if task.card.urls:  # what was looked for was found
            return ["Please note", *lines] if lines else []
        title = "This is NOT Cora or another published data set, but a stand-in"
        for note in lines:
            if note.startswith("This is NOT"):
                title = note
                lines.remove(note)
                break
        wanted = "published data sets"
    else:
        title = f"This is NOT {wanted}"
    ran = (
        f"What really ran is “{task.card.title}”, which needs no download. "
        f"Its figures say nothing about {wanted}."
    )
    return [title, ran, *lines]


def _title(requested: str) -> str:
    """The title of the data set of this name, or the name where there is none."""
    try:
        return describe(requested).title
    except ValueError:
        return requested


def model_name(model: nn.Module) -> str:
    """For a network of nothing but one kind of convolution its name, as "GCN"; else empty."""
    kinds = {
        type(module).__name__ if isinstance(module, Convolution) else ""
        for _, module in units(model)
        if any(True for _ in module.parameters())
    }
    return kinds.pop().removesuffix("Conv") if len(kinds) == 1 else ""


def find_paper(result: Result) -> tuple[PaperFigure | None, bool]:
    """The published figure for this split and metric, and whether it is for this network."""
    task = result.task
    held = [
        paper
        for paper in task.card.paper
        if paper.split == task.split_name and paper.metric == result.metric
    ]
    name = model_name(result.model)
    for paper in held:
        if paper.model.casefold() == name.casefold():
            return paper, True
    return (held[0], False) if held else (None, False)


def compare(figures: dict[str, Any], seeds: int, paper: PaperFigure, metric: str) -> str:
    """The difference to a published figure, and what it means beside the spread."""
    factor = scale(metric)
    difference = figures["mean"] - paper.value
    size = factor * abs(difference)
    unit = " points" if factor == 100 else ""
    digits = 1 if factor == 100 else 3
    value = amount(metric, paper.value)
    if round(size, digits) == 0:
        said = f"This run agrees with the published {value}"
    else:
        side = "above" if difference > 0 else "below"
        said = f"This run is {size:.{digits}f}{unit} {side} the published {value}"
    if seeds == 1:
        return f"{said}; how far single seeds scatter is not known from one."
    spread = figures["std"]
    if abs(difference) <= spread:
        meaning = "within one standard deviation of the seeds"
    elif abs(difference) <= 2 * spread:
        meaning = "within two standard deviations of the seeds"
    else:
        meaning = "further off than two standard deviations of the seeds"
    return f"{said}: {meaning}."


def _published(paper: PaperFigure, same: bool) -> str:
    if same:
        return f"published for {paper.model} on this split: {paper.source}"
    return f"published on this split for another network, {paper.model}: {paper.source}"


def _facts(run: Run) -> list[tuple[str, str]]:
    result, task = run.result, run.result.task
    sizes, seeds = task.split.sizes, len(result.outcomes)
    parts = f"{sizes['train']:,} train, {sizes['val']:,} validate, {sizes['test']:,} test"
    hashes = {outcome.split_hash for outcome in result.outcomes}
    if len(hashes) == 1:
        marks = f"SHA-256 {next(iter(hashes))[:12]}"
    else:
        marks = f"{len(hashes)} different draws; together {result.to_dict()['split_hash'][:12]}"
    once = "for each seed " if seeds > 1 else ""
    kept = (
        "Kept: last epoch."
        if result.recipe.select == "last"
        else f"Kept {once.strip()}: {result.selection}.".replace("Kept :", "Kept:")
    )
    chosen = "the last epoch" if result.recipe.select == "last" else "the epoch validation chose"
    return [
        ("Data", f"{task.card.title}: {_size(task)}. SHA-256 {task.data_hash[:12]}."),
        ("Split", f"“{task.split_name}”: {parts} ({marks}). {_rule(task)}".strip()),
        ("Choice", kept),
        ("Test", f"The test part was read once {once}at the end, by the weights of {chosen}."),
    ]


def _size(task: Task) -> str:
    facts = task.card.facts
    held = [
        f"{facts[f'num_{name}']:,} {name}{more}"
        for name, more in (("nodes", ""), ("edges", " (both directions counted)"))
        if f"num_{name}" in facts
    ]
    outputs = "classes" if task.kind == "classification" else "outputs"
    held += [f"{task.in_channels:,} features", f"{task.num_outputs:,} {outputs}"]
    return ", ".join(held)


def _rule(task: Task) -> str:
    rule = task.card.splits.get(task.split_name)
    return "" if rule is None else rule.description


def _draw(run: Run, paper: PaperFigure | None) -> Picture:
    """One point for each seed, equal ones stacked."""
    result, path = run.result, run.figures / "seeds.png"
    metric = result.metric
    factor, values = scale(metric), result.values("test", metric)
    shown_values = [factor * value for value in values]
    figures = result.metrics()["test"][metric]
    mean, std = factor * figures["mean"], factor * figures["std"]
    ends = [*shown_values, mean - std, mean + std]
    ends += [] if paper is None else [factor * paper.value]
    low, high = min(ends), max(ends)
    width = max((high - low) / 45, 1e-9)
    height: dict[int, int] = {}
    stacked = []
    for value in shown_values:
        column = round((value - low) / width)
        height[column] = height.get(column, 0) + 1
        stacked.append(height[column])
    top = max(stacked)
    with drawing(path, 2.2 + 0.06 * top) as figure:
        axes = figure.add_subplot()
        size = 46 if top < 6 else 22
        axes.scatter(shown_values, stacked, s=size, color=VAL_COLOR, alpha=0.75, lw=0)
        axes.errorbar(
            mean, 0, xerr=std, fmt="D", color=INK, ms=6, capsize=4, lw=1.6, label="mean ± std"
        )
        if paper is not None:
            label = f"published {paper.model}: {amount(metric, paper.value)}"
            axes.axvline(factor * paper.value, color=CLASS_COLORS[5], ls="--", lw=1.5, label=label)
        axes.set_ylim(-0.9, top + 0.9)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=6)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.06)
        axes.set_xlabel(f"test {metric_label(metric)}", color=INK)
        axes.set_title(f"Each of the {len(values)} seeds is a dot", color=INK)
        axes.tick_params(axis="x", color=MUTED)
        figure.legend(loc="outside lower center", ncols=2)
    rows = [
        {"seed": outcome.seed, f"test_{metric}": value}
        for outcome, value in zip(result.outcomes, values, strict=True)
    ]
    write_csv(path.with_suffix(".csv"), rows)
    alt = (
        f"Dot plot of the test {metric_name(metric)} of {plural(len(values), 'seed')}, from "
        f"{amount(metric, min(values))} to {amount(metric, max(values))}."
    )
    return Picture(path, alt)
