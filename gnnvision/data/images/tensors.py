"""Images and labels from arrays: checked, and brought into the form of a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnnvision.data.arrays import UNLABELED
from gnnvision.data.targets import Kind, Targets
from gnnvision.domains.device import as_double
from gnnvision.errors import invalid, one_of, wrong_dtype, wrong_type

__all__ = ["Pixels", "as_tensor", "read_labels", "to_pixels"]

Pixels: TypeAlias = Tensor | NDArray[Any]
_CHUNK = 1024


def to_pixels(images: Pixels, layout: Literal["auto", "NCHW", "NHWC"] = "auto") -> Tensor:
    """The images as bytes with the channels second: uint8 (N, C, H, W).

    Args:
        images: uint8, or floating point from 0 to 1. Shape (N, C, H, W), (N, H, W, C) or
            (N, H, W).
        layout: "NCHW" or "NHWC"; "auto" takes the dimension of 1 or 3 as the channels.

    Raises:
        TypeError: They are not an array, or of another dtype.
        ValueError: The shape is another or ambiguous, or a value is out of range.
    """
    one_of("layout", layout, ("auto", "NCHW", "NHWC"))
    x = as_tensor("images", images)
    if x.ndim == 3:
        x = x.unsqueeze(1)
    elif x.ndim == 4:
        x = x.permute(0, 3, 1, 2) if _is_channels_last(x, layout) else x
    else:
        condition = "have shape (N, C, H, W), (N, H, W, C) or (N, H, W)"
        advice = "Add a first dimension for a single image."
        raise invalid("images", condition, tuple(x.shape), advice)
    if not x.numel():
        raise invalid("images", "not be empty", f"shape {tuple(x.shape)}", "Pass some images.")
    if x.dtype == torch.uint8:
        return x
    if not x.dtype.is_floating_point:
        advice = "Convert pixels from 0 to 255 with .to(torch.uint8) or .astype('uint8')."
        raise wrong_dtype("images", "be uint8, or floating point from 0 to 1", x.dtype, advice)
    return torch.cat([_to_bytes(piece) for piece in x.split(_CHUNK)])


def _to_bytes(x: Tensor) -> Tensor:
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= 1):  # also for NaN
        if low >= 0 and 1 < high <= 255:
            advice = "Divide them by 255, or convert them to uint8."
        else:
            advice = "Undo the normalization: tasks normalize by their own mean and deviation."
        values = "NaN" if low != low else f"{low:g} to {high:g}"
        raise invalid("images", "have values from 0 to 1 if they are not uint8", values, advice)
    return (255 * x.float()).round_().to(torch.uint8)


def _is_channels_last(x: Tensor, layout: str) -> bool:
    if layout != "auto":
        return layout == "NHWC"
    second, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if second == last:
        condition = "have 1 or 3 channels, second or last"
        advice = "Pass layout='NCHW' or layout='NHWC'."
        raise invalid("images", condition, f"shape {tuple(x.shape)}", advice)
    return last


def as_tensor(name: str, value: object) -> Tensor:
    """An array, a tensor or a list of these of one shape, as a tensor on the CPU.

    Args:
        name: The argument, for messages.
        value: Anything.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        return torch.from_numpy(np.require(native, requirements=["C", "W"]))
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (Tensor, np.ndarray)):
        parts = [as_tensor(name, one) for one in value]
        if len({part.shape for part in parts}) == 1:
            return torch.stack(parts)
        shapes = sorted({tuple(part.shape) for part in parts})[:3]
        advice = "Resize them, or use gnnvision.data.images.from_dataset with image_size."
        raise invalid(name, "have one shape", shapes, advice)
    got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else value
    raise wrong_type(name, "be a tensor or an array of numbers", got, "Convert it with numpy.")


def read_labels(
    labels: object, count: int, kind: Literal["auto"] | Kind, class_names: Sequence[str]
) -> Targets:
    """The labels of `count` images as targets; see `ImageTask.from_tensors`."""
    one_of("kind", kind, ("auto", "classification", "multilabel", "regression"))
    if isinstance(class_names, str):
        raise wrong_type("class_names", "be a sequence of names", class_names)
    words = _words(labels)
    if words is not None:
        _check_count(len(words), count)
        if kind not in ("auto", "classification"):
            raise invalid("labels", f"be numbers for kind={kind!r}", "strings", "Omit 'kind'.")
        return _from_words(words, class_names)
    y = _as_numbers(labels)
    _check_count(len(y) if y.ndim else 0, count)
    if y.ndim not in (1, 2):
        condition = f"have shape (N={count},) or (N={count}, T)"
        raise invalid("labels", condition, tuple(y.shape), "Pass one row for each image.")
    if y.isinf().any():
        raise invalid("labels", "be finite", "infinite values", "Use NaN where one is missing.")
    chosen = _kind(y, kind)
    if chosen == "classification":
        return _from_numbers(y, class_names)
    table = as_double(y if y.ndim == 2 else y.unsqueeze(1)).float()
    if chosen == "multilabel" and not (table.isnan() | (table == 0) | (table == 1)).all():
        raise invalid("labels", "be 0, 1 or NaN for kind='multilabel'", "other values")
    names = tuple(class_names) or tuple(
        f"target {number}" if table.shape[1] > 1 else "target" for number in range(table.shape[1])
    )
    if len(names) != table.shape[1]:
        condition = f"have {table.shape[1]} names, one for each column of the labels"
        raise invalid("class_names", condition, len(names))
    if table.isnan().all():
        raise invalid("labels", "have values", "only NaN", "Pass the targets of some images.")
    return Targets(chosen, names, table, {})


