"""The outputs of frozen blocks for all items of a task: computed once and cached."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnnvision.data import ImageTask, Split, SplitName, Task
from gnnvision.data.atomic_files import NotWritable, atomic_write
from gnnvision.data.npz import unpack_arrays
from gnnvision.data.progress import progress as bar
from gnnvision.data.root import cache_folder
from gnnvision.domains import Domain
from gnnvision.errors import invalid
from gnnvision.layers.hooks import attached, evaluating
from gnnvision.layers.memory import quick
from gnnvision.training.blocks import last_linear
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.feature_task import FeatureTask

__all__ = ["FrozenFeatures", "features_of_split", "frozen_features"]

SPLIT_NAMES: tuple[SplitName, ...] = ("train", "val", "test")
_CACHE_VERSION = 1  # increment it when the computation changes, so that old caches are ignored
_VIEW_SEED = 0
_VALUES_AT_ONCE = 2**21  # input values per batch of images; their feature maps are larger
_LARGEST_CACHE = 2**29  # bytes
Extract = Callable[[Tensor, Domain], Tensor]


@dataclass(frozen=True)
class FrozenFeatures:
    """A task after the first blocks of a backbone, and the blocks that remain.

    Args:
        task: its items are the outputs of the first blocks.
        cut: number of first blocks.
    """

    task: FeatureTask
    cut: int

    def rest(self, backbone: Backbone) -> nn.Module:
        """The rest of the backbone: a copy of the remaining blocks, with the head itself."""
        if self.cut == len(backbone.blocks):
            return backbone.head
        return _without_blocks(backbone, self.cut)


def frozen_features(
    backbone: Backbone,
    task: Task,
    cut: int | None = None,
    *,
    views: int = 0,
    progress: bool = True,
    label: str = "",
) -> FrozenFeatures | None:
    """Compute the outputs of the first blocks of a backbone for each item of a task, once.

    Training and validation items are processed in their original form and in `views` augmented
    versions, test items only in their original form. Targets are not used. The results are
    cached on disk under a hash of weights, images and views.

    Args:
        backbone: its blocks run in evaluation mode.
        task: after the backbone's preprocessing.
        cut: number of first blocks; all if not given, so that only the head remains.
        views: augmented versions per training item; images only.
        progress: whether to show a progress bar.
        label: added to the text of the bar.

    Returns:
        None if the network cannot be cut there because its blocks are not a plain sequence.

    Raises:
        ValueError: if views are requested for a task without augmentation.
    """
    count = len(backbone.blocks)
    cut = count if cut is None else cut
    if views and (not isinstance(task, ImageTask) or task.augment is None):
        raise invalid(
            "views",
            "be 0 for a task without augmentation",
            views,
            "Load the task with an Augment.",
        )
    extract: Extract = backbone.features if cut == count else _block_input(backbone, cut)
    if cut < count and not _is_sequential(backbone, task, cut, extract):
        return None
    whole = sum(len(getattr(task.split, name)) for name in SPLIT_NAMES)
    varied = len(task.split.train) + len(task.split.val)
    file = _cache_file(backbone, task, cut, views)
    arrays = None if file is None else _read(file)
    if arrays is None:
        with (
            bar(f"computing features{label}", whole + views * varied)
            if progress
            else _no_bar() as advance
        ):
            arrays = _compute(extract, backbone, task, views, advance)
        if file is not None and sum(a.nbytes for a in arrays.values()) <= _LARGEST_CACHE:
            _write(file, arrays)
    x, augmented, rows = (torch.from_numpy(arrays[name]) for name in ("x", "views", "rows"))
    return FrozenFeatures(FeatureTask.of(task, x, augmented, rows), cut)


def features_of_split(
    extract: Extract,
    task: Task,
    split_name: SplitName,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """The results of `extract` for the items of a split, and the indices of these items.

    Args:
        extract: called with a signal and its domain.
        task: has the items.
        split_name: "train", "val" or "test".
        generator: if given, training items are augmented.
    """
    index = torch.from_numpy(np.array(getattr(task.split, split_name)))
    out: list[Tensor] = []
    if isinstance(task, ImageTask):
        size = max(2, _VALUES_AT_ONCE // (task.in_channels * prod(task.grid.shape)))
        order = []
        for images, chosen in task.image_batches(split_name, size, generator):
            out.append(extract(task.normalize(images), task.grid).cpu())
            order.append(chosen.cpu())
        index = torch.cat(order) if order else index
    else:
        out = [extract(x, domain).cpu() for x, domain, _ in task.batches(split_name)]
    if not out:
        return torch.empty(0), index
    values = torch.cat(out)
    # A node task has one graph: its batch has all nodes, for any split.
    return values if len(values) == len(index) else values[index], index


def _compute(
    extract: Extract, backbone: Backbone, task: Task, views: int, advance: Callable[[int], object]
) -> dict[str, np.ndarray]:
    count = len(task.y)  # type: ignore[attr-defined]
    varied = np.concatenate([task.split.train, task.split.val])
    rows = torch.full((count,), -1)
    rows[torch.from_numpy(varied)] = torch.arange(len(varied))
    x: Tensor | None = None

    def extract_and_advance(signal: Tensor, domain: Domain) -> Tensor:
        features = extract(signal, domain)
        advance(len(features))
        return features

    generator = torch.Generator().manual_seed(_VIEW_SEED)
    with evaluating(backbone), quick(backbone), torch.no_grad():
        for name in SPLIT_NAMES:
            values, items = features_of_split(extract_and_advance, task, name)
            if len(items):
                x = values.new_zeros(count, *values.shape[1:]) if x is None else x
                x[items] = values
        assert x is not None, "a task without items"
        augmented = x.new_zeros(views, len(varied), *x.shape[1:])
        if views:
            every = _all_train(task)
            for view in augmented:
                values, items = features_of_split(extract_and_advance, every, "train", generator)
                view[rows[items]] = values
    return {"x": x.numpy(), "views": augmented.numpy(), "rows": rows.numpy()}


def _all_train(task: Task) -> Task:
    """The task with validation items moved to training, so that they are augmented too."""
    every = np.concatenate([task.split.train, task.split.val])
    return replace(task, split=Split(task.split.name, every, [], task.split.test))


def _block_input(backbone: Backbone, cut: int) -> Extract:
    """A function that returns the input of block `cut`."""
    block = backbone.blocks[cut]
    first = dict(zip(block.names, block.modules, strict=True))[block.name]

    def extract(x: Tensor, domain: Domain) -> Tensor:
        kept: list[Tensor] = []

        def keep(module: nn.Module, given: tuple[Any, ...]) -> None:
            kept.append(given[0])

        with attached([first.register_forward_pre_hook(keep)]):
            backbone(x, domain)
        return kept[0]

    return extract


def _without_blocks(backbone: Backbone, cut: int) -> Backbone:
    """A copy whose first blocks are identities."""
    made = copy.deepcopy(backbone)
    for block in made.blocks[:cut]:
        for name in block.names:
            parent, _, child = name.rpartition(".")
            setattr(made.network.get_submodule(parent), child, nn.Identity())
    return made


def _is_sequential(backbone: Backbone, task: Task, cut: int, extract: Extract) -> bool:
    """Whether the network equals its first blocks followed by the others, tried on two items."""
    if not isinstance(task, ImageTask):
        return False
    images = task.images_at(np.array(task.split.train[:2]).tolist())
    x = task.normalize(images.to(task.y.device))
    with evaluating(backbone), torch.no_grad():
        want, between = backbone(x, task.grid), extract(x, task.grid)
        try:
            got = _without_blocks(backbone, cut).eval()(between)
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False  # its blocks are connected in another way
    if got.shape != want.shape:
        return False
    return bool((got - want).abs().max() <= 1e-4 * want.abs().max())


def _cache_file(backbone: Backbone, task: Task, cut: int, views: int) -> Path | None:
    cache = cache_folder()
    if cache is None:
        return None
    later = [block.name for block in backbone.blocks[cut:]] + [last_linear(backbone.network)[0]]
    structure = [repr(module) for block in backbone.blocks[:cut] for module in block.modules]
    augment = getattr(task, "augment", None)
    described = [
        _CACHE_VERSION, structure, task.data_hash, task.split.hash, task.input_description(),
        views, str(augment), augment.to_dict() if views and augment is not None else None,
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(described, default=str).encode())
    for name, tensor in backbone.network.state_dict().items():
        if not any(name.startswith(f"{block}.") for block in later):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return cache / "features" / f"{digest.hexdigest()[:40]}.npz"


def _read(file: Path) -> dict[str, np.ndarray] | None:
    try:
        stored = unpack_arrays(file.read_bytes())
        return {name: stored[name] for name in ("x", "views", "rows")}
    except (OSError, ValueError, KeyError):
        return None  # missing, truncated, damaged or another format


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with contextlib.suppress(NotWritable, OSError), atomic_write(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def _no_bar() -> Any:  # noqa: ANN401
    yield lambda count: None
