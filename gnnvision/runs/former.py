"""Former names of prediction: `gnnvision.load_run` has replaced both since version 0.4."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data.images import read_image
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.runs.images import ImageReader
from gnnvision.runs.load import load_run
from gnnvision.runs.molecules import NEAREST, SIMILARITY, MoleculeReader
from gnnvision.runs.run import Run

__all__ = ["MoleculePredictions", "MoleculePredictor", "Predictor"]


class Predictor:
    """A trained image classifier, the former form of a `Run`.

    Args:
        run: on images.
    """

    def __init__(self, run: Run) -> None:
        reader = run.reader
        run.check_kind("image")
        assert isinstance(reader, ImageReader)
        self.run, self.model, self.about, self.device = run, run.model, run.about, run.device
        self.class_names = run.output_names
        self.channels, self.size = reader.channels, reader.size

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> Predictor:
        """The network of a checkpoint; see `load_run`."""
        return cls(load_run(path, device=device))

    def __call__(self, images: Tensor) -> Tensor:
        """The probability of each class: uint8 (B, C, H, W) -> float32 (B, num_classes)."""
        return self.run.predict(images).values

    def read(self, path: str | os.PathLike[str]) -> tuple[Tensor, Sequence[str]]:
        """An image in the size and channels of the network, with notes on conversions."""
        return read_image(path, self.size, self.channels)


@dataclass(frozen=True)
class MoleculePredictions:
    """The columns of `Predictions` for molecules, in their former form.

    Args:
        values: values or probabilities. Shape (rows, outputs).
        spread: standard deviation over an ensemble. Shape (rows, outputs).
        reasons: why a row has no prediction; "" if it has one.
        similarity: Tanimoto similarity to the nearest training molecule. Shape (rows,).
        nearest: SMILES of that molecule.
        similarity_reason: why no row has a similarity; "" if they have.
    """

    values: Tensor
    spread: Tensor
    reasons: tuple[str, ...]
    similarity: Tensor
    nearest: tuple[str, ...]
    similarity_reason: str


class MoleculePredictor:
    """The trained networks of a run on molecules, the former form of a `Run`.

    Args:
        run: on molecules.
    """

    def __init__(self, run: Run) -> None:
        reader = run.reader
        run.check_kind("molecule")
        assert isinstance(reader, MoleculeReader)
        self.run, self.reader, self.about, self.device = run, reader, run.about, run.device
        self.networks: list[nn.Module] = list(run.networks)
        self.kind, self.targets = run.target_kind, run.output_names
        self.featurizer = reader.featurizer

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> MoleculePredictor:
        """The networks of a run; see `load_run`."""
        return cls(load_run(path, device=device))

    @property
    def training_molecules(self) -> TrainingMolecules | None:
        """The training molecules of all networks; None for checkpoints of early versions."""
        return self.reader.training_molecules

    def reasons(self, smiles: Sequence[str]) -> tuple[str, ...]:
        """Why each SMILES has no prediction; "" if it has one."""
        return self(smiles).reasons

    def __call__(self, smiles: Sequence[str]) -> MoleculePredictions:
        """Predictions for molecules, in their order."""
        found = self.run.predict(list(smiles))
        similarity: Any = found.after[SIMILARITY]
        return MoleculePredictions(
            found.values,
            found.spread,
            found.reasons,
            torch.tensor(similarity, dtype=torch.float64),
            tuple(found.after[NEAREST]),
            " ".join(found.notes),
        )
