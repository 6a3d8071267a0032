"""The top of the report: the main result in large type, next to the published one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gnnvision.data import GraphTask, LinkTask, NodeTask, ReconstructionTask, Task, describe
from gnnvision.data.card import PaperFigure
from gnnvision.data.doors import plain_name
from gnnvision.models import network_name
from gnnvision.report.images import image_task, test_views
from gnnvision.report.parts import Figure, Run, Table
from gnnvision.report.published import compare, find_paper, incomparable
from gnnvision.report.seeds import draw_seeds
from gnnvision.report.words import amount, capitalized, metric_name, plural, sentence
from gnnvision.training import Result
from gnnvision.training.measures import format_stats, spread

__all__ = ["Headline", "banner", "headline"]


@dataclass(frozen=True)
class Headline:
    """The content of the first section of a report.

    Args:
        title: the network and the dataset.
        figure: the mean over the seeds ± their standard deviation.
        what: which metric that is.
        published: the published result; empty if there is none.
        source: where it was published.
        compared: the difference in a sentence.
        banner: a warning at the very top: a title and lines; empty if there is none.
        facts: how the result was measured: a name and a sentence each.
        seeds: a plot of one point for each seed; None for a single one.
        table: all metrics of all splits.
    """

    title: str
    figure: str
    what: str
    published: str
    source: str
    compared: str
    banner: list[str]
    facts: list[tuple[str, str]]
    seeds: Figure | None
    table: Table


def headline(run: Run) -> Headline:
    """The first section of the report of a run."""
    result = run.result
    metric, seeds = result.metric, len(result.outcomes)
    table = result.metrics()
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    views = f" of the mean output over {seen}" if (seen := test_views(result.task)) else ""
    test = spread(result.values("test", metric))
    paper, same = find_paper(result)
    why = "" if paper is None else incomparable(result, paper)
    names = result.metric_names
    if result.task.kind == "regression":  # whose loss tells no more than the other metrics
        names = [name for name in names if name != "loss"]
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
        title=f"{capitalized(network_name(result.model))} on {result.task.card.title}",
        figure=format_stats(metric, test, seeds),
        what=f"test {metric_name(metric)}{_unit(result.task)}{views}, {over}",
        published="" if paper is None else amount(metric, paper.value),
        source="" if paper is None else _published(paper, same, why),
        compared=_compared(test, seeds, paper, metric, why),
        banner=banner(result),
        facts=_facts(run),
        seeds=_seeds(run, None if why else paper),
        table=Table(("Split", *(metric_name(name) for name in names)), rows),
    )


def _seeds(run: Run, paper: PaperFigure | None) -> Figure | None:
    several = len(run.result.outcomes) > 1
    return draw_seeds(run, paper) if several and not run.without_figures else None


def banner(result: Result) -> list[str]:
    """A title and lines where another dataset ran than was asked for, or the run has notes."""
    task, lines = result.task, list(result.notes)
    is_auto = task.requested.lower().startswith("auto")
    wanted = _title(task.preferred if is_auto else task.requested)
    # Your own data are named as you like; `auto` that found a real dataset found what it wanted.
    is_own = not is_auto and (not wanted or plain_name(task.requested) == plain_name(task.name))
    if (
        is_own
        or (wanted and task.card.title.startswith(wanted))
        or (is_auto and not task.card.embedded)
    ):
        return ["Please note", *lines] if lines else []
    wanted = wanted or "a published dataset"
    because = f" because {wanted} could not be loaded or downloaded" if is_auto else ""
    ran = (
        f"The run used the {'embedded ' if task.card.embedded else ''}dataset "
        f"“{task.card.title}”{because}. Its results must not be compared with those of {wanted}."
    )
    reason = [f"Reason: {task.reason}"] if task.reason else []
    return [f"This is not {wanted}", ran, *reason, *lines]


def _title(requested: str) -> str:
    """The title of the dataset of this name; "" for data that have no card."""
    try:
        return describe(requested).title
    except ValueError:
        return ""


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
    return f"published for another network, {paper.model}, on this split: {paper.source}"


def _facts(run: Run) -> list[tuple[str, str]]:
    result, task = run.result, run.result.task
    sizes, seeds = task.split.sizes, len(result.outcomes)
    hashes = {outcome.split_hash for outcome in result.outcomes}
    if len(hashes) == 1:
        marks = f"SHA-256 {next(iter(hashes))[:12]}"
    else:
        marks = f"{len(hashes)} different splits, SHA-256 {result.to_dict()['split_hash'][:12]}"
    counts = f"{sizes['train']:,} training, {sizes['val']:,} validation, {sizes['test']:,} test"
    each = " for each seed" if seeds > 1 else ""
    is_last = result.recipe.checkpoint_selection == "last"
    kept = f"Checkpoint kept{each}: {result.selection}."
    if not sizes["val"]:
        kept += " There is no validation split, so no epoch was selected by its results."
    chosen = "the last epoch" if is_last else "the selected epoch"
    tested = f"The test split was evaluated once{each}, at the end, with the weights of {chosen}."
    if result.recipe.evaluate_every is not None:
        tested += (
            " It was also measured while the network trained, for the curves; nothing was "
            "selected by them."
        )
    if not sizes["test"]:
        tested = "The test split is empty: nothing was tested, and test metrics are undefined."
    facts = [
        ("Dataset", f"{task.card.title}: {_size(task)}. SHA-256 {task.data_hash[:12]}."),
        ("Split", f"“{task.split_name}”: {counts} ({marks}). {_rule(task)}".strip()),
        ("Selection", kept),
        ("Test", tested),
    ]
    if (score := result.ensemble()) is not None:
        text = f"Mean prediction of all {seeds} models: {amount(result.metric, score)}."
        facts.append(("Ensemble", text))
    on_train = result.best.metrics["train"]
    if on_train and set(result.metric_names) != set(on_train):
        text = (
            "The training split is large, so its metrics are those of the kept epoch while it "
            "ran: each batch before its step."
        )
        facts.append(("Training metrics", text))
    if remarks := result.remarks():
        facts.append(("Undefined or partial", " ".join(map(sentence, remarks))))
    return facts + list(result.facts.items())


def _unit(task: Task) -> str:
    if isinstance(task, ReconstructionTask):
        return " of pixel values from 0 to 1"
    unit = task.card.facts.get("unit")
    return f" in {unit}" if unit and task.kind == "regression" else ""


def _size(task: Task) -> str:
    source = image_task(task)
    if source is not None:
        (height, width), count = source.grid.shape, len(source.images)
        size = f"{count:,} images of {height} × {width} pixels"
        channels = plural(source.in_channels, "channel")
        outputs = "class" if source.kind == "classification" else "target"
        return f"{size}, {channels}, {plural(source.num_outputs, outputs)}"
    if isinstance(task, GraphTask):
        return _size_of_graphs(task)
    facts = task.card.facts
    held = [
        f"{facts[f'num_{name}']:,} {name}{more}"
        for name, more in (("nodes", ""), ("edges", " (both directions counted)"))
        if f"num_{name}" in facts
    ]
    if isinstance(task, NodeTask | LinkTask) and not held:
        graph = task.graph
        held = [
            f"{graph.num_nodes:,} nodes",
            f"{graph.num_edges:,} edges (both directions counted)",
        ]
    outputs = "class" if task.kind == "classification" else "output"
    held += [plural(task.in_channels, "feature"), plural(task.num_outputs, outputs)]
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
    return f"{sizes}, {task.in_channels:,} features per {word[1]}, {named}"


def _rule(task: Task) -> str:
    rule = task.card.splits.get(task.split_name)
    return "" if rule is None else rule.description
