"""One run of a network on meta tensors, which have shapes but no values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from gnnvision.domains import Domain, Graph
from gnnvision.errors import invalid
from gnnvision.layers.calling import form_of, two_inputs
from gnnvision.layers.graph import FamilyConvolution
from gnnvision.layers.uncompiled import without_compiler
from gnnvision.summary.trackers import tracker
from gnnvision.summary.watch import Call, Watch

__all__ = ["Trace", "trace"]


@dataclass(frozen=True)
class Trace:
    """The record of one run.

    Args:
        call: the call of the model.
        used: the names of the parameters that an operation used.
    """

    call: Call
    used: frozenset[str]


def trace(
    model: nn.Module, x: Tensor | tuple[int, ...], domain: Domain, dtype: torch.dtype
) -> Trace:
    """Run a model in evaluation mode on a meta signal, and record its operations.

    The weights, buffers, modes, hooks and attributes of the model are not changed.

    Args:
        model: any module.
        x: the shape of the signal; on a graph also a sparse tensor with its number of entries.
        domain: of the signal; a graph on the CPU.
        dtype: of the signal.

    Returns:
        The calls, and the parameters that were used.

    Raises:
        TypeError: if a layer does not support the domain.
        ValueError: if a layer does not accept the shape, or the model has data-dependent control
            flow.
    """
    with without_compiler():
        return _trace(model, x, domain, dtype)


def _trace(
    model: nn.Module, x: Tensor | tuple[int, ...], domain: Domain, dtype: torch.dtype
) -> Trace:
    on_graph = isinstance(domain, Graph)
    fakes = FakeTensorMode(allow_non_fake_inputs=True)
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    held = {name: _shadow(fakes, value, on_graph) for name, value in state.items()}
    watch = Watch(model, tracker(domain), fakes)
    with ExitStack() as stack:
        stack.enter_context(_untouched(model))
        stack.enter_context(_listening(model, watch))
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        # Attention as the two matrix products that it is, whatever kernel would run it.
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(_plain_attention())
        if not isinstance(x, Tensor):
            device = next((value.device for value in held.values()), torch.device("cpu"))
            with fakes:
                x = torch.zeros(x, dtype=dtype, device=device)
        if not on_graph:
            # What a model makes on its way has no numbers either. On a graph it must: operators
            # are made of the real edges, which are few beside the signals.
            stack.enter_context(fakes)
        watch.tracker.begin(x)
        for value in (x, *held.values()):
            watch.meet(value)
        stack.enter_context(watch)
        form = form_of(model)
        arguments, more = form.arguments(model, x, domain)
        try:
            functional_call(model, held, arguments, more)
        except Exception as error:
            if form.unsure is not None and isinstance(error, (TypeError, AttributeError)):
                raise two_inputs(model, form.unsure, error) from error
            raise _explained(error, watch.stack[-1]) from error
    names = {id(value): name for values in (state, held) for name, value in values.items()}
    used = frozenset(name for key, name in names.items() if key in watch.read)
    return Trace(watch.stack[0].children[0], used)


def _shadow(fakes: FakeTensorMode, value: Tensor, on_graph: bool) -> Tensor:
    """A tensor of the same shape without numbers; on the CPU if the domain, a graph, is there."""
    if not on_graph:
        return fakes.from_tensor(value)
    if not (value.is_floating_point() or value.is_complex() or value.is_meta):
        return value.cpu().clone()  # such as clusters: part of the structure, not of the weights
    with fakes:
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="cpu")


@contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; every module as it was after it."""
    saved = [(m, dict(vars(m)), dict(m._buffers), m.training) for m in model.modules()]
    model.eval()
    for module in model.modules():
        if isinstance(module, FamilyConvolution):
            vars(module)["check"] = partial(_check_shape, module)
    try:
        yield
    finally:
        for module, attributes, buffers, training in saved:
            vars(module).clear()
            vars(module).update(attributes)
            module._buffers.clear()
            module._buffers.update(buffers)
            module.training = training


def _check_shape(layer: FamilyConvolution, x: Tensor, graph: Graph, transformed: bool) -> None:
    """The layer's own check, which looks for NaN too, on as many zeros."""
    plain = isinstance(x, FakeTensor)
    zeros = torch.zeros((), dtype=x.dtype).expand(x.shape) if plain else x
    type(layer).check(layer, zeros, graph, transformed)


@contextmanager
def _listening(model: nn.Module, watch: Watch) -> Iterator[None]:
    """Tell `watch` of every call of a module inside the block."""
    handles = []
    try:
        for name, module in model.named_modules():
            handles += [
                module.register_forward_pre_hook(
                    partial(_entered, watch, name), with_kwargs=True, prepend=True
                ),
                module.register_forward_hook(partial(_left, watch), with_kwargs=True),
            ]
        yield
    finally:
        for handle in handles:
            handle.remove()


def _entered(watch: Watch, name: str, module: nn.Module, args: Any, kwargs: Any) -> None:  # noqa: ANN401
    watch.begin(name, module, args, kwargs)


def _left(watch: Watch, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:  # noqa: ANN401
    watch.end(module, args, kwargs, out)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """torch.nn.MultiheadAttention without its fused kernel, which hides its parts."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


def _explained(error: Exception, call: Call) -> Exception:
    """The error of a layer, with its name and what it was given."""
    kind = type(call.module).__name__
    layer = f"layer '{call.name}' ({kind})" if call.name else kind
    if isinstance(error, (DataDependentOutputException, DynamicOutputShapeException)):
        got = f"{layer}, which calls {error.func}"
        advice = "Summarize the modules around it separately."
        return invalid("model", "not have data-dependent control flow", got, advice)
    got = "nothing" if call.input_shape is None else f"shape {call.input_shape}"
    why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    raised = TypeError if isinstance(error, TypeError) else ValueError
    return raised(
        f"'model' must accept the signal, got an error from {layer} for {got}: "
        f"{why.rstrip('.')}. Change 'channels' or the size of 'domain', or fix the layer."
    )
