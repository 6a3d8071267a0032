"""Training steps captured as a CUDA graph, and replayed while the batches have the same shape.

A small network on a GPU waits for the host, which launches each of its hundred kernels. Captured
as a CUDA graph, all of them are one launch.
"""

from __future__ import annotations

import pickle
import random
import warnings
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gnnvision.domains import Domain
from gnnvision.layers.missing import known_complete

__all__ = ["Captured", "Step", "Stepped", "captured", "set_lr"]

WARM_UP = 3  # steps of a shape that run as they are before one is captured
MOST = 8  # graphs that are kept, each of another shape: smaller images, last batches
CLOSE = 0.1  # of a step's change: by how much its replay may differ, as sums vary in their order


class Stepped(NamedTuple):
    """What a training step gives, on the device: known outputs and targets, and their loss."""

    output: Tensor
    target: Tensor
    loss: Tensor


Step = Callable[[Tensor, Domain, Tensor], Stepped]


class Captured:
    """A training step on a GPU that is captured as a CUDA graph and replayed.

    The first steps of each shape run as they are. The next one runs twice, plainly and as the
    replay of a graph, from the same state and random numbers; if both agree, all further ones
    are replayed. Batches of other shapes run as they are, and so does every step if one cannot
    be captured: `reason` then says why, and a warning says it once.

    Random numbers are drawn by torch's generator of the GPU, whose state a replay advances as a
    plain step does.

    Args:
        step: a function (x, domain, y) -> `Stepped`, which reads and changes tensors of the GPU
            in place, and nothing else.
        state: returns all tensors that a step changes: weights, buffers, the optimizer's.
        settings: returns what else a step depends on and may change between steps.
        counts: returns what Python keeps other than tensors, which a step must not change.

    References:
        "CUDA Graphs", https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
    """

    def __init__(
        self,
        step: Step,
        state: Callable[[], list[Tensor]],
        settings: Callable[[], Hashable] = lambda: None,
        counts: Callable[[], object] = lambda: None,
    ) -> None:
        self.step, self.state, self.settings, self.counts = step, state, settings, counts
        self.reason = ""  # why steps are not captured; empty if they are
        self.replays = 0  # how many steps were replayed
        self._graphs: dict[Hashable, _Graph] = {}
        self._recent: dict[Hashable, _Recent] = {}  # of the batches of late that are no graphs
        self._stream: torch.cuda.Stream | None = None
        self._pool: Any = None  # of memory, which the graphs share, as one runs at a time

    def __call__(self, x: Tensor, domain: Domain, y: Tensor) -> Stepped:
        """A step of the training on a batch."""
        if self.reason:
            return self.step(x, domain, y)
        key = (_form(x), domain, _form(y), self.settings())
        if key in self._graphs:
            self.replays += 1
            return self._graphs[key].replay(x, y)
        recent = self._recent.pop(key, None) or _Recent()
        self._recent[key] = recent
        if len(self._recent) > MOST:  # graphs of other sizes in each batch
            del self._recent[next(iter(self._recent))]
        recent.count += 1
        if recent.count >= WARM_UP:
            # What is the same object in each step is read where it is, all else is copied.
            x, y = (
                given if given is last() else given.clone()
                for given, last in zip((x, y), recent.batch, strict=True)
            )
        recent.batch = (weakref.ref(x), weakref.ref(y))
        if recent.count <= WARM_UP or len(self._graphs) == MOST:
            return self._aside(x, domain, y)
        del self._recent[key]
        return self._capture(key, x, domain, y)

    def _aside(self, x: Tensor, domain: Domain, y: Tensor) -> Stepped:
        """A plain step, on the stream that captures."""
        here = torch.cuda.current_stream()
        self._stream = self._stream or torch.cuda.Stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            out = self.step(x, domain, y)
        here.wait_stream(self._stream)
        return out

    def _capture(self, key: Hashable, x: Tensor, domain: Domain, y: Tensor) -> Stepped:
        """A plain step and, if it can be captured and agrees, its graph for the next ones."""
        state, counts, drawn = self.state(), self.counts(), _host_randomness()
        before = [tensor.detach().clone() for tensor in state]
        rng = torch.cuda.get_rng_state()
        # Features were searched for NaN in the steps before; a replay searches for nothing.
        with _noting_waits() as waits, known_complete():
            out = self._aside(x, domain, y)
        after, rng_after = [t.detach().clone() for t in state], torch.cuda.get_rng_state()
        places = [tensor.data_ptr() for tensor in state]
        if waits:
            self.reason = f"a step waits for the GPU ({waits[0]})"
        elif places != [tensor.data_ptr() for tensor in self.state()]:
            self.reason = "a step replaces tensors instead of changing them in place"
        elif counts != self.counts() or drawn != _host_randomness():
            self.reason = "a step counts, or draws random numbers, on the CPU"
        else:
            _put(state, before, rng)
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            try:
                graph = _Graph(self.step, (x, domain, y), self._stream, self._pool)
                graph.graph.replay()
                if not _is_close(before, after, state):
                    self.reason = "the replay of a step differs from the step"
            except Exception as error:  # whatever the model, the loss or the driver raises
                first = (str(error).splitlines() or [type(error).__name__])[0]
                self.reason = f"a step cannot be captured ({first[:200]})"
            if not self.reason:
                self._graphs[key] = graph
                self.replays += 1
                return graph.results()
            _put(state, after, rng_after)
        words = f"Training runs without CUDA graphs, and is slower for it: {self.reason}."
        warnings.warn(words, stacklevel=2)
        return out


class _Recent:
    """How many batches had a key of late, and the tensors of the last one."""

    def __init__(self) -> None:
        self.count = 0
        self.batch: tuple[Callable[[], Tensor | None], ...] = (lambda: None, lambda: None)


