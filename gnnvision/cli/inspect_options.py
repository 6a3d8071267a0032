"""The flags of the scripts and commands that look into a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

__all__ = ["ExplainOptions", "InspectOptions"]


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """The flags of every script that looks into a trained network.

    Args:
        model: A run folder, or torchvision:NAME, or torchvision:NAME=FILE with a file of weights.
        inputs: Image files or folders of them; SMILES; nodes of a citation network, by number
            from 0; or graphs of a dataset in TU's layout, by number from 1.
        out: Folder of all runs.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps"; "auto" takes a GPU if there is one.
    """

    model: str
    inputs: tuple[str, ...]
    out: Path = Path("runs")
    device: str = "cpu"

    needs: ClassVar[tuple[str, ...]] = ("report",)
    arguments: ClassVar[dict[str, str]] = {"model": "RUN", "inputs": "INPUT"}
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "input": ("model", "inputs"),
        "method": (),
        "output": ("out", "device"),
    }
    own_group: ClassVar[str] = "method"
    metavars: ClassVar[dict[str, str]] = {"out": "FOLDER", "device": "DEVICE"}


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(InspectOptions):
    """The flags of every command that explains predictions.

    Args:
        method: Attribution methods to compare, of gradient, input_gradient,
            integrated_gradients, grad_cam, guided_gradient, guided_grad_cam and occlusion. By
            default grad_cam, integrated_gradients and occlusion; for nodes three gradient
            methods.
        target: The class or target to explain, by name or number. By default the predicted one.
        layer: Layer for Grad-CAM. By default the last one with sites that the whole output
            depends on.
        checks: Test the attributions, which takes longer.
        draws: Randomized networks of the parameter-randomization test. By default 20, or 10 for a
            large image.
        orders: Random orders that deletion and insertion are compared with, at least 19 for a
            significant result.
    """

    method: tuple[str, ...] = ()
    target: str | None = None
    layer: str | None = None
    checks: bool = True
    draws: int | None = None
    orders: int = 20

    metavars: ClassVar[dict[str, str]] = {
        "method": "METHOD", "target": "CLASS", "layer": "LAYER",
    }  # fmt: skip
