"""What a frozen backbone makes of a task's items: computed once, and kept by content."""

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
from gnnvision.layers.hooks import attached, evaluating
from gnnvision.layers.memory import quick
from gnnvision.training.blocks import last_linear
from gnnvision.transfer.backbone import Backbone
from gnnvision.transfer.feature_task import FeatureTask

__all__ = ["Frozen", "frozen_part", "seen"]

PARTS: tuple[SplitName, ...] = ("train", "val", "test")
_FORM = 1  # raise it when what is computed changes, and old caches are left alone
_VIEW_SEED = 0
_NUMBERS_AT_ONCE = 2**21  # of pictures: their maps are some times as large
_MOST_KEPT = 2**29  # bytes
See = Callable[[Tensor, Domain], Tensor]


@dataclass(frozen=True)
class Frozen:
    """A backbone cut in two: the task as its first blocks see it, and the rest of it.

    Args:
        task: the items as what leaves the first blocks.
        cut: how many blocks that are.
    """

    task: FeatureTask
    cut: int

    def rest(self, backbone: Backbone) -> nn.Module:
        """What is behind the cut of a backbone: a copy of the blocks, the head itself."""
        if self.cut == len(backbone.blocks):
            return backbone.head
        return _without(backbone, self.cut)


def frozen_part(
    backbone: Backbone,
    task: Task,
    cut: int | None = None,
    *,
    views: int = 0,
    progress: bool = True,
) -> Frozen | None:
    """Compute what the first blocks of a backbone make of each item, once.

    Each item of the training and validation parts is seen as it is and in `views` augmented
    versions, as the task varies its pictures, the others as they are; no target is looked at.
    The results are kept in the user's cache under a hash of weights, pictures and views.

    Args:
        backbone: its blocks are used as in evaluation, whatever their mode.
        task: as the backbone's preprocessing made it.
        cut: how many blocks; all of them if not given, which leaves the head.
        views: augmented versions of each training item; of pictures.
        progress: whether to show a bar.

    Returns:
        None where the network cannot be cut there: its blocks do not follow one another.

    Raises:
        ValueError: if views are asked for of a task that does not vary its items.
    """
    count = len(backbone.blocks)
    cut = count if cut is None else cut
    if views and (not isinstance(task, ImageTask) or task.augment is None):
        raise ValueError(
            f"'views' must be 0 for a task that varies nothing, got {views}. "
            "Give the pictures an Augment."
        )
    see: See = backbone.features if cut == count else _seer(backbone, cut)
    if cut < count and not _follows(backbone, task, cut, see):
        return None
    whole = sum(len(getattr(task.split, part)) for part in PARTS)
    varied = len(task.split.train) + len(task.split.val)
    place = _place(backbone, task, cut, views)
    held = None if place is None else _read(place)
    if held is None:
        with (
            bar(f"features behind {cut} of {count} blocks", whole + views * varied)
            if progress
            else _silent() as advance
        ):
            held = _computed(see, backbone, task, views, advance)
        if place is not None and sum(a.nbytes for a in held.values()) <= _MOST_KEPT:
            _write(place, held)
    x, seen_x, rows = (torch.from_numpy(held[name]) for name in ("x", "views", "rows"))
    return Frozen(FeatureTask.of(task, x, seen_x, rows), cut)


