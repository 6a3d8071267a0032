"""Flags that would be ignored beside others are refused."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["refuse_unused"]


def refuse_unused(config: object, usual: Mapping[str, object], why: str) -> None:
    """Refuse flags that have no effect on what was asked for.

    Args:
        config: the flags of a script.
        usual: the names of those without effect, and what each is when nobody gives it.
        why: when that is, as in "'--preset' must be left out with --model vgg_like".

    Raises:
        ValueError: if one of them was given.
    """
    for name, default in usual.items():
        value = getattr(config, name)
        if value != default:
            flag = f"--{name.replace('_', '-')}"
            given = str(value) if not isinstance(value, bool) else f"--no-{name}"
            raise ValueError(f"'{flag}' must be left out {why}, got {given}. Leave it out.")
