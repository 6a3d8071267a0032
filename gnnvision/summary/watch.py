"""A record of every operation and module call while a network is traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from gnnvision.summary.counting import layer_macs, operation_macs
from gnnvision.summary.reach import Reach, tensors_in
from gnnvision.summary.trackers import Tracker

__all__ = ["Call", "Watch"]

BAGS = (
    torch.ops.aten._embedding_bag.default,
    torch.ops.aten._embedding_bag_forward_only.default,
)


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
    """

    name: str
    module: nn.Module
    children: list[Call] = field(default_factory=list)
    input_shape: tuple[int, ...] | None = None
    output_shape: tuple[int, ...] | None = None
    macs: int = 0
    made: int = 0
    operations: dict[str, int] = field(default_factory=dict)
    left: int = 0
    started: int = 0
    reach: Reach | None = None


class Watch(TorchDispatchMode):
    """Records every torch operation and the module in which it runs.

    Args:
        model: the model.
        tracker: of receptive fields.
        fakes: the mode that makes meta tensors.
    """

    def __init__(self, model: nn.Module, tracker: Tracker[Any], fakes: FakeTensorMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fakes = fakes
        self.tracker = tracker
        self.stack = [Call("", model)]
        self.read: set[int] = set()
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
        named = kwargs or {}
        out = self._run(func, args, named)
        outputs = tensors_in(out)
        if not outputs:
            return out
        self.read.update(id(tensor) for tensor in tensors_in([args, named]))
        self.tracker.operation(func, args, named, out)
        if any(isinstance(tensor, FakeTensor) for tensor in outputs):
            call = self.stack[-1]
            macs = operation_macs(func, args, named, out)
            # What else comes with a result, such as where a maximum stood, is not passed on.
            made, *_ = [self.meet(tensor) for tensor in outputs]
            call.macs += macs
            call.made += made
            if macs or made or func._schema.is_mutable:
                name = func._schema.name.removeprefix("aten::").strip("_")
                call.operations[name] = call.operations.get(name, 0) + 1
        return out

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The operation itself, kept from the corners that tensors without numbers do not know."""
        if func is torch.ops.aten._to_dense.default:
            with self.fakes:
                return torch.empty(args[0].shape, dtype=args[0].dtype)
        if func in BAGS:
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
        call = Call(name, module, started=len(self._memories))
        entered = tensors_in([args, kwargs])
        call.input_shape = tuple(entered[0].shape) if entered else None
        self.stack[-1].children.append(call)
        self.stack.append(call)

    def end(self, module: nn.Module, args: tuple[Any, ...], kwargs: Any, out: Any) -> None:  # noqa: ANN401
        """Record the end of a module call."""
        call = self.stack.pop()
        while call.module is not module:  # one that raised, and whose caller went on
            call = self.stack.pop()
        inputs = (*args, *kwargs.values())
        self.tracker.layer(module, inputs, out)
        call.macs = layer_macs(module, inputs, call.macs)
        outputs = tensors_in(out)
        if outputs:
            call.output_shape = tuple(outputs[0].shape)
            call.reach = self.tracker.reach(outputs[0])
        dense = (t for t in outputs if t.layout is torch.strided)
        storages = {s._cdata: s for s in (t.untyped_storage() for t in dense)}
        new = (key for key in storages if self._memories.get(key, (-1,))[0] >= call.started)
        call.left = sum(storages[key].nbytes() for key in new)
