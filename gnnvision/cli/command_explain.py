"""Explain the predictions of a trained network: which pixels, atoms or nodes they depend on.

gnnvision explain runs/train/STAMP photo.jpg
gnnvision explain runs/train/STAMP CCO "c1ccccc1C(=O)O"
gnnvision explain runs/train/STAMP paper-17          a node, by its id
gnnvision explain torchvision:mobilenet_v2=FILE.safetensors photo.jpg --target tabby

The page shows several attribution methods side by side and tests each: whether the prediction
falls when the sites with the highest attribution are removed, and whether the attribution depends
on the learned weights. The numbers are in attributions.csv and attributions.npz.
"""

from __future__ import annotations

from typing import Any

from gnnvision.cli.inspect_options import ExplainOptions

__all__ = ["flags", "main"]


def flags() -> type[Any]:
    """The dataclass of the flags."""
    return ExplainOptions


def main(config: ExplainOptions) -> None:
    """Compute and test the attributions, and write the page to a run folder."""
    from gnnvision.cli.explaining import explain

    explain(config, config.model)
