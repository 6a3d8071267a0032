"""The splits of labeled images: as published, all that trains, or drawn for a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.card import SplitRule
from gnnvision.data.split import Split, stratified_split

__all__ = ["check_classes", "image_split", "rules_for"]

_SEED = 0  # of what is held out once and for all
_SHARE = 0.1


def image_split(
    y: NDArray[np.int64], part: NDArray[np.uint8], rule: SplitRule, name: str, seed: int
) -> Split:
    """One split of a set of images.

    "public" keeps published parts; one that was not published is held out of the training
    part, the same for every seed. "full" adds the validation part to the training part.
    "random" draws all parts anew for each seed. What is drawn has the classes in proportion.

    Args:
        y: Labels. Shape (N,).
        part: 0 train, 1 val, 2 test, as published. Shape (N,).
        rule: How many to hold out.
        name: "public", "full" or "random".
        seed: Of a random split.
    """
    num_val, num_test = rule.num_val or 0, rule.num_test or 0
    if name == "random":
        return stratified_split(y, seed, num_val, num_test)
    train, val, test = (np.flatnonzero(part == number) for number in range(3))
    num_val = 0 if len(val) or name == "full" else num_val
    # What tests is drawn first, so it is the same whether or not anything validates.
    drawn = stratified_split(y[train], _SEED, num_val, 0 if len(test) else num_test)
    test = test if len(test) else train[drawn.test]
    if name == "full":
        return Split("full", np.concatenate([train[drawn.train], val]), [], test)
    return Split(name, train[drawn.train], val if len(val) else train[drawn.val], test)


def check_classes(y: NDArray[np.int64], split: Split, class_names: Sequence[str]) -> None:
    """Raise ValueError unless every class has an image in the training split."""
    missing = np.setdiff1d(np.arange(len(class_names)), y[split.train])
    if not len(missing):
        return
    sizes = np.bincount(y, minlength=len(class_names))
    if sizes[missing].max() == 1:  # the draw took what there is of some; it could be any of these
        missing = np.flatnonzero(sizes <= 1)
    shown = ", ".join(repr(class_names[label]) for label in missing[:8])
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    few, many = int(sizes[missing].min()), int(sizes[missing].max())
    held = f"{few}" if few == many else f"{few} to {many}"
    raise ValueError(
        "Every class must have an image to train on besides those to validate and test, got "
        f"{held} usable image{'' if many == 1 else 's'} in each of {shown}{more}. Add images to "
        "these classes, three or more each; leave the classes out; or give the splits as "
        "train/<class>/ and test/<class>/."
    )


def rules_for(part: NDArray[np.uint8]) -> dict[str, SplitRule]:
    """The rules of a folder's splits: what it has as it is, a tenth held out for what it lacks."""
    sizes = [int((part == number).sum()) for number in range(3)]
    tenth = max(1, round(_SHARE * sizes[0]))
    num_val, num_test = sizes[1] or tenth, sizes[2] or tenth
    held = {1: ("validates", sizes[1]), 2: ("tests", sizes[2])}
    words = [
        f"the folder's own {name} part {verb}"
        if size
        else f"a tenth of the training part, {tenth} images drawn once, {verb}"
        for name, (verb, size) in zip(("validation", "test"), held.values(), strict=True)
    ]
    public = (
        f"{words[0]}; {words[1]}; the rest trains. What is drawn has the classes in proportion."
    )
    every = "Drawn anew for each seed from all images, in the sizes of the public split."
    full = "As public, but what would validate trains too."
    return {
        "public": SplitRule(public[0].upper() + public[1:], num_val=num_val, num_test=num_test),
        "full": SplitRule(full, num_val=num_val, num_test=num_test),
        "random": SplitRule(every, num_val=num_val, num_test=num_test),
    }