def _kind(y: Tensor, kind: Literal["auto"] | Kind) -> Kind:
    """The kind of numeric labels, unless it is given."""
    if kind != "auto":
        return kind
    if y.ndim == 1:
        return "regression" if y.dtype.is_floating_point else "classification"
    if not (y.isnan() | (y == 0) | (y == 1)).all():
        return "regression"
    if y.shape[1] > 1 and (y == 1).sum(1).eq(1).all():
        advice = "Pass kind='classification', or kind='multilabel' for labels that may combine."
        got = "a single 1 in each row"
        raise invalid("labels", "be clearly one class or several labels", got, advice)
    return "multilabel"


def _words(labels: object) -> list[str | None] | None:
    """Labels that are text, None where one is missing; None if they are numbers."""
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(values, (list, tuple)):
        return None
    held = [None if one is None or one != one else one for one in _plain(values)]
    strings = [isinstance(one, str) for one in held if one is not None]
    if not any(strings):
        return None
    if not all(strings):
        raise wrong_type("labels", "be all strings or all numbers", "both", "Convert them.")
    return [None if one is None else str(one) for one in held]


def _plain(values: Sequence[Any]) -> list[Any]:
    """The values, without comparing tensors or rows."""
    return [one if isinstance(one, (str, float, int)) or one is None else 0 for one in values]


def _as_numbers(labels: object) -> Tensor:
    if isinstance(labels, Tensor):
        y = labels.detach().cpu()
    else:
        try:
            array = np.asarray(labels)
        except ValueError:  # rows of different lengths
            array = np.empty(0, dtype=object)
        if array.dtype.kind not in "biuf":
            advice = "Pass integers, strings, or an array of 0, 1 and NaN or of numbers."
            raise wrong_type("labels", "be one label or row for each image", labels, advice)
        y = as_tensor("labels", array)
    return y.long() if y.dtype is torch.bool else as_double(y) if y.is_floating_point() else y


def _check_count(found: int, count: int) -> None:
    if found != count:
        advice = "Pass one label or row for each image."
        raise invalid("labels", f"have the {count} images' length", found, advice)


def _from_words(words: Sequence[str | None], class_names: Sequence[str]) -> Targets:
    names = tuple(class_names) or tuple(sorted({word for word in words if word is not None}))
    place = {name: number for number, name in enumerate(names)}
    unknown = [word for word in words if word is not None and word not in place]
    if unknown:
        condition = f"be one of class_names {', '.join(map(repr, names[:8]))}"
        raise invalid("labels", condition, repr(unknown[0]), "Add it to class_names.")
    if len(names) < 2:
        raise invalid("labels", "have two or more classes", repr(names), "Add another class.")
    y = [UNLABELED if word is None else place[word] for word in words]
    return Targets("classification", names, torch.tensor(y), {})


def _from_numbers(y: Tensor, class_names: Sequence[str]) -> Targets:
    """Class indices from numbers, or from rows with a single 1."""
    if y.ndim == 2 and y.shape[1] > 1:
        if not ((y == 0) | (y == 1)).all() or not (y.sum(1) == 1).all():
            condition = "have a single 1 in each row for kind='classification'"
            raise invalid("labels", condition, "other rows", "Pass class indices.")
        count, y = y.shape[1], y.argmax(1)
    else:
        y = y.flatten().nan_to_num(UNLABELED)
        if y.is_floating_point() and (y != y.round()).any():
            advice = "Use kind='regression', or pass class indices."
            raise invalid("labels", "be whole numbers for classes", "fractions", advice)
        count = int(y.max()) + 1
    y = y.long()
    wrong = y[(y < 0) & (y != UNLABELED)]
    if len(wrong) or count < 1:
        got = int(wrong[0]) if len(wrong) else "only unlabeled images"
        raise invalid("labels", "be classes from 0, or -100 for unlabeled", got)
    names = tuple(map(str, class_names)) or tuple(map(str, range(count)))
    if count > len(names):
        condition = f"have a name for each of {count} classes"
        raise invalid("class_names", condition, len(names), "Labels are indices of its names.")
    empty = sorted(set(range(len(names))) - set(y.tolist()))
    if empty:
        got = f"none of class {names[empty[0]]!r}, but labels up to {count - 1}"
        advice = "Number the classes without gaps, from 0."
        raise invalid("labels", "have images of each class", got, advice)
    if len(names) < 2:
        raise invalid("labels", "have two or more classes", "only class 0", "Add another class.")
    return Targets("classification", names, y, {})
