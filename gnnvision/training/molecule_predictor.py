"""Predictions for new molecules, as SMILES, with the networks of checkpoints."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision._renamed import former_attributes
from gnnvision.data import Featurizer
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.molecules.store import cached_descriptors, encode_cached
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.errors import invalid
from gnnvision.layers.calling import call
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.objective import to_predictions
from gnnvision.training.predictor import build_network, check_call, find_checkpoint
from gnnvision.training.seed_run import arithmetic
from gnnvision.training.stored import checkpoint_errors, read_trained

__all__ = ["MoleculePredictions", "MoleculePredictor"]

BATCH = 512
TRAINING = "training_molecules"  # a key of a checkpoint's description of the input


@dataclass(frozen=True)
class MoleculePredictions:
    """Predictions for molecules, a row for each SMILES; NaN for an invalid one.

    Args:
        values: in the units of the targets for a regression, otherwise probabilities.
            Shape (rows, outputs).
        spread: standard deviation over the networks of an ensemble; NaN for a single network.
            Shape (rows, outputs).
        reasons: why a row has no prediction; "" if it has one.
        similarity: Tanimoto similarity to the nearest training molecule of any network, from 0
            to 1; NaN for an invalid SMILES, or if the training molecules are not known.
            Shape (rows,).
        nearest: SMILES of that training molecule; "" if there is none.
        similarity_reason: why no row has a similarity; "" if they have.
    """

    values: Tensor
    spread: Tensor
    reasons: tuple[str, ...]
    similarity: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.float64))
    nearest: tuple[str, ...] = ()
    similarity_reason: str = ""


@former_attributes({"unread": "reasons"})
class MoleculePredictor:
    """The trained networks of a run on molecules, which predict as an ensemble.

    Args:
        networks: of one architecture, each with its weights.
        about: the description of the run in its checkpoints.
        device: where to run the networks.
        training: the packed training molecules of each network, as in its checkpoint; those of
            `about` if None.

    Example:
        >>> predictor = MoleculePredictor.load("runs/gcn_molecules/STAMP")  # doctest: +SKIP
        >>> predictor(["CCO", "c1ccccc1"]).values  # doctest: +SKIP
        tensor([[ 1.0903],
                [-1.6418]])
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        about: dict[str, Any],
        device: str = "cpu",
        training: Sequence[str] | None = None,
    ) -> None:
        packed = about["input"].get(TRAINING)
        self._training = tuple(([packed] if packed else []) if training is None else training)
        self.networks = [network.to(device).eval() for network in networks]
        self.about = about
        self.device = device
        self.kind: str = about["kind"]
        self.targets: tuple[str, ...] = tuple(about["input"]["targets"])
        self.featurizer = Featurizer.from_dict(about["input"]["featurizer"])
        if self.featurizer.hash != about["input"]["featurizer_hash"]:
            raise invalid(
                "checkpoint",
                "use the atom and bond features of this version of gnnvision",
                "a checkpoint with different features",
                "Use the version of gnnvision that trained it.",
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> MoleculePredictor:
        """The networks of a run: those of all its seeds if they were kept, else the best one.

        Args:
            path: a run folder, its `checkpoints` folder, or one file for that network alone.
            device: where to run the networks.

        Raises:
            ValueError: if there is no checkpoint, or not of a network for molecules, or if its
                weights do not fit.
        """
        best = find_checkpoint(path)
        files = [best] if Path(path).is_file() else sorted(best.parent.glob("seed-*.safetensors"))
        read: list[tuple[Checkpoint, Path]] = [
            (read_trained(file), file) for file in files or [best]
        ]
        about = read[0][0].state
        if "featurizer" not in about.get("input", {}):
            raise invalid(
                "checkpoint",
                "come from a run on molecules",
                f"{str(best)!r}, a run on {about.get('title', 'an unknown dataset')!r}",
                "Give the folder of a finished run of gcn_molecules.py.",
            )
        networks = [build_network(*each) for each in read]
        inputs = [dict(checkpoint.state.get("input", {})) for checkpoint, _ in read]
        packed = [given.pop(TRAINING) for given in inputs if TRAINING in given]  # may differ
        if any(given != inputs[0] for given in inputs):
            raise invalid(
                "checkpoint",
                "contain the networks of a single run",
                f"{str(files[0])!r} next to a network of another run",
                "Give the folder of one run.",
            )
        with checkpoint_errors(best):
            training = packed if len(packed) == len(read) else ()
            predictor = cls(networks, about, device, training)
            _ = predictor.training_molecules  # refused here if it is damaged
        for network, (_, file) in zip(networks, read, strict=True):
            one = cls([network], about, device, ())
            check_call(file, lambda one=one: one(["C"]).values, len(one.targets))  # type: ignore[misc]
        return predictor

    @cached_property
    def training_molecules(self) -> TrainingMolecules | None:
        """The training molecules of all networks; None for checkpoints of early versions.

        Raises:
            ValueError: if they are damaged.
        """
        each = [TrainingMolecules.from_text(text, self.featurizer) for text in self._training]
        smiles = dict.fromkeys(text for molecules in each for text in molecules.smiles)
        return TrainingMolecules(tuple(smiles), self.featurizer) if smiles else None

    def reasons(self, smiles: Sequence[str]) -> tuple[str, ...]:
        """Why each SMILES has no prediction; "" if it has one.

        Args:
            smiles: as for a call, whose predictions have the same `reasons`.
        """
        return encode_cached(smiles, self.featurizer).reasons

    def __call__(self, smiles: Sequence[str]) -> MoleculePredictions:
        """Predictions for molecules, in their order.

        Args:
            smiles: one for each molecule; an invalid one has NaN and a reason.
        """
        rows = encode_cached(smiles, self.featurizer)
        extra = None
        if self.about["input"]["descriptors"]:
            extra = torch.from_numpy(cached_descriptors(smiles, self.featurizer))
        graphs, x = batch_molecules(rows, self.featurizer, extra)
        valid = torch.from_numpy(np.flatnonzero(rows.num_atoms > 0))
        outputs = torch.stack([self._predict(one, graphs, x, valid) for one in self.networks])
        values = torch.full((len(smiles), outputs.shape[2]), torch.nan)
        spread = values.clone()
        values[valid] = outputs.mean(0)
        if len(self.networks) > 1 and len(valid):
            spread[valid] = outputs.std(0)
        nearest = self._nearest(smiles, valid.tolist())
        return MoleculePredictions(values, spread, rows.reasons, *nearest)

    def _nearest(
        self, smiles: Sequence[str], valid: Sequence[int]
    ) -> tuple[Tensor, tuple[str, ...], str]:
        """The similarity and the nearest molecule of each row, and the reason if missing."""
        similarity = torch.full((len(smiles),), torch.nan, dtype=torch.float64)
        names = [""] * len(smiles)
        known = self.training_molecules
        if known is None:
            reason = (
                "the checkpoint was written by an early version, without its training "
                "molecules; train again to get the similarity"
            )
            return similarity, tuple(names), reason
        found = known.nearest([smiles[row] for row in valid])
        similarity[list(valid)] = torch.from_numpy(found.similarity)
        for row, neighbor in zip(valid, found.rows.tolist(), strict=True):
            names[row] = known.smiles[neighbor]
        return similarity, tuple(names), ""

    def _predict(self, network: nn.Module, graphs: Any, x: Tensor, valid: Tensor) -> Tensor:  # noqa: ANN401
        """The predictions of one network for the valid molecules."""
        out = []
        for members in valid.split(BATCH):
            batch = graphs.select(members).to(self.device)
            signal = x[graphs.member_nodes(members)].to(self.device)
            with torch.inference_mode(), arithmetic(self.device, self.about["precision"]):
                out.append(call(network, signal, batch).float().cpu())
        output = torch.cat(out) if out else torch.empty(0, len(self.targets))
        return to_predictions(self.kind, output)
