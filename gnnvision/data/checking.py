"""What is in a dataset, and what is wrong with it, before anyone trains on it."""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gnnvision.data.graphs.facts import (
    graph_set_facts,
    graph_set_leaks,
    node_facts,
    node_leaks,
)
from gnnvision.data.graphs.graph_task import GraphTask
from gnnvision.data.graphs.node_task import NodeTask
from gnnvision.data.graphs.stored_facts import stored_node_facts
from gnnvision.data.images.task import ImageTask
from gnnvision.data.leaks import leak_warning, repeated_rows, tensor_rows
from gnnvision.data.loading import load
from gnnvision.data.molecules.facts import scaffold_facts, unreadable_targets
from gnnvision.data.molecules.task import MoleculeTask
from gnnvision.data.task import Task
from gnnvision.domains import StoredGraph

__all__ = ["Check", "check"]

_WIDTH = 100


@dataclass(frozen=True)
class Check:
    """What `check` found; `print` shows it as text.

    Args:
        title: The dataset.
        facts: A name and a text for each, in order.
        warnings: What makes scores doubtful, such as a leak between splits, as sentences.
        problems: What stops a training with the default options, as sentences.
        task: The task that was checked.
    """

    title: str
    facts: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    task: Task | None = field(default=None, repr=False)

    def __str__(self) -> str:
        marked = [("warning", text) for text in self.warnings]
        marked += [("problem", text) for text in self.problems]
        entries = [*self.facts.items(), *marked]
        column = max((len(name) for name, _ in entries), default=0) + 2
        lines = [
            textwrap.fill(
                text, _WIDTH, initial_indent=name.ljust(column), subsequent_indent=" " * column,
                break_long_words=False, break_on_hyphens=False,
            )
            for name, text in entries if text
        ]  # fmt: skip
        return "\n".join(lines)


def check(data: Task | str | os.PathLike[str], **options: Any) -> Check:  # noqa: ANN401
    """Look at a dataset before training: what is there, what is missing, what leaks.

    Of a graph it counts nodes, edges, degrees, isolated nodes, duplicate edges, self loops and
    connected components, and measures the homophily; of images it reports files that are broken
    or occur twice; of molecules invalid SMILES, duplicates and scaffolds. For all of them it
    counts classes and missing values, and warns of items that occur in two splits.

    Args:
        data: A task, or what `load` takes: the name or the path of a dataset.
        **options: Of `load`, for a name or a path. Files and rows that cannot be read are listed
            as problems instead of raising an error.

    Raises:
        ValueError: The data cannot be read at all.

    Example:
        >>> found = check("karate")
        >>> found.facts["edges"], found.facts["components"], found.warnings
        ('78, undirected', '1, all nodes are connected', ())
    """
    messages: list[str] = []
    strict = not isinstance(data, Task) and "on_invalid" not in options
    if not isinstance(data, Task):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            data = _load(data, options)
        messages = [str(one.message) for one in caught]
    facts = dict(data.overview())
    found: list[str] = []
    for kind, look in _LOOKS.items():
        if isinstance(data, kind):
            more, leaks = look(data)
            facts |= more
            found += leaks
            break
    found += [text for text in data.data_warnings() if text not in found]
    unique = tuple(dict.fromkeys([*found, *messages]))
    return Check(data.card.title, facts, unique, tuple(_problems(data, strict)), data)


def _load(name: str | os.PathLike[str], options: dict[str, Any]) -> Task:
    """The task; files or rows that cannot be read do not stop it."""
    try:
        return load(name, **options)
    except ValueError as error:
        if "on_invalid" in options:
            raise
        for lenient in ("skip", "keep"):
            try:
                return load(name, **options, on_invalid=lenient)
            except ValueError:
                continue
        raise error from None


def _of_nodes(task: Any) -> tuple[dict[str, str], list[str]]:  # noqa: ANN401
    if isinstance(task.graph, StoredGraph):  # to compare all nodes would take too much memory
        return stored_node_facts(task, task.graph), []
    return node_facts(task), node_leaks(task)


def _of_molecules(task: Any) -> tuple[dict[str, str], list[str]]:  # noqa: ANN401
    facts = graph_set_facts(task)
    kept = {name: facts[name] for name in ("sizes", "missing targets") if name in facts}
    kept["sizes"] = kept["sizes"].replace("nodes in a graph", "atoms in a molecule")
    shared = [{name: rows[0] for name, rows in each.rows.items()} for each in task.duplicates()]
    return kept | scaffold_facts(task), leak_warning(shared, "molecule", task.smiles)


def _of_graphs(task: Any) -> tuple[dict[str, str], list[str]]:  # noqa: ANN401
    return graph_set_facts(task), graph_set_leaks(task)


def _of_images(task: Any) -> tuple[dict[str, str], list[str]]:  # noqa: ANN401
    facts = {} if task.scan is None else {"files": str(task.scan).partition("\n")[0]}
    if task.scan is not None:
        for kind in ("duplicate", "in two classes", "in two splits"):
            found = task.scan.of(kind)
            if found:
                facts[kind] = (
                    f"{len(found):,} images, such as {found[0].path!r}: {found[0].reason}"
                )
        if task.scan.of("in two splits"):  # data_warnings has the warning
            return facts, []
    names = task.item_names or [f"image {number}" for number in range(len(task.images))]
    shared = repeated_rows(tensor_rows(task.images), task.split)
    return facts, leak_warning(shared, "image", names)


_LOOKS: dict[type[Task], Callable[[Any], tuple[dict[str, str], list[str]]]] = {
    NodeTask: _of_nodes,
    MoleculeTask: _of_molecules,
    GraphTask: _of_graphs,
    ImageTask: _of_images,
}


def _problems(task: Task, strict: bool) -> list[str]:
    """What a training with the default options would stop at."""
    problems = []
    scan = getattr(task, "scan", None)
    if strict and scan is not None and not scan.is_valid:
        bad = scan.invalid or scan.of("unsupported format")
        problems.append(
            f"{len(bad):,} image file{'s' * (len(bad) > 1)} cannot be read, such as "
            f"{bad[0].path!r} ({bad[0].kind}). Remove them, or leave them out with "
            "on_invalid='skip'."
        )
    if strict and isinstance(task, MoleculeTask) and not task.card.files:
        problems += unreadable_targets(task)
    if not len(task.split.train):
        problems.append("The training split is empty. Give labels, or choose another split.")
    return problems
