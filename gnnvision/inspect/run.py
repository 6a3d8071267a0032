"""One run of a network on tensors that have shapes but no values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
from torch.backends import mha
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map

from gnnvision.errors import invalid
from gnnvision.inspect.inputs import Inputs
from gnnvision.inspect.probe import Probe
from gnnvision.inspect.reach import tensors_in
from gnnvision.inspect.watch import Call, Watch
from gnnvision.layers import Convolution
from gnnvision.layers.calling import form_of, two_inputs
from gnnvision.layers.uncompiled import without_compiler

__all__ = ["run"]

DEPENDENT = (DataDependentOutputException, DynamicOutputShapeException)


def run(
    model: nn.Module, inputs: Inputs, probe: Probe | None = None, mode: str = "eval"
) -> tuple[list[Call], set[str]]:
    """Run a model on tensors without values, and record its operations.

    Its weights, buffers, modes, hooks and attributes are not changed. If control flow depends on
    values and the inputs have some, it runs on them.

    Args:
        model: any module.
        inputs: its arguments.
        probe: of receptive fields, if any.
        mode: "eval" or "train".

    Returns:
        All calls of modules in the order of their ends, the model last, and the names of the
        parameters that an operation used.

    Raises:
        TypeError: if a layer does not support the domain.
        ValueError: if a layer does not accept the shape, or the model has data-dependent control
            flow.
    """
    with without_compiler():
        try:
            return _run(model, inputs, probe, mode, FakeTensorMode(allow_non_fake_inputs=True))
        except ValueError as error:
            if inputs.has_values and isinstance(error.__cause__, DEPENDENT):
                return _run(model, inputs, None, mode, None)
            raise


def _run(
    model: nn.Module, inputs: Inputs, probe: Probe | None, mode: str, fakes: FakeTensorMode | None
) -> tuple[list[Call], set[str]]:
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    shadow = partial(_shadow, fakes, inputs.is_structured, inputs.device)
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        held = {name: shadow(value) for name, value in state.items()}
        args, kwargs = tree_map(shadow, (inputs.args, inputs.kwargs))
        watch = Watch(model, probe, fakes)
        stack.enter_context(_untouched(model, mode == "train"))
        for name, module in model.named_modules():
            begin, end = partial(watch.begin, name), watch.end
            for handle in (
                module.register_forward_pre_hook(begin, with_kwargs=True, prepend=True),
                module.register_forward_hook(end, with_kwargs=True),
            ):
                stack.callback(handle.remove)
        stack.enter_context(torch.random.fork_rng(devices=[]))
        # Attention as the two matrix products that it is, whatever kernel would run it.
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.callback(mha.set_fastpath_enabled, mha.get_fastpath_enabled())
        mha.set_fastpath_enabled(False)
        if fakes is not None and not inputs.is_structured:
            # What a model makes on its way has no values either. On a graph it must: operators
            # are made of the real edges, which are few compared with the signals.
            stack.enter_context(fakes)
        for value in tensors_in([args, kwargs, held]):
            watch.meet(value)
        if probe is not None:
            with probe.computing():
                probe.begin(tensors_in([args, kwargs])[0], inputs.layout)
        stack.enter_context(watch)
        try:
            functional_call(model, held, args, kwargs)
        except Exception as error:
            unsure = inputs.domain is not None and form_of(model).unsure
            if unsure and isinstance(error, (TypeError, AttributeError)):
                raise two_inputs(model, unsure, error) from error
            raise _explained(error, watch.stack[-1]) from error
    names = {id(value): name for values in (state, held) for name, value in values.items()}
    return watch.calls, {name for key, name in names.items() if key in watch.read}


def _shadow(
    fakes: FakeTensorMode | None,
    is_structured: bool,
    device: torch.device | None,
    value: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """A tensor of the same shape without values; on the CPU if the domain, a graph, is there."""
    if not isinstance(value, Tensor):
        return value
    if fakes is None:
        return value.clone()
    if not is_structured:
        if device is None and (value.layout is not torch.strided or 0 not in value.stride()):
            return fakes.from_tensor(value.detach())
        with fakes:
            return torch.empty(value.shape, dtype=value.dtype, device=device or value.device)
    floating = value.is_floating_point() or value.is_complex() or value.is_meta
    if not floating or value.layout is not torch.strided:
        return value.cpu().clone()  # such as clusters: part of the structure, not of the weights
    with fakes:
        return torch.empty(value.shape, dtype=value.dtype, device="cpu")


@contextmanager
def _untouched(model: nn.Module, training: bool) -> Iterator[None]:
    """Evaluation or training mode inside the block; every module as it was after it."""
    saved = [(m, dict(vars(m)), dict(m._parameters), dict(m._buffers)) for m in model.modules()]
    model.train(training)
    for module in model.modules():
        if isinstance(module, Convolution) and hasattr(module, "check"):
            vars(module)["check"] = partial(_check_shape, module)
    try:
        yield
    finally:
        for module, attributes, parameters, buffers in saved:
            vars(module).clear()
            vars(module).update(attributes)
            module._parameters.clear()
            module._parameters.update(parameters)
            module._buffers.clear()
            module._buffers.update(buffers)


def _check_shape(layer: Any, x: Tensor, *more: Any) -> None:  # noqa: ANN401
    """The layer's own check, which looks for NaN too, on as many zeros."""
    plain = isinstance(x, FakeTensor)
    zeros = torch.zeros((), dtype=x.dtype).expand(x.shape) if plain else x
    type(layer).check(layer, zeros, *more)


def _explained(error: Exception, call: Call) -> Exception:
    """The error of a layer, with its name and what it was given."""
    kind = type(call.module).__name__
    layer = f"layer '{call.name}' ({kind})" if call.name else kind
    if isinstance(error, DEPENDENT):
        got = f"{layer}, which calls {error.func}"
        advice = "Pass 'input_data' with values, or summarize the modules around it separately."
        return invalid("model", "not have data-dependent control flow", got, advice)
    got = "nothing" if call.input_shape is None else f"shape {call.input_shape}"
    why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    raised = TypeError if isinstance(error, TypeError) else ValueError
    return raised(
        f"'model' must accept the signal, got an error from {layer} for {got}: "
        f"{why.rstrip('.')}. Change 'channels' or the size of 'domain', or fix the layer."
    )
