"""Graphs in the XML formats GraphML and GEXF, read by networkx.

Files that declare entities are refused before networkx sees them: entities can make a small file
expand to gigabytes, or include other files.
"""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from xml.parsers import expat

from gnnvision.data.errors import invalid_file

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["is_graph_xml", "read_graph_xml"]

SUFFIXES = (".graphml", ".gexf")
MAX_BYTES = 1 << 30  # of an unpacked file
GEXF_VERSIONS = ("1.3", "1.2draft", "1.1draft")
_ADVICE = "Export it again, for example from networkx or Gephi."


def is_graph_xml(path: Path) -> bool:
    """Whether the name of a path ends as that of a GraphML or GEXF file; also with `.gz`."""
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES) and not path.is_dir()


def read_graph_xml(path: Path) -> nx.Graph:
    """The networkx graph in a GraphML or GEXF file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, larger than 1 GiB, or declares entities.
    """
    content = _content(path)
    _check(content, path)
    gexf = path.name.lower().removesuffix(".gz").endswith(".gexf")
    return _parse(content, path, gexf)


def _parse(content: bytes, path: Path, gexf: bool) -> nx.Graph:
    import networkx as nx

    fault: Exception | None = None
    for version in GEXF_VERSIONS if gexf else ("",):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if not gexf:
                    return nx.read_graphml(io.BytesIO(content))
                return nx.read_gexf(io.BytesIO(content), version=version)
        except Exception as error:  # networkx raises many types, KeyError included
            fault = fault or error
    what = "GEXF" if gexf else "GraphML"
    got = f"an error of networkx: {type(fault).__name__}: {fault}"
    raise invalid_file(repr(str(path)), f"be a graph in {what}", got, _ADVICE) from fault


def _content(path: Path) -> bytes:
    """The bytes of the file, unpacked if it is compressed."""
    most = f"be at most {MAX_BYTES >> 30} GiB"
    if path.stat().st_size > MAX_BYTES:
        raise invalid_file(repr(str(path)), most, "more", "Use tables of nodes and edges.")
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            content = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise invalid_file(repr(str(path)), "be complete", f"an error: {error}") from None
    if len(content) > MAX_BYTES:
        raise invalid_file(repr(str(path)), most, "more", "Use tables of nodes and edges.")
    return content


def _check(content: bytes, path: Path) -> None:
    """Raise ValueError if the content is not XML, or declares an entity."""
    parser = expat.ParserCreate()

    def refuse(name: str, *_: object) -> None:
        advice = "Remove the DOCTYPE if you trust the file."
        raise invalid_file(repr(str(path)), "declare no entities", f"{name!r}", advice)

    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:  # the latter of an unknown encoding
        got = f"an error: {error}"
        raise invalid_file(repr(str(path)), "be well-formed XML", got, _ADVICE) from None
