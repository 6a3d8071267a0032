"""Processes that share each batch of a training, so that they train as one would on all of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from gnnvision.data import LinkTask, NodeTask, Task
from gnnvision.data.batching import Share
from gnnvision.domains import Domain, Frontier, Graph
from gnnvision.errors import invalid, wrong_type
from gnnvision.layers.calling import caller
from gnnvision.layers.keyed_dropout import KeyedDropout, mixed
from gnnvision.training.recipe import Recipe
from gnnvision.training.world import World

__all__ = ["DataParallel", "Part", "check_shared"]

# What the processes tell each other before a step: the weight and the number of the known
# targets, the rows of the domain, and whether one of them asks to stop or to save.
_WEIGHT, _KNOWN, _NODES, _GRAPHS, _EDGES, _STOP, _SAVE = range(7)
_FORMER = "broadcast_buffers"  # the former name of an option
TINY = 1e-30  # below any total weight, so that a batch of weight 0 has the loss 0


class DataParallel:
    """The processes that share each batch, one for each device.

    The gradient of a step is that of the loss of the whole batch, the mean over its known targets
    wherever they are: `DistributedDataParallel` adds up the gradients of all shares, each weighted
    by its known targets. Requests to stop or to save travel with these weights, so that all
    processes decide alike after the same step.

    Args:
        here: this process and the others.
    """

    def __init__(self, here: World) -> None:
        self.here = here
        self.share: Share = (here.rank, here.size)
        self._wishes = (False, False)  # of this process, to stop and to save
        self._decided = (False, False)  # of all, before the last step
        self._counts = torch.empty(0)  # a row of each process, before the last step
        self._missed: set[int] = set()
        self._was_backward = False

    @property
    def several(self) -> bool:
        """Whether there is another process."""
        return self.here.size > 1

    def wrapped(self, model: nn.Module) -> nn.Module:
        """The model with the weights of the first process, which adds up gradients."""
        if not self.several:
            return model
        self.here.wait()  # which connects them
        takes = signature(DistributedDataParallel).parameters
        buffers = "forward_sync_buffers" if "forward_sync_buffers" in takes else _FORMER
        # Buffers are made the same once an epoch; see `agree`.
        options: dict[str, Any] = {buffers: False, "find_unused_parameters": True}
        return DistributedDataParallel(_Module(model), **options)

    def begin(
        self, place: tuple[int, int], weight: Tensor, known: int, x: Tensor, domain: Domain
    ) -> Part:
        """Exchange the counts of a step with the other processes.

        Args:
            place: the seed of the training, and how many steps are done.
            weight: the total weight of the known targets in this share, a scalar.
            known: how many rows they are.
            x: the signal.
            domain: its domain.
        """
        own = _sizes(x, domain)
        counts = torch.tensor([0.0, known, *own, *self._wishes], dtype=torch.float64)
        counts = counts.to(weight.device)
        counts[_WEIGHT] = weight
        self._counts = self.each(counts)
        return Part(self, place, self._counts, domain, own)

    @contextmanager
    def first_backward(self) -> Iterator[None]:
        """A context without the warning, which torch gives once, of filters in another layout."""
        if self._was_backward:
            yield
            return
        self._was_backward = True
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(?s).*Grad strides do not match bucket view")
            yield

    def describe(self, model: nn.Module, batch_size: int | None) -> str:
        """How the processes train, for the overview."""
        size = self.here.size
        if size == 1:
            return "1, with all items of each batch"
        words = f"{size} share each batch"
        if batch_size is not None:
            words = (
                f"{size}, with {batch_size:,} of the {batch_size * size:,} items of a batch each"
            )
        if any(isinstance(m, _BatchNorm) for m in model.modules()):
            words += "; batch norm has the statistics of the items of one process"
        return f"{words}; the learning rate is that of the recipe"

    def missed(self, count: int) -> None:
        """Say once that dropout of a signal with this number of rows depends on the processes."""
        if not self._missed:
            words = (
                f"Dropout of a signal with {count} rows, which are not those of the batch, draws "
                "other random numbers in each process: its masks depend on how many there are."
            )
            warnings.warn(words, UserWarning, stacklevel=2)
        self._missed.add(count)

    # --- decisions --------------------------------------------------------------------------

    def decide(self) -> list[int]:
        """Note what the processes asked for before the last step.

        Returns:
            How many known targets each of them had in it.
        """
        rows = self._counts.tolist()  # after the step: where a GPU takes it, it does so meanwhile
        stop, save = (any(row[place] for row in rows) for place in (_STOP, _SAVE))
        self._decided = stop, save
        return [int(row[_KNOWN]) for row in rows]

    def agreed(self, stop: bool, save: bool) -> tuple[bool, bool]:
        """Whether all processes stop and save now.

        Args:
            stop: whether this process asks to stop, which is decided at the next step.
            save: whether it asks to save; only the first process is asked.
        """
        self._wishes = stop, save and self.here.is_first
        decided, self._decided = self._decided, (False, False)
        return decided

    # --- results ----------------------------------------------------------------------------

    def can_share(self, count: int) -> bool:
        """Whether there is another process, and an item for each."""
        return 1 < self.here.size <= count

    def same(self, row: dict[str, float]) -> dict[str, float]:
        """The row of the first process: others may differ in the last bits, and decide by it."""
        return self.here.from_first(row)

    def counts(self, known: int) -> list[int]:
        """How many known targets of a split each process has."""
        counts: list[int] = self.each(torch.tensor(known)).tolist()
        return counts

    def each(self, own: Tensor) -> Tensor:
        """The tensors of all processes, in rows."""
        rows = own.new_zeros(self.here.size, *own.shape)
        rows[self.here.rank] = own
        return self.here.sum(rows)

    def whole(self, own: Tensor, rows: Sequence[Sequence[int]]) -> Tensor:
        """The rows of all processes, in the order in which one process has them.

        Args:
            own: those of this process.
            rows: how many each process has, of each batch.
        """
        if not self.several:
            return own
        every = own.new_zeros(sum(map(sum, rows)), *own.shape[1:])
        first, taken = 0, 0
        for counts in rows:
            start, count = first + sum(counts[: self.here.rank]), counts[self.here.rank]
            every[start : start + count] = own[taken : taken + count]
            first, taken = first + sum(counts), taken + count
        return self.here.sum(every)

    def agree(self, *models: nn.Module) -> None:
        """Give all processes the buffers of the first one, such as the means of batch norm."""
        for model in models:
            for buffer in model.buffers():
                self.here.put(buffer)


class _Module(nn.Module):
    """A model with a parameter that no output depends on.

    `DistributedDataParallel` is asked to expect such parameters, and warns if there is none.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self._call = model, caller(model)
        like = next(p for p in model.parameters() if p.requires_grad)
        self.unused = nn.Parameter(torch.zeros((), dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor, domain: Domain) -> Tensor:
        """The output of the model."""
        return self._call(x, domain)


class Part:
    """The share of a step that this process has.

    Args:
        processes: all processes.
        place: the seed of the training, and how many steps are done.
        counts: a row of each process, as named above.
        domain: the domain of this share.
        own: the nodes, graphs and edges in it.
    """

    def __init__(
        self,
        processes: DataParallel,
        place: tuple[int, int],
        counts: Tensor,
        domain: Domain,
        own: tuple[int, int, int],
    ) -> None:
        self.processes, self.counts, self.domain = processes, counts, domain
        self._key, self._own = mixed(*place), own
        rank, weights = processes.here.rank, counts[:, _WEIGHT]
        self.fraction = weights[rank] / weights.sum().clamp(min=TINY)  # of the whole loss
        self._before = counts[:rank].sum(0).long()  # rows of the processes before this one

    def random_numbers(self, keyed: bool) -> AbstractContextManager[object]:
        """A context with the random numbers of this step, for each process its own.

        Args:
            keyed: whether dropout depends on the place of an item in the whole batch instead.
        """
        torch.manual_seed(mixed(self._key, self.processes.here.rank) % 2**63)
        if not keyed:
            return nullcontext()
        return KeyedDropout(self._key, self._rows, self.processes.missed)

    def differentiate(self, loss: Tensor) -> None:
        """Add the gradient of the loss of this share to that of the whole batch."""
        # Which DistributedDataParallel divides by the number of processes.
        factor = self.fraction * self.processes.here.size
        with self.processes.first_backward():
            torch.autograd.backward(loss * factor.to(loss.dtype))

    def _rows(self, count: int) -> Tensor | None:
        """Which items the rows of a signal are: numbers in the whole batch, or of the graph."""
        if isinstance(self.domain, Frontier):
            known = count in self.domain.sizes
            return self.domain.order[:count] if known else None
        for place, own in enumerate(self._own):
            if count == own:
                steps = torch.arange(count, device=self.counts.device)
                return steps + self._before[_NODES + place]
        return None


def _sizes(x: Tensor, domain: Domain) -> tuple[int, int, int]:
    """The nodes, graphs and edges of a batch; the number of images, and of nothing else."""
    if isinstance(domain, Graph):
        return domain.num_nodes, domain.num_graphs, domain.num_edges
    return len(x) if domain.offsets is None else 0, 0, 0


def check_shared(task: Task, recipe: Recipe, here: World) -> None:
    """Check that processes can share the batches of a task.

    Raises:
        TypeError: if its `batches` cannot.
        ValueError: if it has a single batch, or too few items.
    """
    if here.size == 1:
        return
    if isinstance(task, LinkTask | NodeTask) and recipe.fanouts is None:
        raise invalid(
            "task",
            f"have batches that {here.size} processes can share",
            f"{task.name!r}, whose graph has no parts",
            "Train other seeds in each process (parallel='seeds'), start one process, or draw "
            "neighbors of nodes with Recipe(fanouts=...).",
        )
    if "share" not in signature(task.batches).parameters:
        advice = "Add share=(0, 1) to its arguments: the number of a process, and how many."
        raise wrong_type("task", "have batches(..., share=) to train in several", task, advice)
    if len(task.split.train) < here.size:
        condition = f"have a training item for each of the {here.size} processes"
        raise invalid("split", condition, len(task.split.train), "Start fewer processes.")
