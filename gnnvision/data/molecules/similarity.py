"""Tanimoto similarity to the nearest training molecule: how far a prediction is extrapolated."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.molecules.featurizer import Featurizer

__all__ = ["BITS", "RADIUS", "Nearest", "TrainingMolecules", "fingerprints"]

RADIUS, BITS = 2, 2048


@dataclass(frozen=True)
class Nearest:
    """The training molecule most like each of some molecules.

    Args:
        rows: the training molecules, by the index in what was asked about. Shape (n,).
        similarity: Tanimoto's, from 0 to 1. Shape (n,).
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float64]


def fingerprints(smiles: Sequence[str], featurizer: Featurizer) -> list[Any]:
    """Morgan fingerprints, radius 2, 2048 bits, of molecules as the featurizer reads them.

    References:
        Rogers, Hahn, "Extended-Connectivity Fingerprints", 2010,
        https://doi.org/10.1021/ci100050t.
    """
    from rdkit.Chem import rdFingerprintGenerator

    make = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    return [make.GetFingerprint(featurizer.read(text)) for text in smiles]


class TrainingMolecules:
    """The molecules that a network was trained with.

    Args:
        smiles: of each; all must be readable.
        featurizer: how they are read.
    """

    def __init__(self, smiles: Sequence[str], featurizer: Featurizer) -> None:
        self.smiles = tuple(smiles)
        self._featurizer = featurizer

    @cached_property
    def _prints(self) -> list[Any]:
        return fingerprints(self.smiles, self._featurizer)

    def nearest(self, smiles: Sequence[str]) -> Nearest:
        """The training molecule most like each of some molecules.

        The similarity is Tanimoto's coefficient of the fingerprints: the share of the atom
        environments, up to two bonds wide, that both have of those that either has.

        Args:
            smiles: of each; all must be readable.

        Raises:
            ValueError: if there are no training molecules.
        """
        from rdkit import DataStructs

        if not self.smiles:
            raise ValueError("'smiles' must hold training molecules, got none. Give some.")
        best, similarity = [], []
        for asked in fingerprints(smiles, self._featurizer):
            shares = DataStructs.BulkTanimotoSimilarity(asked, self._prints)
            best.append(int(np.argmax(shares)))
            similarity.append(float(shares[best[-1]]))
        return Nearest(np.array(best, dtype=np.int64), np.array(similarity, dtype=np.float64))

    def packed(self) -> str:
        """The SMILES as compressed text, for a checkpoint."""
        return base64.b85encode(zlib.compress("\n".join(self.smiles).encode(), 9)).decode()

    @classmethod
    def unpacked(cls, text: str, featurizer: Featurizer) -> TrainingMolecules:
        """What `packed` wrote.

        Raises:
            ValueError: if the text is not what it wrote.
        """
        try:
            opener = zlib.decompressobj()
            plain = opener.decompress(base64.b85decode(text), _MOST)
            if not opener.eof:
                raise ValueError("cut short, or too long")
            smiles = plain.decode().split("\n") if plain else []
        except (TypeError, ValueError, zlib.error) as error:
            raise ValueError(
                f"'checkpoint' must hold the SMILES of its training molecules as it was written, "
                f"got others ({error}). It is damaged: give the checkpoint as the run left it."
            ) from error
        return cls(smiles, featurizer)


_MOST = 2**30  # bytes of SMILES, as a bound on what a hostile file may take
