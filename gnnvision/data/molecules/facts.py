"""Facts about a task on molecules that one wants to know before training."""

from __future__ import annotations

from gnnvision.data.molecules.store import cached_scaffolds
from gnnvision.data.molecules.task import MoleculeTask

__all__ = ["scaffold_facts", "unreadable_targets"]


def scaffold_facts(task: MoleculeTask) -> dict[str, str]:
    """How many molecules of the test split have a scaffold of the training split.

    Args:
        task: The task.
    """
    train, test = (rows.tolist() for rows in (task.split.train, task.split.test))
    smiles = [task.smiles[row] for row in (*train, *test)]
    if not test:
        return {}
    found = cached_scaffolds(smiles, task.featurizer)
    known = set(found[: len(train)])
    shared = sum(scaffold in known for scaffold in found[len(train) :])
    hint = "" if "scaffold" in task.split_name else "; the scaffold split tests on new ones"
    return {
        "scaffolds": f"{len(set(found)):,}; {shared:,} of {len(test):,} test molecules have one "
        f"of the training split{hint if shared else ''}"
    }


def unreadable_targets(task: MoleculeTask) -> list[str]:
    """A sentence about the cells of the targets that cannot be read; none if all can be.

    Args:
        task: The task.
    """
    if not task.remarks:
        return []
    row, reason = next(iter(task.remarks.items()))
    rows = f"{len(task.remarks):,} row{'s have' if len(task.remarks) > 1 else ' has'}"
    return [
        f"{rows} a target that cannot be read, such as row {row} ({reason}). Correct it, or name "
        "the words that mean unknown with missing=[...] (--missing)."
    ]
