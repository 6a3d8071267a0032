"""A record of every operation and module call while a network runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import enable_reentrant_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

from gnnvision.domains import Domain
from gnnvision.inspect.effects import operation
from gnnvision.inspect.on_domain import layer_effect, layer_macs, layer_memory
from gnnvision.inspect.probe import Probe, Seen
from gnnvision.inspect.reach import Reach, tensors_in

__all__ = ["Call", "Watch"]

aten = torch.ops.aten
BAGS = (aten._embedding_bag, aten._embedding_bag_forward_only)


@dataclass(eq=False)
class Call:
    """One call of one module.

    Args:
        name: of the module in the model; "" for the model.
        module: the module.
        children: the calls inside it, in order.
        input_shape: of its first input tensor.
        output_shape: of its first output tensor.
        macs: of its operations, without those of `children`.
        made: bytes of new memory of its operations.
        operations: the names of these operations and their counts, without views.
        started: the number of storages before the call.
        left: bytes of new memory of its output.
        reach: the receptive field of its output.
        seen: the probe of its output.
        sites: the number of sites of the domain around it.
    """

    name: str
    module: nn.Module
    children: list[Call] = field(default_factory=list)
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None
    macs: int = 0
    made: int = 0
    operations: dict[str, int] = field(default_factory=dict)
    started: int = 0
    left: int = 0
    reach: Reach | None = None
    seen: Seen | None = None
    sites: int = 0


class Watch(TorchDispatchMode):
    """Records every torch operation and the module in which it runs.

    Args:
        model: the model.
        probe: of receptive fields, if any.
        fakes: the mode that makes tensors without values; None if the tensors have values.
    """

    def __init__(
        self, model: nn.Module, probe: Probe | None, fakes: FakeTensorMode | None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fakes = fakes
        self.probe = probe
        self.stack = [Call("", model)]
        self.calls: list[Call] = []
        self.read: set[int] = set()
        self.is_off = False
        # Storages are told apart by address, so each is kept; they hold no numbers.
        self._memories: dict[int, tuple[int, torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run the operation and write down what it did."""
        more = kwargs or {}
        out = self._run(func, args, more)
        outputs = tensors_in(out)
        if not outputs or self.is_off:
            return out
        self.read.update(id(tensor) for tensor in tensors_in([args, more]))
        if self.probe is not None:
            with enable_reentrant_dispatch(), self.probe.computing():
                operation(self.probe, func, args, more, out)
        if self.fakes is None or any(isinstance(tensor, FakeTensor) for tensor in outputs):
            call, macs = self.stack[-1], operation_macs(func, args, more, out)
            # What else comes with a result, such as where a maximum stood, is not passed on.
            made, *_ = [self.meet(tensor) for tensor in outputs]
            call.macs += macs
            call.made += made
            if macs or made or func._schema.is_mutable:
                name = func._schema.name.removeprefix("aten::").strip("_")
                call.operations[name] = call.operations.get(name, 0) + 1
        return out

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The operation itself, kept from the corners that tensors without values do not know."""
        if func is aten._to_dense.default and self.fakes is not None:
            with self.fakes:
                return torch.empty(args[0].shape, dtype=args[0].dtype)
        if func is aten.sparse_sampled_addmm.default and self.fakes is not None:
            return args[0].clone()
        if func.overloadpacket in BAGS:
            args = tuple(a.clone() if isinstance(a, Tensor) and a._is_view() else a for a in args)
        return func(*args, **kwargs)

    def meet(self, tensor: Tensor) -> int:
        """The bytes of a tensor if its memory is new; 0 for a view or an in-place operation."""
        if tensor.layout is not torch.strided:
            return 0
        storage = tensor.untyped_storage()
        if storage._cdata in self._memories:
            return 0
        self._memories[storage._cdata] = (len(self._memories), storage)
        return tensor.numel() * tensor.element_size()

    def begin(self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: Any) -> None:  # noqa: ANN401
        """Record the start of a module call."""
        if self.is_off:
            return
        call = Call(name, module, started=len(self._memories))
        entered = tensors_in([args, kwargs])
        call.input_shape = tuple(entered[0].shape) if entered else None
        if self.probe is not None:
            call.sites = self.probe.sites
            domains = [value for value in (*args, *kwargs.values()) if isinstance(value, Domain)]
            self.probe.sites = domains[0].num_sites if domains else call.sites
        self.stack[-1].children.append(call)
        self.stack.append(call)

    def end(self, module: nn.Module, args: tuple[Any, ...], kwargs: Any, out: Any) -> None:  # noqa: ANN401
        """Record the end of a module call."""
        if self.is_off:
            return
        call = self.stack.pop()
        while call.module is not module:  # one that raised, and whose caller went on
            call = self.stack.pop()
        inputs, outputs = (*args, *kwargs.values()), tensors_in(out)
        self.calls.append(call)
        call.macs = layer_macs(module, inputs, call.macs)
        call.made = layer_memory(module, inputs, call.made, outputs[0] if outputs else None)
        if outputs:
            call.output_shape = tuple(outputs[0].shape)
        if self.probe is not None:
            self.is_off = True
            layer_effect(self.probe, module, inputs, outputs)
            self.is_off = False
            self.probe.sites = call.sites
            with self.probe.computing():
                call.seen = self.probe.seen(outputs[0]) if outputs else None
                call.reach = self.probe.reach(outputs[0]) if outputs else None
        dense = (t for t in outputs if t.layout is torch.strided)
        storages = {s._cdata: s for s in (t.untyped_storage() for t in dense)}
        new = (key for key in storages if self._memories.get(key, (-1,))[0] >= call.started)
        call.left = sum(storages[key].nbytes() for key in new)


def operation_macs(
    func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: object
) -> int:
    """The multiply-accumulates of one torch operation; 0 if it sums no products.

    They are half the operations of torch's flop counter. It does not count sparse products,
    which have one for each entry and column, and one matrix times a vector.
    """
    packet = func.overloadpacket
    if packet is aten.sparse_sampled_addmm:
        return int(args[0]._nnz() * args[1].shape[1])
    if packet in BAGS:
        weighted = len(args) > 6 and args[6] is not None
        return int(args[1].numel() * args[0].shape[1]) if weighted else 0
    if packet in (aten.mv, aten.dot, aten.addmv):
        return int(args[packet is aten.addmv].numel())
    if packet in (aten.mkldnn_rnn_layer, aten._cudnn_rnn):
        # Each step of each sequence meets all matrices.
        weights = args[1] if packet is aten._cudnn_rnn else args[1:3]
        each = sum(weight.numel() for weight in weights if weight.ndim == 2)
        return int(args[0].shape[0] * args[0].shape[1] * each)
    formula = _formulas().get(packet)
    return 0 if formula is None else int(formula(*args, **kwargs, out_val=out)) // 2


@cache
def _formulas() -> Mapping[Any, Any]:
    from torch.utils.flop_counter import flop_registry  # not needed by whoever only imports

    return flop_registry
