"""Values of JSON against annotations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from gnnvision.models.arguments import fits


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, int), (3, float), (0.5, float), (True, bool), ("a", str), (None, int | None),
        ("a", Path), ([1, 2], tuple[int, ...]), ([1, 2], tuple[int, int]), ([], Sequence[int]),
        ("x", Literal["x", "y"]), (None, Literal["x"] | None), ({}, Any), ([1], list[int]),
    ],
)  # fmt: skip
def test_what_fits(value, kind):
    assert fits(value, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, int), ("3", int), (3.0, int), (None, int), (1, bool), (True, float), ("1", float),
        (3, str), ([1, "2"], tuple[int, ...]), ([1], tuple[int, int]), ("ab", Sequence[str]),
        ("z", Literal["x", "y"]), (1, Literal[True]), (["a"], str | None), (3, Path), ({}, int),
    ],
)  # fmt: skip
def test_what_does_not(value, kind):
    assert not fits(value, kind)