class _Graph:
    """A captured step with the tensors that it reads and writes."""

    def __init__(
        self,
        step: Step,
        batch: tuple[Tensor, Domain, Tensor],
        stream: torch.cuda.Stream | None,
        pool: Any,  # noqa: ANN401 - a token of torch
    ) -> None:
        self.x, self.domain, self.y = batch
        self.graph = torch.cuda.CUDAGraph()
        here, generator = torch.cuda.current_stream(), _generator()
        spare = generator.clone_state()
        reserved = torch.cuda.memory_reserved()
        try:
            # Other threads may load data meanwhile, which must not end the capture.
            options = {"pool": pool, "stream": stream, "capture_error_mode": "thread_local"}
            with torch.cuda.graph(self.graph, **options), known_complete():
                self.out = step(*batch)
        except Exception:
            torch.cuda.set_stream(here)
            generator.graphsafe_set_state(spare)  # else it waits for the end of the capture
            raise
        taken = torch.cuda.memory_reserved() - reserved
        if taken > torch.cuda.mem_get_info()[0]:  # plain steps need as much beside it
            raise RuntimeError(f"its graph takes {taken >> 20} MiB of memory")

    def replay(self, x: Tensor, y: Tensor) -> Stepped:
        """A step on another batch of the same shape."""
        if x is not self.x:
            self.x.copy_(x)
        if y is not self.y:
            self.y.copy_(y)
        self.graph.replay()
        return self.results()

    def results(self) -> Stepped:
        """Copies of what the step gave, which the next replay writes over."""
        return Stepped(*(tensor.clone() for tensor in self.out))


def _form(tensor: Tensor) -> Hashable:
    """What must agree for a tensor to be copied into another; a sparse one cannot be copied."""
    if tensor.layout is torch.strided:
        return tensor.shape, tensor.stride(), tensor.dtype, tensor.device
    return id(tensor)


@contextmanager
def _noting_waits() -> Iterator[list[str]]:
    """The lines at which the host waits for the GPU in a block, in order, filled at its end."""
    places: list[str] = []
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")  # which warns that it is a prototype
        try:
            yield places
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    for warning in caught:
        words = str(warning.message)
        if "called a synchronizing" in words:
            places.append(f"{warning.filename}:{warning.lineno}")
        elif "Synchronization debug mode" not in words:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _generator() -> torch.Generator:
    """The random generator of the current GPU."""
    return torch.cuda.default_generators[torch.cuda.current_device()]


def _host_randomness() -> tuple[object, ...]:
    """The states of the random generators of the CPU."""
    numpy = pickle.dumps(np.random.get_state())  # noqa: NPY002 - which a model may use
    return random.getstate(), numpy, bytes(torch.get_rng_state().numpy())


def _put(state: Sequence[Tensor], values: Sequence[Tensor], rng: Tensor) -> None:
    """Put tensors and the random generator of the GPU back to earlier values."""
    with torch.no_grad():
        for tensor, value in zip(state, values, strict=True):
            tensor.copy_(value)
    torch.cuda.set_rng_state(rng)


def _is_close(
    before: Sequence[Tensor], plain: Sequence[Tensor], replayed: Sequence[Tensor]
) -> bool:
    """Whether two steps from the same state agree, but for the order of their sums.

    Where a gradient is zero but for rounding, Adam divides the one by the other: single tensors
    may differ, the entries of all in the mean may not.
    """
    wrong, size = torch.zeros((), device=before[0].device), 0
    for start, one, other in zip(before, plain, replayed, strict=True):
        other = other.detach()
        change = (one.double() - start.double()).norm()
        error = (other.double() - one.double()).norm()
        wrong += (error / change).nan_to_num(0, 1).clamp(max=1) * one.numel()
        size += one.numel()
    return float(wrong) <= CLOSE * size


def captured(
    step: Step, model: nn.Module, optimizer: Optimizer, average: nn.Module | None = None
) -> Captured:
    """The step of a training on a GPU, captured where that is possible.

    Args:
        step: as for `Captured`.
        model: the model that it trains.
        optimizer: its optimizer, which from here on reads learning rates and counts on the GPU;
            see `set_lr`.
        average: the average of its weights.
    """
    for group in optimizer.param_groups:
        device = group["params"][0].device
        group["lr"] = torch.full((), group["lr"], dtype=torch.float32, device=device)
        if "capturable" in group:
            group["capturable"] = True
    # It would warn at each plain step, of which there are a few before the capture.
    optimizer._warned_capturable_if_run_uncaptured = True
    modules = list(model.modules())

    def state() -> list[Tensor]:
        tensors = [*model.parameters(), *model.buffers()]
        if average is not None:
            tensors += [*average.parameters(), *average.buffers()]
        held = [value for values in optimizer.state.values() for value in values.values()]
        return [t for t in tensors + held if isinstance(t, Tensor) and t.is_cuda]

    def settings() -> Hashable:
        found: list[object] = []
        for group in optimizer.param_groups:
            found += [str(v) for name, v in group.items() if name not in ("lr", "params")]
            found += [parameter.requires_grad for parameter in group["params"]]
        return tuple(found)

    def counts() -> object:
        numbers = (bool, int, float)
        return [
            {name: value for name, value in vars(module).items() if isinstance(value, numbers)}
            for module in modules
        ]

    return Captured(step, state, settings, counts)


def set_lr(group: dict[str, Any], lr: float) -> None:
    """Set the learning rate of a group of parameters, where the optimizer reads it."""
    held = group["lr"]
    if isinstance(held, Tensor):
        held.fill_(lr)  # in place, as a captured step reads this memory; nothing is waited for
    else:
        group["lr"] = lr
