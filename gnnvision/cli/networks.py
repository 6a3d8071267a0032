"""The network that a script trains on images, built from its flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gnnvision import models
from gnnvision.data import ImageTask
from gnnvision.errors import invalid
from gnnvision.models.registry import argument_types

__all__ = ["image_network"]


def image_network(
    name: str,
    task: ImageTask,
    settings: Mapping[str, Any] | None = None,
    **flags: Any,  # noqa: ANN401
) -> nn.Module:
    """The network of this name for the images of a task.

    Args:
        name: one of `gnnvision.models.names()`.
        task: the images.
        settings: further arguments of the network.
        **flags: arguments that only some networks have, as the flags say; None if not given.

    Raises:
        ValueError: if a flag was given that the network does not have.
    """
    known = argument_types(name)
    given = {flag: value for flag, value in flags.items() if value is not None}
    for flag, value in given.items():
        if flag not in known:
            shown = f"--{flag.replace('_', '-')}"
            raise invalid(
                shown, f"be left out with {name}, which lacks it", value, "Leave it out."
            )
    return models.build(
        name,
        in_channels=task.in_channels,
        num_classes=task.num_classes,
        image_size=task.grid.shape,
        **dict(settings or {}),
        **given,
    )
