"""Trained networks on new molecules: the checkpoints say how SMILES become what they read."""

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

from gnnvision.data import Featurizer
from gnnvision.data.molecules.similarity import TrainingMolecules
from gnnvision.data.molecules.store import cached_descriptors, encode_cached
from gnnvision.data.molecules.task import batch_molecules
from gnnvision.layers.calling import call
from gnnvision.training.checkpoint import Checkpoint
from gnnvision.training.objective import said
from gnnvision.training.predictor import build_network, check_call, find_checkpoint
from gnnvision.training.seed_run import arithmetic
from gnnvision.training.stored import as_written, read_trained

__all__ = ["MoleculePredictions", "MoleculePredictor"]

BATCH = 512
TRAINING = "training_molecules"  # of a checkpoint's input


@dataclass(frozen=True)
class MoleculePredictions:
    """What was predicted, a row for each SMILES; NaN where there is no molecule.

    Args:
        values: of a regression in the units of its targets, otherwise probabilities.
            Shape (rows, outputs).
        spread: the standard deviation over the networks of an ensemble; NaN for a single
            network. Shape (rows, outputs).
        reasons: why a row has no prediction; "" where it has.
        similarity: Tanimoto similarity of the molecule to the nearest training molecule, from 0
            to 1; NaN where there is no molecule, or the training molecules are not known. Of an
            ensemble those of all its networks count. Shape (rows,).
        nearest: the SMILES of that training molecule; "" where there is none.
        similarity_reason: why no row has a similarity; "" where they have.
    """

    values: Tensor
    spread: Tensor
    reasons: tuple[str, ...]
    similarity: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.float64))
    nearest: tuple[str, ...] = ()
    similarity_reason: str = ""


class MoleculePredictor:
    """The networks of a run on molecules.

    Args:
        networks: of one architecture, each with its weights.
        about: what the checkpoints say of the run.
        device: where to run.
        training: the packed training molecules of each network, as its checkpoint holds them;
            those of `about` if not given.

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
        held = about["input"].get(TRAINING)
        self._training = tuple(([held] if held else []) if training is None else training)
        self.networks = [network.to(device).eval() for network in networks]
        self.about = about
        self.device = device
        self.kind: str = about["kind"]
        self.targets: tuple[str, ...] = tuple(about["input"]["targets"])
        self.featurizer = Featurizer.from_dict(about["input"]["featurizer"])
        if self.featurizer.hash != about["input"]["featurizer_hash"]:
            raise ValueError(
                "'checkpoint' must have been made with this featurizer, got one whose columns "
                "are others. Use the release of gnnvision that it was trained with."
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str = "cpu") -> MoleculePredictor:
        """The networks of a run: those of all its seeds where they were kept, else the best.

        Args:
            path: a run folder, its `checkpoints` folder, or one file for that network alone.
            device: where to run.

        Raises:
            ValueError: if there is no checkpoint, it is of no network for molecules, or its
                weights do not fit.
        """
        best = find_checkpoint(path)
        files = [best] if Path(path).is_file() else sorted(best.parent.glob("seed-*.safetensors"))
        held: list[tuple[Checkpoint, Path]] = [
            (read_trained(file), file) for file in files or [best]
        ]
        about = held[0][0].state
        if "featurizer" not in about.get("input", {}):
            raise ValueError(
                f"'checkpoint' must be of a network for molecules, got {str(best)!r} of "
                f"{about.get('title', 'an unfinished run')!r}. Give the folder of a finished run "
                "of gcn_molecules.py."
            )
        networks = [build_network(*each) for each in held]
        inputs = [dict(other.state.get("input", {})) for other, _ in held]
        packed = [given.pop(TRAINING) for given in inputs if TRAINING in given]  # may differ
        if any(given != inputs[0] for given in inputs):
            raise ValueError(
                f"'checkpoint' must be of networks of one run, got {str(files[0])!r} beside those "
                "of another. Give the folder of one run."
            )
        with as_written(best):
            training = packed if len(packed) == len(held) else ()
            predictor = cls(networks, about, device, training)
            _ = predictor.training_molecules  # refused here if it is damaged
        for network, (_, file) in zip(networks, held, strict=True):
            one = cls([network], about, device, ())
            check_call(file, lambda one=one: one(["C"]).values, len(one.targets))  # type: ignore[misc]
        return predictor

    @cached_property
    def training_molecules(self) -> TrainingMolecules | None:
        """What the networks were trained with; None where an old checkpoint does not say.

        Raises:
            ValueError: if the checkpoint is damaged there.
        """
        read = [TrainingMolecules.from_text(text, self.featurizer) for text in self._training]
        smiles = dict.fromkeys(text for one in read for text in one.smiles)
        return TrainingMolecules(tuple(smiles), self.featurizer) if smiles else None

    def unread(self, smiles: Sequence[str]) -> tuple[str, ...]:
        """Why each of these has no prediction; "" where it has one.

        Args:
            smiles: as of a call, which says the same.
        """
        return encode_cached(smiles, self.featurizer).reasons

    def __call__(self, smiles: Sequence[str]) -> MoleculePredictions:
        """Predictions for molecules, in their order.

        Args:
            smiles: a string each; one that cannot be read gets NaN and a reason.
        """
        rows = encode_cached(smiles, self.featurizer)
        wanted = self.about["input"]["descriptors"]
        extra = torch.from_numpy(cached_descriptors(smiles, self.featurizer)) if wanted else None
        graphs, x = batch_molecules(rows, self.featurizer, extra)
        good = torch.from_numpy(np.flatnonzero(rows.num_atoms > 0))
        answers = [self._answers(network, graphs, x, good) for network in self.networks]
        outputs = torch.stack(answers) if len(good) else torch.empty(len(answers), 0, self._width)
        values = torch.full((len(smiles), outputs.shape[2]), torch.nan)
        spread = values.clone()
        values[good] = outputs.mean(0)
        if len(self.networks) > 1 and len(good):
            spread[good] = outputs.std(0)
        near = self._nearest(smiles, good.tolist())
        return MoleculePredictions(values, spread, rows.reasons, *near)

    def _nearest(
        self, smiles: Sequence[str], good: Sequence[int]
    ) -> tuple[Tensor, tuple[str, ...], str]:
        """The similarity and the molecule of each row, and why there are none."""
        similarity = torch.full((len(smiles),), torch.nan, dtype=torch.float64)
        names = [""] * len(smiles)
        known = self.training_molecules
        if known is None:
            reason = (
                "the checkpoint does not hold its training molecules, as those of earlier "
                "releases; train again to get the similarity"
            )
            return similarity, tuple(names), reason
        found = known.nearest([smiles[row] for row in good])
        similarity[list(good)] = torch.from_numpy(found.similarity)
        for row, place in zip(good, found.rows.tolist(), strict=True):
            names[row] = known.smiles[place]
        return similarity, tuple(names), ""

    @property
    def _width(self) -> int:
        return len(self.targets)

    def _answers(self, network: nn.Module, graphs: Any, x: Tensor, good: Tensor) -> Tensor:  # noqa: ANN401
        """What one network says of the molecules at `good`."""
        out = []
        for members in good.split(BATCH):
            batch = graphs.select(members).to(self.device)
            signal = x[graphs.member_nodes(members)].to(self.device)
            with torch.inference_mode(), arithmetic(self.device, self.about["precision"]):
                out.append(call(network, signal, batch).float().cpu())
        output = torch.cat(out) if out else torch.empty(0, self._width)
        return said(self.kind, output)
