"""The splits of image datasets: published, full, or random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnnvision.data.card import SplitRule
from gnnvision.data.split import Split, stratified_split

__all__ = ["check_classes", "image_split", "rules_for"]

_SEED = 0  # of held-out sets that do not depend on the seed
_SHARE = 0.1


def image_split(
    y: NDArray[np.int64], published: NDArray[np.uint8], rule: SplitRule, name: str, seed: int
) -> Split:
    """The split of an image dataset with this name.

    "public" keeps the published splits; a missing validation or test split is held out from the
    training images, the same for every seed. "full" adds the validation to the training split.
    "random" draws all splits for each seed. All random splits are stratified by class.

    Args:
        y: Labels. Shape (N,).
        published: The published splits: 0 training, 1 validation, 2 test. Shape (N,).
        rule: The number of validation and test images to hold out.
        name: "public", "full" or "random".
        seed: The seed of a random split.
    """
    num_val, num_test = rule.num_val or 0, rule.num_test or 0
    if name == "random":
        return stratified_split(y, seed, num_val, num_test)
    train, val, test = (np.flatnonzero(published == number) for number in range(3))
    num_val = 0 if len(val) or name == "full" else num_val
    # The test split is drawn first, so it does not depend on the validation split.
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
    if sizes[missing].max() == 1:  # any class with a single image may be missing
        missing = np.flatnonzero(sizes <= 1)
    shown = ", ".join(repr(class_names[label]) for label in missing[:8])
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    few, many = int(sizes[missing].min()), int(sizes[missing].max())
    held = f"{few}" if few == many else f"{few} to {many}"
    raise ValueError(
        "Every class must have training images in addition to those for validation and test, got "
        f"{held} valid image{'' if many == 1 else 's'} in each of {shown}{more}. Add images, so "
        "that each class has three or more; remove these classes; or provide the splits as "
        "train/<class>/ and test/<class>/."
    )


def rules_for(published: NDArray[np.uint8]) -> dict[str, SplitRule]:
    """The split rules of a folder: its own splits, and a tenth held out for each missing one."""
    sizes = [int((published == number).sum()) for number in range(3)]
    tenth = max(1, round(_SHARE * sizes[0]))
    num_val, num_test = sizes[1] or tenth, sizes[2] or tenth
    each = [
        f"{name}: the folder's own split"
        if size
        else f"{name}: a tenth of the training images ({tenth}), drawn once, stratified by class"
        for name, size in zip(("Validation", "Test"), sizes[1:], strict=True)
    ]
    public = f"{each[0]}. {each[1]}. Training: all other images."
    every = "Drawn for each seed from all images, with the sizes of the public split."
    full = "As public, but with the validation images in the training split."
    return {
        "public": SplitRule(public, num_val=num_val, num_test=num_test),
        "full": SplitRule(full, num_val=num_val, num_test=num_test),
        "random": SplitRule(every, num_val=num_val, num_test=num_test),
    }
