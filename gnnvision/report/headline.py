"""The top of the page: the result in large type, beside what was published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnvision.data import GraphTask, ReconstructionTask, Task, describe
from gnnvision.data.card import PaperFigure
from gnnvision.report.images import image_task, test_views
from gnnvision.report.parts import Figure, Run, Table
from gnnvision.report.published import compare, find_paper, incomparable
from gnnvision.report.seeds import draw_seeds
from gnnvision.report.words import amount, metric_name, plural, sentence
from gnnvision.training import Result
from gnnvision.training.measures import format_stats, spread

__all__ = ["Headline", "banner", "headline"]


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
    picture: Figure | None
    table: Table


def headline(run: Run) -> Headline:
    """The top of the page of a run."""
    result = run.result
    metric, seeds = result.metric, len(result.outcomes)
    table = result.metrics()
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    views = f" of the mean output over {seen}" if (seen := test_views(result.task)) else ""
    test = spread(result.values("test", metric))
    paper, same = find_paper(result)
    why = "" if paper is None else incomparable(result, paper)
    names = result.metric_names
    if len(names) > 3:  # the loss of a regression says no more than its other figures do
        names.remove("loss")
    rows = [
        (
            word,
            *(
                format_stats(name, table[part][name], seeds)
                for name in names
                if name in table[part]
            ),
        )
        for part, word in (("train", "training"), ("val", "validation"), ("test", "test"))
        if table[part]
    ]
    return Headline(
        figure=format_stats(metric, test, seeds),
        what=f"test {metric_name(metric)}{_unit(result.task)}{views}, {over}",
        published="" if paper is None else amount(metric, paper.value),
        source="" if paper is None else _published(paper, same, why),
        compared=_compared(test, seeds, paper, metric, why),
        banner=banner(result),
        facts=_facts(run),
        picture=draw_seeds(run, None if why else paper) if seeds > 1 else None,
        table=Table(("Part", *(metric_name(name) for name in names)), rows),
    )


def banner(result: Result) -> list[str]:
    """A title and lines where another data set ran than was asked for, or the run has notes."""
    task, lines = result.task, list(result.notes)
    wanted = _title(task.requested)
    if task.card.title in (wanted, Path(wanted).name):  # a table is named by its path
        return ["Please note", *lines] if lines else []
    if task.requested.lower().startswith("auto"):
        if not task.card.embedded:  # what was looked for was found
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


def _compared(
    test: dict[str, Any], seeds: int, paper: PaperFigure | None, metric: str, why: str
) -> str:
    if paper is None:
        return ""
    if why:
        return f"Not comparable with the published {amount(metric, paper.value)}: {why}."
    return compare(test, seeds, paper, metric)


def _published(paper: PaperFigure, same: bool, why: str) -> str:
    if why:
        return f"published for {paper.model}, not comparable with this run: {paper.source}"
    if same:
        return f"published for {paper.model} on this split: {paper.source}"
    return f"published on this split for another network, {paper.model}: {paper.source}"


def _facts(run: Run) -> list[tuple[str, str]]:
    result, task = run.result, run.result.task
    sizes, seeds = task.split.sizes, len(result.outcomes)
    validate = f"{sizes['val']:,} validate" if sizes["val"] else "none validates"
    parts = f"{sizes['train']:,} train, {validate}, {sizes['test']:,} test"
    hashes = {outcome.split_hash for outcome in result.outcomes}
    if len(hashes) == 1:
        marks = f"SHA-256 {next(iter(hashes))[:12]}"
    else:
        marks = f"{len(hashes)} different draws; together {result.to_dict()['split_hash'][:12]}"
    once = "for each seed " if seeds > 1 else ""
    tested = f"The test part was read once {once}at the end, by the weights of {{chosen}}."
    if not sizes["test"]:
        tested = "The test part is empty: nothing was tested, and its figures are undefined."
    kept = (
        "Kept: last epoch."
        if result.recipe.checkpoint_selection == "last"
        else f"Kept {once.strip()}: {result.selection}.".replace("Kept :", "Kept:")
    )
    last = result.recipe.checkpoint_selection == "last"
    chosen = "the last epoch" if last else "the epoch validation chose"
    if not sizes["val"]:
        kept += " No validation part was held out, so no epoch was chosen by its results."
    measured = set(result.metric_names) == set(result.best.metrics["train"])
    seen_once = (
        ""
        if measured or not result.best.metrics["train"]
        else "Of so many training items, they are those of the kept epoch itself: each batch as "
        "it was trained on, before its step."
    )
    sentences = " ".join(sentence(remark) for remark in result.remarks())
    together = []
    if (score := result.ensemble()) is not None:
        text = f"The mean of what all {seeds} models predict: {amount(result.metric, score)}."
        together = [("Ensemble", text)]
    return [
        ("Data", f"{task.card.title}: {_size(task)}. SHA-256 {task.data_hash[:12]}."),
        ("Split", f"“{task.split_name}”: {parts} ({marks}). {_rule(task)}".strip()),
        ("Choice", kept),
        ("Test", tested.format(chosen=chosen)),
        *together,
        *([("Training figures", seen_once)] if seen_once else []),
        *([("Undefined or partial", sentences)] if sentences else []),
        *result.facts.items(),
    ]


def _unit(task: Task) -> str:
    if isinstance(task, ReconstructionTask):
        return " of pixel values from 0 to 1"
    unit = task.card.facts.get("unit")
    return f" in {unit}" if unit and task.kind == "regression" else ""


def _size(task: Task) -> str:
    source = image_task(task)
    if source is not None:
        (height, width), count = source.grid.size, len(source.images)
        size = f"{count:,} pictures of {height} × {width} pixels"
        channels = plural(source.in_channels, "channel")
        return f"{size}, {channels}, {source.num_outputs:,} classes"
    if isinstance(task, GraphTask):
        return _size_of_graphs(task)
    facts = task.card.facts
    held = [
        f"{facts[f'num_{name}']:,} {name}{more}"
        for name, more in (("nodes", ""), ("edges", " (both directions counted)"))
        if f"num_{name}" in facts
    ]
    outputs = "classes" if task.kind == "classification" else "outputs"
    held += [f"{task.in_channels:,} features", f"{task.num_outputs:,} {outputs}"]
    return ", ".join(held)


def _size_of_graphs(task: GraphTask) -> str:
    word = {"molecule": ("molecule", "atom", "bond")}.get(
        task.card.kind, ("graph", "node", "edge")
    )
    graphs, half = task.graphs, 2 if task.graphs.is_undirected else 1
    held = int((graphs.offsets.diff() > 0).sum())
    counts = (held, graphs.num_nodes, graphs.num_edges // half)
    sizes = ", ".join(plural(count, name) for count, name in zip(counts, word, strict=True))
    named = plural(task.num_outputs, "target")
    if task.kind == "classification":
        named = f"{task.num_outputs:,} classes"
    return f"{sizes}, {task.in_channels:,} features of each {word[1]}, {named}"


def _rule(task: Task) -> str:
    rule = task.card.splits.get(task.split_name)
    return "" if rule is None else rule.description
