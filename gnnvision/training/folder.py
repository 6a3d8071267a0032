"""The run folder: where a run keeps its configuration, its log, its checkpoints and its result."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gnnvision.data.atomic_files import atomic_write
from gnnvision.data.paths import refuse_special
from gnnvision.training.measures import json_ready

__all__ = [
    "new_folder",
    "read_json",
    "remove_unused",
    "replace_file",
    "utf8",
    "write_csv",
    "write_json",
]


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


def remove_unused(folder: Path, parents: Iterable[Path] = ()) -> None:
    """Remove a run folder that holds nothing but its configuration, and parents left empty by it.

    Args:
        folder: of a run that failed.
        parents: those that were made for it, from below.
    """
    with contextlib.suppress(OSError):
        left = [path for path in folder.rglob("*") if not path.is_dir()]
        if any(path != folder / "config.json" for path in left):
            return
        shutil.rmtree(folder)
        for parent in parents:
            parent.rmdir()  # only an empty one


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all: short lists stay on one line, undefined is null."""
    text = json.dumps(json_ready(value), indent=2, ensure_ascii=False, allow_nan=False)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found.group().split()), text)
    replace_file(path, utf8(text + "\n"), durable=True)


def read_json(path: Path) -> Any:  # noqa: ANN401
    """What a JSON file holds.

    Raises:
        ValueError: if it is missing or no JSON.
    """
    refuse_special(path, path.name)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"'{path.name}' must be a readable JSON file, got {str(path)!r} ({error}). "
            "Give the folder of a run."
        ) from error


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], *, durable: bool = False) -> None:
    """Write rows with their keys as a header, whole or not at all; nothing for undefined.

    Args:
        path: where to.
        rows: all with the same keys.
        durable: whether to wait until the disk has it.
    """
    listed = [
        {key: "" if isinstance(v, float) and math.isnan(v) else v for key, v in row.items()}
        for row in rows
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(listed[0]) if listed else [])
    writer.writeheader()
    writer.writerows(listed)
    replace_file(path, utf8(text.getvalue()), durable=durable)


def replace_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put `content` at `path` in one step, so that a reader sees the old or the new, whole.

    Raises:
        OSError: if it cannot be written.
    """
    with atomic_write(path, durable=durable) as file:
        file.write(content)


def utf8(text: str) -> bytes:
    r"""The text in UTF-8; a byte of a file name that is not is written as `\udcff`."""
    return text.encode("utf-8", "backslashreplace")
