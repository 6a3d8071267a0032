"""What is asked about the inputs of a command line: which answer, and about what."""

from __future__ import annotations

import difflib

from gnnvision.cli.asked import answer, canvas
from gnnvision.cli.subject import Subject, Subjects
from gnnvision.operators.signals import is_sparse
from gnnvision.report.attribution_found import Asked
from gnnvision.report.layer_nodes import NodesCanvas

__all__ = ["column", "question"]


def column(subjects: Subjects, target: str) -> int:
    """The output that a flag names.

    Args:
        subjects: the network.
        target: the name of an output, in any case, or its number from 0.

    Raises:
        ValueError: if there is none, with the nearest.
    """
    names = subjects.output_names
    by_name = {name.lower(): number for number, name in enumerate(names)}
    wanted = target.strip().lower()
    if wanted in by_name:
        return by_name[wanted]
    if wanted.lstrip("-").isdigit():
        number = int(wanted)
        if 0 <= number < len(names):
            return number
        raise ValueError(
            f"'--target' must be a number from 0 to {len(names) - 1} or a name, got {target}. "
            f"The network has {len(names)} outputs."
        )
    near = difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.0)
    listed = ", ".join(repr(names[by_name[name]]) for name in near)
    raise ValueError(
        f"'--target' must be an output of the network, got {target!r}. The nearest are {listed}; "
        "or give its number."
    )


def question(subjects: Subjects, subject: Subject) -> Asked:
    """One input as the explanations take it."""
    held = canvas(subjects, subject)
    near: tuple[int, ...] = ()
    notes = (*subject.notes, *filter(None, [held.note]))
    if isinstance(held, NodesCanvas):
        near = tuple(held.nodes)
        if held.note:
            notes += ("They are also those whose features are taken away below.",)
    x = subject.x.to_dense() if is_sparse(subject.x) else subject.x
    return Asked(
        subject.name,
        x,
        subject.domain,
        held,
        answer(subjects, subject),
        notes,
        site=subject.node,
        near=near,
    )
