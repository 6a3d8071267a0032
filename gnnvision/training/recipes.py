"""Recipes of the most accurate networks of `gnnvision.models`, and of transfer learning."""

from __future__ import annotations

from gnnvision.training.recipe import Recipe

__all__ = ["BOND_NETWORK", "FINE_RECIPE", "HEAD_RECIPE", "WHITENED_CNN"]

WHITENED_CNN = Recipe(  # after Jordan 2024, https://arxiv.org/abs/2404.00498
    epochs=9,
    optimizer="muon",
    lr=0.15,  # of Muon: the length of a step relative to that of the filter
    momentum=0.6,
    lr_bias=50.0,
    lr_head=2.0,
    schedule="one_cycle",  # without warmup: linearly down to 0
    batch_size=500,
    label_smoothing=0.2,
    progressive_resizing=0.25,
    checkpoint_selection="last",
)
BOND_NETWORK = Recipe(
    epochs=40,
    optimizer="adamw",
    lr=3e-3,
    weight_decay=1e-5,
    schedule="one_cycle",
    warmup=0.1,
    batch_size=64,
    ema_decay=0.98,
)
HEAD_RECIPE = Recipe(
    epochs=40,
    lr=1e-3,
    optimizer="adamw",
    weight_decay=1e-2,
    schedule="cosine",
    batch_size=32,
    checkpoint_selection="last",
)
FINE_RECIPE = Recipe(
    epochs=5,
    lr=1e-4,
    layer_decay=0.9,
    optimizer="adamw",
    weight_decay=1e-2,
    schedule="one_cycle",
    warmup=0.2,
    batch_size=32,
    checkpoint_selection="last",
)
