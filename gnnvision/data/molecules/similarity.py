"""Tanimoto similarity to the nearest training molecule, a measure of the applicability domain."""

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
from gnnvision.errors import invalid

__all__ = ["BITS", "RADIUS", "Nearest", "TrainingMolecules", "fingerprints"]

RADIUS, BITS = 2, 2048


@dataclass(frozen=True)
class Nearest:
    """The nearest training molecule of each of n molecules.

    Args:
        rows: indices of the nearest training molecules. Shape (n,).
        similarity: Tanimoto similarity to them, from 0 to 1. Shape (n,).
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float64]


def fingerprints(smiles: Sequence[str], featurizer: Featurizer) -> list[Any]:
    """Morgan fingerprints (radius 2, 2048 bits) of molecules, parsed by the featurizer.

    References:
        Rogers, Hahn, "Extended-Connectivity Fingerprints", 2010,
        https://doi.org/10.1021/ci100050t.
    """
    from rdkit.Chem import rdFingerprintGenerator

    make = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    return [make.GetFingerprint(featurizer.read(text)) for text in smiles]


class TrainingMolecules:
    """The training molecules of a network.

    Args:
        smiles: valid SMILES.
        featurizer: parses them.
    """

    def __init__(self, smiles: Sequence[str], featurizer: Featurizer) -> None:
        self.smiles = tuple(smiles)
        self._featurizer = featurizer

    @cached_property
    def _prints(self) -> list[Any]:
        return fingerprints(self.smiles, self._featurizer)

    def nearest(self, smiles: Sequence[str]) -> Nearest:
        """The nearest training molecule of each molecule, by Tanimoto similarity.

        The Tanimoto similarity is the number of atom environments (up to a radius of two bonds)
        that both molecules have, divided by the number that either has.

        Args:
            smiles: valid SMILES.

        Raises:
            ValueError: if there are no training molecules.
        """
        from rdkit import DataStructs

        if not self.smiles:
            raise invalid("smiles", "contain training molecules", "none", "Pass at least one.")
        best, similarity = [], []
        for query in fingerprints(smiles, self._featurizer):
            shares = DataStructs.BulkTanimotoSimilarity(query, self._prints)
            best.append(int(np.argmax(shares)))
            similarity.append(float(shares[best[-1]]))
        return Nearest(np.array(best, dtype=np.int64), np.array(similarity, dtype=np.float64))

    def to_text(self) -> str:
        """The SMILES as compressed text, to store in a checkpoint."""
        return base64.b85encode(zlib.compress("\n".join(self.smiles).encode(), 9)).decode()

    @classmethod
    def from_text(cls, text: str, featurizer: Featurizer) -> TrainingMolecules:
        """Read what `to_text` wrote.

        Raises:
            ValueError: if the text is damaged.
        """
        try:
            opener = zlib.decompressobj()
            plain = opener.decompress(base64.b85decode(text), _MOST)
            if not opener.eof:
                raise ValueError("truncated or too long")
            smiles = plain.decode().split("\n") if plain else []
        except (TypeError, ValueError, zlib.error) as error:
            raise invalid(
                "checkpoint",
                "contain the SMILES of its training molecules",
                f"damaged ones ({error})",
                "Use the checkpoint as the run wrote it.",
            ) from error
        return cls(smiles, featurizer)


_MOST = 2**30  # bytes of SMILES: limits the memory that a malicious file can take
