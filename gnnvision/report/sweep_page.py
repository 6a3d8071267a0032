"""The page of a sweep: the best settings, all trials, how the search went, what mattered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gnnvision._extras import missing_text
from gnnvision.report.index import Links
from gnnvision.report.page import write_page
from gnnvision.report.parts import Figure, Section, Table
from gnnvision.report.runs import link
from gnnvision.report.style import (
    MUTED,
    NARROW,
    TEST_COLOR,
    VAL_COLOR,
    drawing,
    legend_below,
    wrapped,
)
from gnnvision.report.words import (
    amount,
    capitalized,
    duration,
    metric_label,
    metric_name,
    plural,
    scale,
)
from gnnvision.training import Choices, Range, Sweep, Trial
from gnnvision.training.folder import read_json, write_csv
from gnnvision.training.measures import format_stats
from gnnvision.training.studies import ENOUGH
from gnnvision.training.sweep_result import setting_word

__all__ = ["write_sweep"]

_SPREAD = 0.18  # how far points of one choice are moved apart sideways
_GOLDEN = 0.6180339887  # multiples of it, modulo 1, are spread evenly


def write_sweep(found: Sweep, command: str = "") -> Path:
    """Write `report.html` and its figures into the folder of a sweep.

    Args:
        found: what `gnnvision.sweep` returned.
        command: the command line that trains the best settings.

    Returns:
        The path of the page.
    """
    figures = found.folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    with_figures = not missing_text("report", "The figures of a sweep")
    sections = [
        _best(found, command),
        _search(found, figures, with_figures),
        _settings(found, figures, with_figures),
        _trials(found),
    ]
    about = (
        f"{plural(len(found.trials), 'trial')} of {', '.join(found.space)}, compared by the "
        f"validation {metric_name(found.metric)}. Only the best settings were tested."
    )
    title = f"Sweep on {found.result.task.card.title}"
    foot = "The trials are also in trials.csv and trials.json, the figures in the folder figures."
    return write_page(
        found.folder, title, about, sections, _commands(found, command), over="Sweep", foot=foot
    )


def _commands(found: Sweep, best: str) -> str:
    """The command of the sweep, if a command made it, and that of the best settings."""
    own = read_json(found.folder / "config.json").get("command", "")
    return "\n".join(filter(None, [own, best and f"\n# the best settings alone\n{best}"])).strip()


def _best(found: Sweep, command: str) -> Section:
    best, result, metric = found.best, found.result, found.metric
    count, seeds = len(found.seeds), [outcome.seed for outcome in result.outcomes]
    name = capitalized(metric_name(metric))
    test = result.metrics()["test"].get(metric)
    page = None if result.folder is None else result.folder / "report.html"
    address = link(page, found.folder) if page is not None and page.is_file() else ""
    again: Any = f"trained again, seeds {_listed(seeds)}"
    if address:
        again = Links(((str(again), address),))
    rows: list[tuple[Any, ...]] = [
        (f"Validation: {name}", f"trial {best.number}, seeds {_listed(found.seeds)}",
         format_stats(metric, best.stats, count)),
        (f"Validation: {name}", again,
         format_stats(metric, result.metrics()["val"][metric], len(seeds))),
        (f"Test: {name}", again,
         "none held out" if test is None else format_stats(metric, test, len(seeds))),
    ]  # fmt: skip
    tables = [Table(("Score", "Of", "Value"), rows, 2)]
    chosen = [(name, setting_word(value), str(found.space[name]))
              for name, value in best.settings.items()]  # fmt: skip
    tables.append(Table(("Setting", "Best value", "Searched"), chosen, 3))
    lead = (
        f"Trial {best.number} has the best mean validation score of "
        f"{plural(len(found.ranked), 'complete trial')}. Its settings were trained again with "
        "other seeds, and only that run was tested."
    )
    note = (
        "The validation score of the best of many trials is rather too good, since it was chosen "
        "for being high. That of the run with other seeds, and its test score, are not."
    )
    if not found.higher_is_better:
        note = note.replace("high", "low")
    if command:
        note += " A command at the end of the page trains these settings alone."
    return Section("Best settings", lead, (), tables, note, wide=True)


def _listed(seeds: Sequence[int]) -> str:
    words = [str(seed) for seed in seeds]
    consecutive = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{words[0]} to {words[-1]}" if consecutive else ", ".join(words)


def _trials(found: Sweep) -> Section:
    metric, count = found.metric, len(found.seeds)
    several = count > 1
    score = f"Validation: {capitalized(metric_name(metric))}"
    head = ["Rank", "Trial", *found.space, score, "Time"]
    rows = [
        [f"{place}", f"{t.number}", *map(setting_word, t.settings.values()),
         format_stats(metric, t.stats, count), duration(t.seconds)]
        for place, t in enumerate(found.ranked, 1)
    ]  # fmt: skip
    tables = [Table(head, rows, 0, is_open=len(rows) <= 50)]
    if found.failed:
        lost = [[f"{t.number}", *map(setting_word, t.settings.values()), t.reason]
                for t in found.failed]  # fmt: skip
        tables.append(Table(["Trial", *found.space, "Why it failed"], lost, 2 + len(found.space)))
    total = sum(trial.seconds for trial in found.trials)
    lead = f"All trials, the best first: {duration(total)} of training in all."
    if found.failed:
        lead += f" {len(found.failed)} failed."
    note = f"Mean ± standard deviation over {plural(count, 'seed')}." if several else "One seed."
    note += " Equal scores are ordered by the validation loss."
    return Section("Trials", lead, (), tables, note, wide=True)


def _search(found: Sweep, figures: Path, with_figures: bool) -> Section:
    metric = found.metric
    complete = sorted(found.ranked, key=lambda t: t.number)
    best, rows = math.nan, []
    for trial in complete:
        better = trial.score > best if found.higher_is_better else trial.score < best
        best = trial.score if better or math.isnan(best) else best
        rows.append({"trial": trial.number, "score": trial.score, "best": best})
    write_csv(figures / "search.csv", rows)
    lead = f"The validation score of each trial, and the best so far: {amount(metric, best)}."
    shown = [_draw_search(rows, found, figures / "search.svg")] if with_figures else []
    return Section("Search", lead, shown)


def _draw_search(rows: Sequence[dict[str, Any]], found: Sweep, path: Path) -> Figure:
    factor = scale(found.metric)
    with drawing(path, 3.2, NARROW) as figure:
        axes = figure.add_subplot()
        numbers = [row["trial"] for row in rows]
        axes.scatter(
            numbers, [factor * row["score"] for row in rows],
            s=22, color=VAL_COLOR, alpha=0.7, label="trial",
        )  # fmt: skip
        axes.step(
            numbers, [factor * row["best"] for row in rows], where="post", color=TEST_COLOR,
            label="best so far", lw=1.8,
        )  # fmt: skip
        bottom = axes.get_ylim()[0]
        if found.failed:
            lost = [trial.number for trial in found.failed]
            axes.scatter(lost, [bottom] * len(lost), s=22, color=MUTED, marker="x", label="failed")
        axes.set(xlabel="Trial", ylabel=_label(found))
        axes.locator_params(axis="x", integer=True)
        axes.margins(x=0.03)
        axes.set_title("Score of each trial and best so far")
        legend_below(figure, axes.get_legend_handles_labels()[0], 3)
    return Figure(
        path, "Scatter plot of the validation score of each trial, with the best so far."
    )


def _settings(found: Sweep, figures: Path, with_figures: bool) -> Section:
    shares = found.importance()
    names = sorted(found.space, key=lambda name: -shares.get(name, 0.0))
    shown = [
        _draw_setting(name, n, found, figures) for n, name in enumerate(names) if with_figures
    ]
    tables = []
    if shares:
        rows = [(name, f"{100 * shares[name]:.0f} %") for name in names if name in shares]
        tables.append(Table(("Setting", "Importance"), rows))
        note = (
            "Importance: a random forest predicts the scores from the settings, and the number is "
            "the share of a setting's splits in the decrease of the variance (mean decrease in "
            f"impurity, optuna.importance), over {plural(len(found.ranked), 'trial')}. Shares of "
            "few trials are rough, and say nothing of values outside the ranges."
        )
    else:
        note = (
            f"The importance of each setting is not shown: it needs {ENOUGH} complete trials with "
            "different scores, and scikit-learn (pip install 'gnnvision[report]')."
        )
    write_csv(
        figures / "settings.csv",
        [{**{n: setting_word(v) for n, v in t.settings.items()}, "score": t.score}
         for t in found.ranked],
    )  # fmt: skip
    lead = "The validation score of each trial against each setting; the best trial has a ring."
    if any(isinstance(one, Choices) for one in found.space.values()):
        lead += " A short line is the mean of the trials with a value."
    return Section("Settings", lead, shown, tables, note, wide=True)


def _draw_setting(name: str, number: int, found: Sweep, figures: Path) -> Figure:
    path, one, factor = figures / f"setting_{number}.svg", found.space[name], scale(found.metric)
    trials = found.ranked
    heights = [factor * trial.score for trial in trials]
    with drawing(path, 3.0, NARROW) as figure:
        axes = figure.add_subplot()
        places = [_place(trial, name, one) for trial in trials]
        axes.scatter(places, heights, s=22, color=VAL_COLOR, alpha=0.7)
        axes.scatter(places[:1], heights[:1], s=90, facecolors="none", edgecolors=TEST_COLOR, lw=2)
        if isinstance(one, Choices):
            axes.set_xticks(
                range(len(one.values)), [wrapped(setting_word(v), 12) for v in one.values]
            )
            axes.set_xlim(-0.5, len(one.values) - 0.5)
            axes.grid(axis="x", visible=False)
            for place, value in enumerate(one.values):
                own = [
                    h for h, t in zip(heights, trials, strict=True) if t.settings[name] == value
                ]
                if own:
                    axes.hlines(sum(own) / len(own), place - 0.3, place + 0.3, color=MUTED, lw=1.2)
        elif one.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
        elif one.is_whole:
            axes.locator_params(axis="x", integer=True)
        axes.set_title(name)
        axes.set(ylabel=_label(found))
    return Figure(path, f"Scatter plot of the validation score of each trial against {name}.")


def _place(trial: Trial, name: str, one: Range | Choices) -> float:
    value = trial.settings[name]
    if isinstance(one, Range):
        assert isinstance(value, (int, float))
        return float(value)
    aside = (trial.number * _GOLDEN) % 1 - 0.5
    return one.values.index(value) + 2 * _SPREAD * aside


def _label(found: Sweep) -> str:
    unit = str(found.result.task.card.facts.get("unit", ""))
    return f"Validation {metric_label(found.metric, unit)}"
