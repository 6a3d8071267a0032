"""Flags without effect next to others are refused, so that nothing is silently ignored."""

from __future__ import annotations

from collections.abc import Mapping

from gnnvision.errors import invalid

__all__ = ["refuse_unused"]


def refuse_unused(config: object, defaults: Mapping[str, object], condition: str) -> None:
    """Raise an error if a flag was given that has no effect here.

    Args:
        config: the flags of a script.
        defaults: the names of the flags without effect, and their defaults.
        condition: when they have none, as in "'--preset' must be left out with --model vgg_like".

    Raises:
        ValueError: if one of them was given.
    """
    for name, default in defaults.items():
        value = getattr(config, name)
        if value != default:
            given = str(value) if not isinstance(value, bool) else f"--no-{name}"
            flag = f"--{name.replace('_', '-')}"
            raise invalid(flag, f"be left out {condition}", given, "Leave it out.")
