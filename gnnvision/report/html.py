"""Write the report of a training run: its figures, and one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gnnvision._fonts import missing_note
from gnnvision.data.images.pixels import TRAIN_BATCH
from gnnvision.report.again import (
    build_line,
    evaluate_lines,
    evaluated_metric,
    load_lines,
    predict_lines,
)
from gnnvision.report.draw import Progress, background_work, draw_sections
from gnnvision.report.headline import headline
from gnnvision.report.images import image_task, test_views
from gnnvision.report.index import index_link, page_links, update_index
from gnnvision.report.parts import Run
from gnnvision.report.sections import WITHOUT_FIGURES, sections_of
from gnnvision.report.template import fill
from gnnvision.report.words import duration, plural
from gnnvision.training import Recipe, Result, new_folder, read_json
from gnnvision.training.fit import write_result
from gnnvision.training.folder import replace_file, utf8
from gnnvision.training.result import versions

__all__ = ["write_report"]


def write_report(
    result: Result, command: str | None = None, progress: Progress | None = None
) -> Path:
    """Write `figures/*`, each with its numbers as CSV, and `report.html` into the run folder.

    A result without a folder gets one under `runs/fit/`. Which sections there are follows from
    the task: see `gnnvision.report.sections`. The index of all runs gets a line about the run.
    Without the packages of the extra `gnnvision[report]` it has tables and no figures.

    Args:
        result: what `fit` returned.
        command: the command line that made it; `command` of `config.json` if not given.
        progress: called before each section is drawn, with its number from 1, how many there
            are, and its name.

    Returns:
        The path of `report.html`: one file that needs no network.

    Raises:
        ValueError: if no folder can be made.
    """
    if result.folder is None:
        result.folder = new_folder("runs", "fit", _config(result, command))
        write_result(result, result.folder)
    folder = result.folder
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    run = Run(result, figures)
    make = sections_of(result.task)
    if run.without_figures:
        make = [one for one in make if one in WITHOUT_FIGURES]
    with background_work(run, make):
        top = headline(run)
        sections = draw_sections(run, make, progress)
    titles = [section.title for section in sections]
    page = fill(
        Path(__file__).parent / "training.html",
        ["Results", *titles, "Reproduce", "Environment", "Dataset and citation"],
        title=f"{top.title}: {top.figure} {top.what}",
        name=top.title,
        about=result.task.card.description.split("\n\n")[0].strip(),
        over=f"Training run {folder.name}",
        index=index_link(folder),
        pages=page_links(folder),
        top=top,
        sections=sections,
        result=result,
        card=result.task.card,
        recipe=_recipe(result),
        environment=_environment(result),
        command=command or _recorded_command(folder),
        python=_python(result),
        folder=folder.name,
        build=build_line(result),
        measured=evaluated_metric(result),
        measure=evaluate_lines(result),
        use=predict_lines(result),
        unseen=missing_note(figures),
        without_figures=run.without_figures,
        foot="Percentages on this page are fractions in the files: result.json, metrics.csv, and "
        "a CSV next to each figure in the folder figures.",
    )
    path = folder / "report.html"
    replace_file(path, utf8(page))
    update_index(folder)
    return path


def _config(result: Result, command: str | None) -> dict[str, Any]:
    return {
        "dataset": result.task.name,
        "split": result.task.split_name,
        "recipe": result.recipe.to_dict(),
        "seeds": [outcome.seed for outcome in result.outcomes],
        "device": result.device,
        "command": command,
    }


def _recorded_command(folder: Path) -> str:
    path = folder / "config.json"
    if not path.is_file():
        return ""
    config = read_json(path)
    command = config.get("command") if isinstance(config, dict) else None
    return " ".join(command) if isinstance(command, list) else command or ""


def _recipe(result: Result) -> list[tuple[str, str]]:
    source = image_task(result.task)
    words = {"lr": "learning rate", "ema_decay": "EMA of the weights, decay"}
    words |= {"ema_span": "EMA of the weights, fraction of the training"}
    words |= {"freeze_first_block": "first block frozen in the last fraction of the epochs"}
    words |= {"lr_bias": "learning rate of biases", "lr_head": "learning rate of the head"}
    words |= {"layer_decay": "layer-wise learning-rate decay"}
    words |= {"weight_decay_scope": "scope of weight decay"}
    unused = set() if result.recipe.optimizer in ("sgd", "muon") else {"momentum"}
    none = {0.0: "none"}
    meanings: dict[str, dict[Any, str]] = {
        "batch_size": {None: "full batch" if source is None else f"{TRAIN_BATCH} (default)"},
        "patience": {None: "unlimited"},
        "lr_bias": {None: "same as learning rate"},
        "lr_head": {None: "same as learning rate"},
        **dict.fromkeys(("weight_decay", "warmup", "label_smoothing"), none),
        **dict.fromkeys(("ema_decay", "ema_span", "freeze_first_block"), none),
        "progressive_resizing": none,
        "weight_decay_scope": {"all": "all parameters", "first": "the first convolution"},
        "checkpoint_selection": {result.recipe.checkpoint_selection: result.selection},
    }
    lines = []
    for name, value in result.recipe.to_dict().items():
        if name in unused:
            continue
        if isinstance(value, list):  # of numbers, or of pairs of them
            text = "; ".join(map(_numbers, value))
        else:
            text = meanings.get(name, {}).get(value, value)
            text = f"{text:g}" if isinstance(text, float) else str(text)
        lines.append((words.get(name, name.replace("_", " ")), text))
    if source is not None:
        lines.append(("augmentation", str(source.augment or "none")))
        if views := test_views(result.task):
            lines.append(("test-time augmentation: mean over", views))
    return lines


def _numbers(value: float | Sequence[float]) -> str:
    """A number or several as text."""
    return ", ".join(f"{n:g}" for n in ([value] if isinstance(value, int | float) else value))


def _environment(result: Result) -> list[tuple[str, str]]:
    seconds = [outcome.seconds for outcome in result.outcomes]
    each = duration(sum(seconds) / len(seconds))
    described = result.to_dict()
    lines = [
        ("device", f"{result.device}, {plural(described['threads'], 'thread')}"),
        ("precision", result.precision),
        ("seeds", ", ".join(map(str, described["seeds"]))),
        ("training", f"{duration(result.train_seconds)} ({each} per seed)"),
    ]
    if result.data_seconds:
        lines.append(("loading data", duration(result.data_seconds)))
    return lines + list(versions().items())


def _python(result: Result) -> str:
    """The run as lines of Python, for a run that no command line started."""
    seeds = [outcome.seed for outcome in result.outcomes]
    usual = Recipe().to_dict()
    held = result.recipe.to_dict().items()
    changed = [f"{name}={value!r}" for name, value in held if value != usual[name]]
    count: int | list[int] = len(seeds) if seeds == list(range(len(seeds))) else seeds
    lines = [
        "import gnnvision as gv",
        *load_lines(result),
        build_line(result),
        f"recipe = gv.Recipe({', '.join(changed)})",
        f"result = gv.fit(model, task, recipe, seeds={count})",
    ]
    return "\n".join(lines)
