"""The contents of the folder of all runs: training runs, and pages that explain them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gnnvision.report.words import metric_name
from gnnvision.training.folder import write_json
from gnnvision.training.measures import format_stats

__all__ = [
    "PAGE",
    "PAGE_KINDS",
    "RunEntry",
    "link",
    "note_page",
    "pages_about",
    "read_runs",
    "run_folder_of",
    "runs_root",
]

PAGE = "page.json"  # lies in the folder of a page that is no report of a training run
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-\d\d(_\d+)?")  # as `new_folder` makes
_METRICS = ("accuracy", "rocauc", "rmse")  # of runs whose result does not name its metric
SWEEP = "sweep"  # the experiment whose folders have names of their own
PAGE_KINDS = {
    "explain": "Explanation",
    "feature_maps": "Feature maps",
    "compare": "Comparison",
    SWEEP: "Sweep",
}


@dataclass(frozen=True)
class RunEntry:
    """One folder of a run or a page.

    Args:
        folder: where it is.
        experiment: the name of the script.
        date: when it began, as "2026-11-27 09:30".
        title: of the page; of a training run, the title of its dataset.
        is_page: whether it is a page that trained nothing, such as an explanation.
        explains: the run that it is about, if it is about one.
        network: the name of the network.
        seeds: how many there are.
        metric: the name of the main metric.
        test: the test score, mean ± standard deviation over the seeds.
        has_report: whether `report.html` is there.
        is_complete: whether the run is finished and has its report.
    """

    folder: Path
    experiment: str
    date: str
    title: str = ""
    is_page: bool = False
    explains: Path | None = None
    network: str = ""
    seeds: int = 0
    metric: str = ""
    test: str = ""
    has_report: bool = False
    is_complete: bool = False

    @property
    def name(self) -> str:
        """The name of the run below the folder of all runs."""
        return f"{self.experiment}/{self.folder.name}"

    @property
    def kind(self) -> str:
        """The kind of page."""
        return PAGE_KINDS.get(self.experiment, self.experiment.replace("_", " ").capitalize())


def runs_root(folder: Path) -> Path | None:
    """The folder of all runs that contains a run folder; None if there is none.

    Only `root/experiment/stamp` counts, where the stamp is a time as `new_folder` writes it and
    `config.json` is in it, or `root/sweep/name`: a folder that the caller of `fit` chose gets no
    index above it.
    """
    folder = Path(os.path.abspath(folder))
    named = _STAMP.fullmatch(folder.name) or folder.parent.name == SWEEP
    if not named or not (folder / "config.json").is_file():
        return None
    return folder.parent.parent


def run_folder_of(path: str | os.PathLike[str]) -> Path | None:
    """The run folder of a path in it, such as a checkpoint; None for other paths."""
    place = Path(os.path.abspath(path))
    for folder in (place, *place.parents[:2]):
        if (folder / "result.json").is_file() and (folder / "checkpoints").is_dir():
            return folder
    return None


def note_page(folder: Path, title: str, explains: Path | None) -> None:
    """Write `page.json` for the index: what the page is about, and the run it explains."""
    place = None
    if explains is not None:
        try:  # relative, so that all runs can be moved together
            place = os.path.relpath(explains, folder)
        except ValueError:  # on another drive
            place = str(explains)
    write_json(folder / PAGE, {"title": title, "explains": place})


def read_runs(root: Path) -> list[RunEntry]:
    """All runs and pages below the folder of all runs, the newest first.

    A file that is missing or damaged leaves its columns empty.
    """
    found = []
    for experiment in _folders(root):
        for folder in _folders(experiment):
            stamp = _STAMP.fullmatch(folder.name)
            if stamp is None and experiment.name != SWEEP:
                continue
            date = "" if stamp is None else f"{stamp[1]} {stamp[2]}:{stamp[3]}"
            entry = _read_entry(folder, experiment.name, date)
            if entry is not None:
                found.append(entry)
    keys = ("date", "folder.name", "experiment")
    return sorted(found, key=attrgetter(*keys), reverse=True)


def pages_about(run: Path, entries: Sequence[RunEntry]) -> list[RunEntry]:
    """The finished pages that explain a run, the newest first."""
    run = Path(os.path.abspath(run))
    return [entry for entry in entries if entry.explains == run and entry.has_report]


def link(target: Path, start: Path) -> str:
    """A relative address from a page's folder; empty if there is none.

    Args:
        target: what to link to.
        start: the folder of the page.
    """
    try:
        place = os.path.relpath(target, start)
    except ValueError:  # on another drive
        return ""
    return quote(os.fsencode(place.replace(os.sep, "/")))


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as places:
            return [Path(place.path) for place in places if place.is_dir()]
    except OSError:
        return []


def _read_entry(folder: Path, experiment: str, date: str) -> RunEntry | None:
    config = _read(folder / "config.json")
    if config is None:
        return None
    has_report = (folder / "report.html").is_file()
    if experiment == SWEEP:
        date = str(config.get("started") or date)
        if not has_report:
            return None
    page = _read(folder / PAGE)
    if page is None and has_report and not (folder / "result.json").exists():
        page = {}  # of version 0.1, which wrote no such file
    if page is not None:
        place, title = page.get("explains"), page.get("title")
        explains = Path(os.path.abspath(folder / place)) if isinstance(place, str) else None
        return RunEntry(
            folder, experiment, date, str(title or ""), True, explains,
            has_report=has_report, is_complete=has_report,
        )  # fmt: skip
    network = str(config.get("model") or "").partition("(")[0]
    if network == "Sequential":  # it says nothing of the layers
        network = ""
    result = _read(folder / "result.json")
    if result is None:
        return RunEntry(
            folder, experiment, date, str(config.get("dataset") or ""), network=network,
            has_report=has_report,
        )  # fmt: skip
    metric, test, seeds = _score(result)
    return RunEntry(
        folder, experiment, date,
        title=str(result.get("title") or config.get("dataset") or ""),
        network=str(result.get("network") or network),
        seeds=seeds, metric=metric, test=test, has_report=has_report, is_complete=has_report,
    )  # fmt: skip


def _score(result: dict[str, Any]) -> tuple[str, str, int]:
    """The main metric, its test score as text, and the number of seeds."""
    try:
        seeds, test = len(result["seeds"]), result["metrics"]["test"]
        usual = next((name for name in (*_METRICS, *test) if name in test), "")
        metric = str(result.get("metric") or usual)
        if metric not in test:  # nothing was tested
            return "", "", seeds
        held = dict(test[metric])
        held["mean"] = math.nan if held["mean"] is None else held["mean"]
        held["values"] = [math.nan if v is None else v for v in held["values"]]
        return metric_name(metric), format_stats(metric, held, seeds), seeds
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return "", "", 0


def _read(path: Path) -> dict[str, Any] | None:
    try:
        held = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None
