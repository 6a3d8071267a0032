"""The run folder: where a run keeps its configuration, its log, its checkpoints and its result."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["new_folder", "read_json", "write_csv", "write_json"]


def new_folder(root: str | os.PathLike[str], experiment: str, config: Mapping[str, Any]) -> Path:
    """Make `root/experiment/stamp` and write `config.json` into it; never one that exists.

    Args:
        root: the folder of all runs, for example "runs".
        experiment: the name of the script.
        config: every setting, resolved, for JSON.

    Raises:
        ValueError: if the folder cannot be made or written to, with the system's reason.
    """
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    parent = Path(root) / experiment
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = parent / (stamp if number == 1 else f"{stamp}_{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            (folder / "checkpoints").mkdir()
            write_json(folder / "config.json", config)
            return folder
    except OSError as error:
        raise ValueError(
            f"'out' must be a folder that can be written to, got {str(root)!r} "
            f"({error.strerror or error}). Give another with --out."
        ) from error
    raise ValueError(f"'out' must have room for a new run, got {str(parent)!r}. Wait a second.")


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all: short lists stay on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=True)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found.group().split()), text)
    replace_file(path, (text + "\n").encode())


def read_json(path: Path) -> Any:  # noqa: ANN401
    """What a JSON file holds.

    Raises:
        ValueError: if it is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"'{path.name}' must be a readable JSON file, got {str(path)!r} ({error}). "
            "Give the folder of a run."
        ) from error


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows with their keys as a header, whole or not at all."""
    listed = list(rows)
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(listed[0]) if listed else [])
        writer.writeheader()
        writer.writerows(listed)
    os.replace(part, path)


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, so that a reader sees the old or the new, whole."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
