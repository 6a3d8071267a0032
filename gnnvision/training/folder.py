"""The run folder, which contains the configuration, the checkpoints and the result of a run."""

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
from gnnvision.errors import invalid
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
    """Make a new folder `root/experiment/stamp`, write `config.json` into it, and return its path.

    Args:
        root: the folder of all runs, for example "runs".
        experiment: the name of the script.
        config: all settings, for JSON.

    Raises:
        ValueError: if the folder cannot be made or written to, with the reason.
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
        raise invalid(
            "out",
            "be a writable folder",
            f"{str(root)!r} ({error.strerror or error})",
            "Choose another folder with --out.",
        ) from error
    advice = "Wait a second and try again."
    raise invalid("out", "have a free folder name for this second", repr(str(parent)), advice)


def remove_unused(folder: Path, parents: Iterable[Path] = ()) -> None:
    """Remove a run folder with nothing but its configuration, and its parents if they are empty.

    Args:
        folder: the folder of a run that failed.
        parents: those that were made for it, the innermost first.
    """
    with contextlib.suppress(OSError):
        left = [path for path in folder.rglob("*") if not path.is_dir()]
        if any(path != folder / "config.json" for path in left):
            return
        shutil.rmtree(folder)
        for parent in parents:
            parent.rmdir()  # only an empty one


def write_json(path: Path, value: object) -> None:
    """Write JSON atomically: lists of numbers stay on one line, NaN is null."""
    text = json.dumps(json_ready(value), indent=2, ensure_ascii=False, allow_nan=False)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found.group().split()), text)
    replace_file(path, utf8(text + "\n"), durable=True)


def read_json(path: Path) -> Any:  # noqa: ANN401
    """The content of a JSON file.

    Args:
        path: of the file.

    Raises:
        ValueError: if it is missing or not JSON.
    """
    refuse_special(path, path.name)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise invalid(
            path.name,
            "be a readable JSON file",
            f"{str(path)!r} ({error})",
            "Give the folder of a run.",
        ) from error


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], *, durable: bool = False) -> None:
    """Write a CSV file atomically, with the keys of the rows as header and NaN as empty cells.

    Args:
        path: the path of the file.
        rows: all with the same keys.
        durable: whether to wait until it is on the disk.
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
    """Write a file atomically: a reader sees the old or the new content, never a part of it.

    Raises:
        OSError: if it cannot be written.
    """
    with atomic_write(path, durable=durable) as file:
        file.write(content)


def utf8(text: str) -> bytes:
    r"""The text in UTF-8; a byte of a file name that is not UTF-8 is written as `\udcff`."""
    return text.encode("utf-8", "backslashreplace")
