"""The splits of image datasets: published, full, or random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.card import SplitRule
from gnnvision.data.split import SPLIT_NAMES, Split, random_split, stratified_split
from gnnvision.data.split_column import column_split
from gnnvision.data.targets import Targets
from gnnvision.errors import invalid, one_of, wrong_type

__all__ = ["check_classes", "draw_split", "given_split", "image_split", "redraw", "rules_for"]

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


def given_split(
    targets: Targets, split: object, seed: int
) -> tuple[Split, Callable[[int], Split] | None]:
    """The split of images of one's own, and a function from a seed to a split if it is random.

    Args:
        targets: The labels of all images.
        split: "random"; a `Split`; three masks or index arrays; or a word for each image.
        seed: The seed of a random split.

    Raises:
        ValueError: It is something else, or does not fit the labels.
    """
    labeled = np.flatnonzero(targets.known)
    if isinstance(split, str):
        one_of("split", split, ("random",), "Pass also a Split, masks, or a word for each image.")
        labels = targets.y.numpy()[labeled] if targets.kind == "classification" else None
        names = targets.names if targets.kind == "classification" else ()
        splitter = partial(draw_split, labeled, labels, names)
        return splitter(seed), splitter
    if isinstance(split, Split):
        return split, None
    parts = list(split.values()) if isinstance(split, Mapping) else split
    if isinstance(split, Mapping) and list(split) != ["train", "val", "test"]:
        raise invalid("split", "have the keys train, val and test", list(split))
    if not isinstance(parts, Sequence | np.ndarray):
        advice = "Pass 'random', a Split, three masks or index arrays, or a word for each image."
        raise wrong_type("split", "be a split", split, advice)
    if len(parts) == len(targets.y) and all(isinstance(word, str) for word in parts):
        return column_split(np.arange(len(parts)), list(parts), "split"), None
    if len(parts) != 3:
        advice = "Pass (train, val, test), or train, val or test for each image."
        raise invalid("split", "have three masks or index arrays", len(parts), advice)
    train, val, test = (part.cpu().numpy() if isinstance(part, Tensor) else part for part in parts)
    return Split("given", train, val, test), None


def draw_split(
    rows: NDArray[np.int64], labels: NDArray[np.int64] | None, names: Sequence[str], seed: int
) -> Split:
    """A random split of some images: 80 % training, 10 % validation, 10 % test.

    Args:
        rows: The indices of the images.
        labels: Their classes, for a stratified split; None for a split without regard to them.
        names: The names of the classes, each of which must have training images; empty for none.
        seed: The random seed.
    """
    if len(rows) < 3:
        raise invalid("labels", "label at least three images", len(rows), "Add some.")
    if labels is None:
        return random_split(rows, seed)
    tenth = max(1, round(_SHARE * len(rows)))
    drawn = stratified_split(labels, seed, tenth, tenth)
    check_classes(labels, drawn, names)
    return Split("random", *(rows[getattr(drawn, name)] for name in SPLIT_NAMES))


def redraw(y: NDArray[np.int64], rule: SplitRule, names: Sequence[str], seed: int) -> Split:
    """The random split of a dataset with known sizes; `names` as for `draw_split`."""
    drawn = stratified_split(y, seed, rule.num_val or 0, rule.num_test or 0)
    if names:
        check_classes(y, drawn, names)
    return drawn
