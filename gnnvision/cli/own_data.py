"""The flags of the commands that take data of any kind."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gnnvision.cli.options import RunOptions
from gnnvision.errors import invalid

__all__ = ["OwnDataOptions"]


@dataclass(frozen=True, kw_only=True)
class OwnDataOptions:
    """The flags of every command on data of any kind, besides the options of the loaders.

    Args:
        dataset: A folder of images or a graph, a table of molecules, images or nodes, a file of a
            graph, or the name of a dataset.
        split: The split into training, validation and test: "public", "random", and by the kind
            of data "full", "stratified", "kfold", "scaffold", "scaffold_balanced" or "column". By
            default that of the data if they have one, and a random one otherwise.
        data_root: Folder of datasets. By default $GNNVISION_DATA, or the checkout's datasets
            folder, or the user's cache.
    """

    dataset: str = ""
    split: str | None = None
    data_root: Path | None = None

    arguments: ClassVar[dict[str, str]] = {"dataset": "DATA"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "data": ("dataset", "split", "data_root"),
    }
    metavars: ClassVar[dict[str, str]] = {"split": "NAME", "data_root": "FOLDER"}
    other_names: ClassVar[dict[tuple[str, str], str]] = RunOptions.other_names | {
        ("data", "nodes"): "dataset",
        ("data", "csv"): "dataset",
        ("data", "source"): "edge_source",
        ("data", "target"): "edge_target",
    }
    flag_of = RunOptions.flag_of

    def load_options(self, **of_molecules: Any) -> dict[str, Any]:  # noqa: ANN401
        """The options of `gnnvision.data.load` that were given.

        Args:
            **of_molecules: those for molecules where they are not given.

        Raises:
            ValueError: if there are no data, or the data root does not exist.
        """
        from gnnvision.cli.door_flags import door_options
        from gnnvision.data import data_root
        from gnnvision.data.loading import is_molecules
        from gnnvision.data.paths import nearest_names

        object.__setattr__(self, "_started", time.perf_counter())
        if not self.dataset:
            advice = "Name a folder, a table, or a dataset such as cora."
            raise ValueError(f"DATA must be given. {advice}")
        places = Path(self.dataset), data_root(self.data_root) / self.dataset
        if places[0].suffix and not any(place.exists() for place in places):
            condition, advice = "be a file or folder that exists", nearest_names(places[0])
            raise invalid("DATA", condition, repr(self.dataset), advice)
        given: dict[str, Any] = {}
        if self.data_root is not None:
            given["root"] = data_root(self.data_root)
        if self.split is not None:
            given["split"] = self.split
        for one in door_options():
            value = getattr(self, one.flag, None)
            if one.flag != "split" and value not in (None, ()):
                given[one.option] = value
        return (of_molecules if is_molecules(self.dataset, given) else {}) | given
