"""Compare methods of training on few labels: where each begins, and the scores so far."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from gnnvision import _torchrun as torchrun
from gnnvision import models
from gnnvision.data import GraphTask, MoleculeTask
from gnnvision.errors import invalid
from gnnvision.training import Result
from gnnvision.training.folder import read_json, write_json
from gnnvision.training.measures import format_stats
from gnnvision.training.record import has_checkpoint
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.freeze import freeze

__all__ = ["LowDataScores", "initial_model", "mean_predictor_rmse"]

Scores = dict[str, dict[int, list[float]]]  # method -> number of labels -> a score for each seed
_FILE = "scores.json"


def initial_model(method: str, backbone: Backbone, num_outputs: int) -> nn.Module:
    """The network that a method begins with.

    Args:
        method: "whole network" begins with the backbone and a new head; "head alone" also freezes
            the backbone; "from scratch" is an untrained network of the same kind.
        backbone: the pretrained network, which is left as it is.
        num_outputs: the number of targets.
    """
    model = copy.deepcopy(backbone)
    model.reset_head(num_outputs)
    if method == "from scratch":
        assert model.spec is not None
        return models.build(model.spec["name"], **model.spec["arguments"])
    if method == "head alone":
        freeze(*(module for block in model.blocks for module in block.modules))
    return model


def mean_predictor_rmse(task: GraphTask) -> float:
    """The test RMSE of a constant: the mean of the training targets.

    Args:
        task: a regression.
    """
    train, test = (task.y[rows.tolist()] for rows in (task.split.train, task.split.test))
    return float((test - train.nanmean()).square().nanmean().sqrt())


class LowDataScores:
    """The test RMSE of each method with each number of labels, saved after each training.

    Args:
        folder: of the run; the scores of one that was stopped are read from it.
        task: the molecules.
        methods: the names of the methods that are compared.

    Raises:
        ValueError: if the run was on other molecules.
    """

    def __init__(self, folder: Path, task: MoleculeTask, methods: Iterable[str]) -> None:
        self._folder, self._data = folder, task.data_hash
        self.values: Scores = {method: {} for method in methods}
        if not (folder / _FILE).is_file():
            return
        stored = read_json(folder / _FILE)
        if stored["data"] != task.data_hash:
            given = f"{str(folder)!r}, a run on other molecules"
            raise invalid(
                "--resume", "name a run on the same molecules", given, "Start a new run."
            )
        for method, by in self.values.items():
            by.update({int(count): scores for count, scores in stored["scores"][method].items()})

    @property
    def options(self) -> dict[str, Any]:
        """The options of `gnnvision.fit` for a training that continues if it was stopped."""
        place = self._folder / "training"
        return {"folder": place, "resume": torchrun.agreed(has_checkpoint(place))}

    def add(self, method: str, count: int, result: Result) -> str:
        """Save the scores of a training; its folder is removed.

        Args:
            method: its name.
            count: the number of labels.
            result: of the training.

        Returns:
            A line for the terminal.
        """
        self.values[method][count] = result.values("test", "rmse")
        if torchrun.is_first():
            write_json(self._folder / _FILE, {"data": self._data, "scores": self.values})
            shutil.rmtree(self._folder / "training")
        torchrun.agreed(None)  # the next training begins in an empty folder
        stats = result.metrics()["test"]["rmse"]
        return f"{count:5} labels, {method:14} {format_stats('rmse', stats, len(result.outcomes))}"
