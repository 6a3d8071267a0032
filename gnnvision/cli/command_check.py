"""Print what is in data, and what is wrong with it, before anyone trains.

gnnvision check nodes.csv --edges edges.csv --label topic
gnnvision check PHOTOS
gnnvision check molecules.csv --target solubility
gnnvision check cora

Of a graph: nodes, edges, direction, degrees, isolated nodes, duplicate edges, self loops,
components, homophily, classes and missing labels. Of images: broken files and duplicates. Of
molecules: invalid SMILES, duplicates, targets and scaffolds. It warns of items that occur in two
splits. The exit code is 2 if a training would stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gnnvision.cli.door_flags import with_door_options
from gnnvision.cli.own_data import OwnDataOptions

__all__ = ["CheckFlags", "flags", "main"]


@dataclass(frozen=True, kw_only=True)
class CheckFlags(OwnDataOptions):
    """The flags of `gnnvision check`."""


def flags() -> type[Any]:
    """The dataclass of the flags, with the options of the loaders."""
    return with_door_options(CheckFlags)


def main(config: CheckFlags) -> None:
    """Print what is there, and end with an error if there is a problem."""
    from gnnvision import data

    found = data.check(config.dataset, **config.load_options())
    print(found, flush=True)
    if found.problems:
        raise ValueError(found.problems[0])
