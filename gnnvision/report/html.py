"""The page: one file that holds everything it shows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from gnnvision.report.confusion import confusion
from gnnvision.report.curves import curves
from gnnvision.report.headline import headline
from gnnvision.report.neighborhood import neighborhood
from gnnvision.report.network import network
from gnnvision.report.parts import Run, Section
from gnnvision.report.projection import projection
from gnnvision.report.words import duration, plural
from gnnvision.training import Recipe, Result, new_folder, read_json
from gnnvision.training.fit import write_result
from gnnvision.training.folder import replace_file
from gnnvision.training.result import versions

__all__ = ["write_report"]

SECTIONS: tuple[Callable[[Run], Section | None], ...] = (
    curves,
    confusion,
    projection,
    neighborhood,
    network,
)


def write_report(result: Result, command: str | None = None) -> Path:
    """Write `figures/*.png`, each with its numbers as CSV, and `report.html` into the run folder.

    A result without a folder gets one under `runs/fit/`. A section that the task or the model
    has nothing for is left out.

    Args:
        result: what `fit` returned.
        command: the command line that made it; `command` of `config.json` if not given.

    Returns:
        The path of `report.html`: one file, without a script and without the network.

    Raises:
        ValueError: if no folder can be made.
    """
    import jinja2

    if result.folder is None:
        result.folder = new_folder("runs", "fit", _config(result, command))
        write_result(result, result.folder)
    figures = result.folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    run = Run(result, figures)
    top = headline(run)
    sections = [section for make in SECTIONS if (section := make(run)) is not None]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("template.html").render(
        top=top,
        sections=sections,
        result=result,
        card=result.task.card,
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
        recipe=_recipe(result),
        surroundings=_surroundings(result),
        command=command or _recorded_command(result.folder),
        python=_python(result),
        folder=result.folder.name,
        embed=_embed,
        size=_size,
    )
    path = result.folder / "report.html"
    replace_file(path, page.encode())
    return path


def _embed(path: Path) -> str:
    """A PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its header, so that the page does not jump."""
    head = path.read_bytes()[16:24]
    return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")


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
    words = {"lr": "learning rate", "decay": "decay acts on"}
    meanings: dict[str, dict[Any, str]] = {
        "batch_size": {None: "all at once"},
        "patience": {None: "unlimited"},
        "decay": {"all": "all parameters", "first": "the first convolution"},
        "select": {result.recipe.select: result.selection},
    }
    rows = []
    for name, value in result.recipe.to_dict().items():
        text = meanings.get(name, {}).get(value, value)
        text = f"{text:g}" if isinstance(text, float) else str(text)
        rows.append((words.get(name, name.replace("_", " ")), text))
    return rows


def _surroundings(result: Result) -> list[tuple[str, str]]:
    seconds = [outcome.seconds for outcome in result.outcomes]
    each = duration(sum(seconds) / len(seconds))
    described = result.to_dict()
    rows = [
        ("device", f"{result.device}, {plural(described['threads'], 'thread')}"),
        ("seeds", ", ".join(map(str, described["seeds"]))),
        ("training", f"{duration(result.train_seconds)} ({each} a seed)"),
    ]
    if result.data_seconds:
        rows.append(("loading data", duration(result.data_seconds)))
    return rows + list(versions().items())


def _python(result: Result) -> str:
    """The run as lines of Python, for one that no command line made."""
    task = result.task
    seeds = [outcome.seed for outcome in result.outcomes]
    usual = Recipe().to_dict()
    held = result.recipe.to_dict().items()
    changed = [f"{name}={value!r}" for name, value in held if value != usual[name]]
    count: int | list[int] = len(seeds) if seeds == list(range(len(seeds))) else seeds
    return (
        "import gnnvision as gv\n"
        f"task = gv.data.load({task.name!r}, split={task.split_name!r})\n"
        "model = ...  # the network above\n"
        f"recipe = gv.Recipe({', '.join(changed)})\n"
        f"result = gv.fit(model, task, recipe, seeds={count})"
    )