def seen(
    see: See,
    task: Task,
    part: SplitName,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """What `see` makes of the items of a part, and which items these are, in the same order.

    Args:
        see: called with a signal and its domain.
        task: whose items they are.
        part: "train", "val" or "test".
        generator: with one, training items are varied.
    """
    index = torch.from_numpy(np.array(getattr(task.split, part)))
    out: list[Tensor] = []
    if isinstance(task, ImageTask):
        size = max(2, _NUMBERS_AT_ONCE // (task.in_channels * prod(task.grid.size)))
        order = []
        for pictures, chosen in task.image_batches(part, size, generator):
            out.append(see(task.normalize(pictures), task.grid).cpu())
            order.append(chosen.cpu())
        index = torch.cat(order) if order else index
    else:
        out = [see(x, domain).cpu() for x, domain, _ in task.batches(part)]
    if not out:
        return torch.empty(0), index
    values = torch.cat(out)
    # Of the nodes of one graph all are seen, whichever part is asked for.
    return values if len(values) == len(index) else values[index], index


def _computed(
    see: See, backbone: Backbone, task: Task, views: int, advance: Callable[[int], object]
) -> dict[str, np.ndarray]:
    count = len(task.y)  # type: ignore[attr-defined]
    varied = np.concatenate([task.split.train, task.split.val])
    rows = torch.full((count,), -1)
    rows[torch.from_numpy(varied)] = torch.arange(len(varied))
    x: Tensor | None = None

    def told(signal: Tensor, domain: Domain) -> Tensor:
        made = see(signal, domain)
        advance(len(made))
        return made

    generator = torch.Generator().manual_seed(_VIEW_SEED)
    with evaluating(backbone), quick(backbone), torch.no_grad():
        for part in PARTS:
            values, items = seen(told, task, part)
            if len(items):
                x = values.new_zeros(count, *values.shape[1:]) if x is None else x
                x[items] = values
        assert x is not None, "a task without items"
        kept = x.new_zeros(views, len(varied), *x.shape[1:])
        if views:
            every = _all_train(task)
            for view in kept:
                values, items = seen(told, every, "train", generator)
                view[rows[items]] = values
    return {"x": x.numpy(), "views": kept.numpy(), "rows": rows.numpy()}


def _all_train(task: Task) -> Task:
    """The task with its validation part among the training items, so that it is varied too."""
    every = np.concatenate([task.split.train, task.split.val])
    return replace(task, split=Split(task.split.name, every, [], task.split.test))


def _seer(backbone: Backbone, cut: int) -> See:
    """What enters block `cut`."""
    block = backbone.blocks[cut]
    first = dict(zip(block.names, block.modules, strict=True))[block.name]

    def see(x: Tensor, domain: Domain) -> Tensor:
        kept: list[Tensor] = []

        def keep(module: nn.Module, given: tuple[Any, ...]) -> None:
            kept.append(given[0])

        with attached([first.register_forward_pre_hook(keep)]):
            backbone(x, domain)
        return kept[0]

    return see


def _without(backbone: Backbone, cut: int) -> Backbone:
    """A copy whose first blocks do nothing."""
    made = copy.deepcopy(backbone)
    for block in made.blocks[:cut]:
        for name in block.names:
            parent, _, child = name.rpartition(".")
            setattr(made.network.get_submodule(parent), child, nn.Identity())
    return made


def _follows(backbone: Backbone, task: Task, cut: int, see: See) -> bool:
    """Whether the network is its first blocks and then the others, as a trial shows."""
    if not isinstance(task, ImageTask):
        return False
    pictures = task.images_at(np.array(task.split.train[:2]).tolist())
    x = task.normalize(pictures.to(task.y.device))
    with evaluating(backbone), torch.no_grad():
        want, between = backbone(x, task.grid), see(x, task.grid)
        try:
            got = _without(backbone, cut).eval()(between)
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False  # its blocks are joined in another way
    if got.shape != want.shape:
        return False
    return bool((got - want).abs().max() <= 1e-4 * want.abs().max())


def _place(backbone: Backbone, task: Task, cut: int, views: int) -> Path | None:
    cache = cache_folder()
    if cache is None:
        return None
    later = [block.name for block in backbone.blocks[cut:]] + [last_linear(backbone.network)[0]]
    structure = [repr(module) for block in backbone.blocks[:cut] for module in block.modules]
    augment = getattr(task, "augment", None)
    described = [
        _FORM, structure, task.data_hash, task.split.hash, task.input_description(),
        views, str(augment), augment.to_dict() if views and augment is not None else None,
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(described, default=str).encode())
    for name, tensor in backbone.network.state_dict().items():
        if not any(name.startswith(f"{block}.") for block in later):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return cache / "features" / f"{digest.hexdigest()[:40]}.npz"


def _read(place: Path) -> dict[str, np.ndarray] | None:
    try:
        held = unpack_arrays(place.read_bytes())
        return {name: held[name] for name in ("x", "views", "rows")}
    except (OSError, ValueError, KeyError):
        return None  # not there, cut short, damaged, or not ours


def _write(place: Path, arrays: dict[str, np.ndarray]) -> None:
    with contextlib.suppress(NotWritable, OSError), atomic_write(place) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def _silent() -> Any:  # noqa: ANN401
    yield lambda count: None
