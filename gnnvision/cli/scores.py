"""The scores that a run has so far, saved after each training so that it can be resumed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gnnvision.data import MoleculeTask
from gnnvision.errors import invalid
from gnnvision.training.folder import read_json, write_json

__all__ = ["read_scores", "write_scores"]

Scores = dict[str, dict[int, list[float]]]  # method -> number of labels -> a score for each seed
_FILE = "scores.json"


def read_scores(folder: Path, task: MoleculeTask, methods: Iterable[str]) -> Scores:
    """The scores of a run that was stopped; empty ones of a new run.

    Args:
        folder: of the run.
        task: the molecules.
        methods: the names of the methods that are compared.

    Raises:
        ValueError: if the run was on other molecules.
    """
    if not (folder / _FILE).is_file():
        return {method: {} for method in methods}
    stored = read_json(folder / _FILE)
    if stored["data"] != task.data_hash:
        given = f"{str(folder)!r}, a run on other molecules"
        raise invalid("--resume", "name a run on the same molecules", given, "Start a new run.")
    return {m: {int(n): v for n, v in stored["scores"][m].items()} for m in methods}


def write_scores(folder: Path, task: MoleculeTask, scores: Scores) -> None:
    """Save the scores in the folder of a run."""
    write_json(folder / _FILE, {"data": task.data_hash, "scores": scores})
