"""Comparison of image arrays with the facts in their dataset card."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gnnvision.data.card import Card
from gnnvision.data.frozen import FrozenDict
from gnnvision.data.images.arrays import ImageArrays
from gnnvision.data.images.splits import rules_for
from gnnvision.data.images.statistics import channel_statistics

__all__ = ["check_against_card"]


def check_against_card(card: Card, arrays: ImageArrays) -> Card:
    """Compare counts, sizes, and training mean and standard deviation with the card.

    Returns:
        The card; with splits of suitable sizes if the counts differ.

    Warns:
        UserWarning: A fact differs, so the files are not the published ones.
    """
    train = np.flatnonzero(arrays.split != 2)
    found: dict[str, Any] = {
        "num_train": len(train),
        "num_test": int((arrays.split == 2).sum()),
        "size": list(arrays.images.shape[1:3]),
        "channels": arrays.images.shape[3],
        "class_sizes": np.bincount(arrays.y, minlength=len(arrays.class_names)).tolist(),
    }
    wrong = [
        f"{name} {value}, not {card.facts[name]}"
        for name, value in found.items()
        if name in card.facts and card.facts[name] != value
    ]
    if not wrong and "mean" in card.facts:
        images = torch.from_numpy(arrays.images).permute(0, 3, 1, 2)
        for name, values in zip(("mean", "std"), channel_statistics(images, train), strict=True):
            if not np.allclose(values, card.facts[name], rtol=0, atol=1e-4):
                shown = [round(value, 4) for value in values]
                wrong.append(f"{name} {shown}, not {list(card.facts[name])}")
    if wrong:
        warnings.warn(
            f"These are not the published files of {card.title}: {'; '.join(wrong)}. Results are "
            "not comparable with published ones.",
            UserWarning,
            stacklevel=2,
        )
    if all(card.facts.get(name, found[name]) == found[name] for name in ("num_train", "num_test")):
        return card
    return replace(card, splits=FrozenDict(rules_for(arrays.split)))
