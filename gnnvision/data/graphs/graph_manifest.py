"""The file graph.json of a graph on disk, and the checks of its entries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnnvision.data.errors import invalid_file
from gnnvision.data.split import SPLIT_NAMES
from gnnvision.errors import invalid

__all__ = ["FILES", "FORMAT", "MANIFEST", "VERSION", "Manifest", "file_hash", "read_manifest"]

MANIFEST = "graph.json"
FORMAT, VERSION = "gnnvision-graph", 1
MOST_BYTES = 2**28  # of graph.json
KINDS = ("classification", "regression", "multilabel")
ADVICE = "Copy or build the folder again."
# The files of a graph: their types, and their shapes in letters: N nodes, E edges, ? any number.
FILES: dict[str, tuple[tuple[str, ...], str]] = {
    "rowptr": (("<i8",), "M"),
    "source": (("<i4",), "E"),
    "edge_weight": (("<f4",), "E"),
    "edge_type": (("<i8",), "E"),
    "edge_attr": (("<f4",), "E?"),
    "x": (("<f4", "<f2"), "N?"),
    "y": (("<i8", "<f4"), "N"),
    "ids": (("<i8",), "N"),
    "name_bytes": (("|u1",), "?"),
    "name_ends": (("<i8",), "N"),
    **dict.fromkeys(SPLIT_NAMES, (("<i8",), "?")),
}


@dataclass(frozen=True)
class Manifest:
    """The content of graph.json.

    Args:
        folder: Of the graph.
        facts: Its entries, which were checked.
    """

    folder: Path
    facts: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return self.facts[name]

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """File name without .npy -> its dtype, shape and sha256."""
        return self.facts["files"]  # type: ignore[no-any-return]

    @property
    def data_hash(self) -> str:
        """The SHA-256 of the graph: of the hashes of its files, and of its names."""
        digest = hashlib.sha256()
        for name in sorted(set(self.files) - {*SPLIT_NAMES}):
            digest.update(f"{name} {self.files[name]['sha256']};".encode())
        digest.update(json.dumps([self["kind"], self["class_names"]]).encode())
        return digest.hexdigest()

    def path(self, name: str) -> Path:
        """The path of one of its files."""
        return self.folder / f"{name}.npy"


def file_hash(path: Path, step: Callable[[int], None] = lambda count: None) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Args:
        path: The file.
        step: Called with the number of bytes that were read since the last call.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**22):
            digest.update(chunk)
            step(len(chunk))
    return digest.hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The checked content of graph.json.

    Raises:
        FileNotFoundError: There is none, or one of its files is missing.
        ValueError: It is damaged, of a later version, or states what cannot be.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        got, advice = repr(str(folder)), "Give the folder that `gnnvision graph build` wrote."
        raise invalid("folder", "be a folder that exists", got, advice)
    name = repr(str(path))
    try:
        if path.stat().st_size > MOST_BYTES:
            raise invalid_file(name, f"be at most {MOST_BYTES:,} bytes", "more", ADVICE)
        held = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{str(folder)!r} is a graph that was not finished: it has no {MANIFEST}. Run the "
            "command or code that builds it again: it continues where it stopped."
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        got = str(error).splitlines()[0]
        raise invalid_file(name, "be JSON", f"an error: {got}", ADVICE) from None
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise invalid_file(name, f"state the format {FORMAT!r}", "another one", ADVICE)
    if held.get("version") != VERSION:
        got, advice = repr(held.get("version")), "Install a later gnnvision."
        raise invalid_file(name, f"be of version {VERSION}", got, advice)
    _check_facts(held, name)
    _check_files(held, folder, name)
    return Manifest(folder, held)


def _check_facts(held: Mapping[str, Any], name: str) -> None:
    def require(key: str, condition: str, fits: Callable[[Any], bool]) -> None:
        if key not in held or not fits(held[key]):
            got = repr(held[key])[:60] if key in held else "nothing"
            raise invalid_file(name, f"have in {key!r} {condition}", got, ADVICE)

    def whole(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    def texts(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)

    require("num_nodes", "a number from 1 to 2^31", lambda v: whole(v) and 1 <= v <= 2**31)
    require("num_edges", "a number from 0", lambda v: whole(v) and v < 2**62)
    require("self_loops", "a number from 0", whole)
    require("added", "a number from 0", whole)
    require("name", "a text", lambda v: isinstance(v, str))
    require("kind", f"one of {', '.join(KINDS)}", lambda v: v in KINDS)
    require("class_names", "a list of texts", texts)
    require("undirected", "true or false", lambda v: isinstance(v, bool))
    require("num_relations", "a number or null", lambda v: v is None or whole(v))
    require("split", "a text or null", lambda v: v is None or isinstance(v, str))
    require("about", "a mapping", lambda v: isinstance(v, dict))
    require("files", "a mapping", lambda v: isinstance(v, dict))


def _check_files(held: Mapping[str, Any], folder: Path, name: str) -> None:
    sizes = {"N": held["num_nodes"], "M": held["num_nodes"] + 1, "E": held["num_edges"]}
    files = held["files"]
    needed = {"rowptr", "source"} | ({*SPLIT_NAMES} if held["split"] is not None else set())
    for missing in sorted(needed - set(files)):
        raise invalid_file(name, f"name the file {missing!r}", "no such entry", ADVICE)
    for file, entry in files.items():
        if file not in FILES:
            advice = "Install a later gnnvision, or build the folder again."
            raise invalid_file(name, "name only known files", repr(file)[:60], advice)
        dtypes, letters = FILES[file]
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not (
            isinstance(shape, list)
            and all(isinstance(size, int) and size >= 0 for size in shape)
            and entry.get("dtype") in dtypes
            and isinstance(entry.get("sha256"), str)
        ):
            condition = f"have the type, shape and SHA-256 of {file!r}"
            raise invalid_file(name, condition, repr(entry)[:80], ADVICE)
        fits = len(shape) == len(letters) or (file == "y" and len(shape) == 2)
        for letter, size in zip(letters, shape, strict=False):
            fits = fits and (letter == "?" or size == sizes[letter])
        if not fits:
            wanted = f"the {held['num_nodes']:,} nodes and {held['num_edges']:,} edges"
            condition = f"have a shape of {file!r} that fits {wanted}"
            raise invalid_file(name, condition, tuple(shape), ADVICE)
        if not (folder / f"{file}.npy").is_file():
            raise FileNotFoundError(
                f"{str(folder / f'{file}.npy')!r} is missing, which {MANIFEST} names. {ADVICE}"
            )
