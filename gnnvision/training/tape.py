"""A computation recorded once, as a flat list of operations, and run again without its Python.

A small training step spends most of its time in the code around the operations: modules, checks,
transforms, and the bookkeeping of gradients. Recorded, only the operations are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gnnvision.domains.modes import recording

__all__ = ["NotRepeatable", "Tape"]

_ATEN = torch.ops.aten
# Operations that tell Python a value, on which its further course may depend.
_READING = (_ATEN._local_scalar_dense.default, _ATEN.equal.default, _ATEN.is_nonzero.default)


class NotRepeatable(RuntimeError):
    """A computation reads values, or draws random numbers, and cannot be recorded."""


class Tape:
    """The operations of a computation, gradients included.

    All tensors that the computation does not make itself are its inputs: they are read again, and
    changed in place again, at each run. They must stay at their place in memory, and nothing but
    their values may differ from run to run.

    Args:
        compute: the computation, without arguments; it is run once.
        draws: whether it may draw random numbers, which each run draws anew.

    Raises:
        NotRepeatable: if it reads a value, or draws random numbers without `draws`.

    Example:
        >>> a = torch.ones(2, requires_grad=True)
        >>> tape = Tape(lambda: torch.autograd.grad((a * a).sum(), a))
        >>> with torch.no_grad():
        ...     _ = a.mul_(3)
        >>> tape.run()
        [tensor([6., 6.])]
    """

    def __init__(self, compute: Callable[[], Sequence[Tensor]], draws: bool = False) -> None:
        with recording(), _Recorder(draws) as recorder:
            results = list(compute())
        self._program, self._values = _written(*_simplified(recorder.operations, results))
        self.first = results  # of the recorded run

    def run(self) -> list[Tensor]:
        """Compute again, and return the new results, without gradients."""
        with torch.no_grad():
            return self._program(self._values)


_Operation = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]


class _Recorder(TorchDispatchMode):
    """Notes all operations below differentiation and transforms."""

    def __init__(self, draws: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.draws = draws
        self.operations: list[_Operation] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: nothing is compiled here, and to say so torch would import the compiler."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run an operation and note it."""
        drawing = torch.Tag.nondeterministic_seeded in func.tags and not self.draws
        if drawing or func in _READING:
            raise NotRepeatable(f"{func} cannot be repeated from a record")
        out = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, out))
        return out


def _simplified(
    operations: Sequence[_Operation], results: Sequence[Tensor]
) -> tuple[list[_Operation], list[Tensor]]:
    """The operations without those that give the same tensor, or a view of an input, each time."""
    same: dict[int, Any] = {}
    made: set[int] = set()
    kept: list[_Operation] = []

    def current(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, (list, tuple)):
            return [current(each) for each in value]
        return same.get(id(value), value)

    for func, args, kwargs, out in operations:
        args = tuple(map(current, args))
        kwargs = {key: current(value) for key, value in kwargs.items()}
        if func is _ATEN.detach.default:
            same[id(out)] = args[0]
        elif _is_view(func) and not made & {id(tensor) for tensor in _tensors(args)}:
            same[id(out)] = out.detach()
        else:
            made |= {id(tensor) for tensor in _tensors((out,))}
            kept.append((func, args, kwargs, out))
    return kept, [current(result) for result in results]


def _is_view(func: Any) -> bool:  # noqa: ANN401
    """Whether an operation returns one view of its input, and changes nothing."""
    returns = func._schema.returns
    info = returns[0].alias_info if len(returns) == 1 else None
    return info is not None and not func._schema.is_mutable and str(returns[0].type) == "Tensor"


def _written(
    operations: Sequence[_Operation], results: Sequence[Tensor]
) -> tuple[Callable[[list[Any]], list[Tensor]], list[Any]]:
    """The operations as a function of the values that they do not make, and these values."""
    made: dict[int, str] = {}
    values: list[Any] = []
    known: dict[int, str] = {}

    def name(value: Any) -> str:  # noqa: ANN401
        if id(value) in made:
            return made[id(value)]
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(name, value))}]"
        if value is None or isinstance(value, (bool, int)):
            return repr(value)
        if id(value) not in known:
            known[id(value)] = f"v{len(values)}"
            values.append(getattr(value, "_op", value))  # without a call of Python in between
        return known[id(value)]

    lines = []
    needed = _needed(operations, results)
    ends = _ends(needed, results)
    for place, (func, args, kwargs, out) in enumerate(needed):
        given = [*map(name, args), *(f"{key}={name(value)}" for key, value in kwargs.items())]
        call = f"{name(func)}({', '.join(given)})"
        outs = out if isinstance(out, (list, tuple)) else (out,)
        targets = []
        for each in outs:
            if isinstance(each, Tensor) and id(each) not in known:
                made.setdefault(id(each), f"t{len(made)}")
            targets.append(made.get(id(each), "_"))
        if isinstance(out, Tensor):
            call = f"{targets[0]} = {call}"
        elif outs and isinstance(outs[0], Tensor):
            call = f"{', '.join(targets)}, = {call}"
        lines.append(call)
        # What no later operation reads is freed, so that the next results take its place.
        last = [made[key] for key in ends.get(place, ()) if key in made]
        if last:
            lines.append(f"del {', '.join(last)}")
    returned = f"return [{', '.join(map(name, results))}]"
    unpacked = "".join(f"v{number}, " for number in range(len(values)))
    body = [f"{unpacked}= values"] if values else []
    scope: dict[str, Any] = {}
    code = "\n    ".join(["def program(values):", *body, *lines, returned])
    exec(code, scope)
    program: Callable[[list[Any]], list[Tensor]] = scope["program"]
    return program, values


def _needed(operations: Sequence[_Operation], results: Sequence[Tensor]) -> list[_Operation]:
    """The operations that change a tensor in place, or that a later one or a result needs."""
    wanted = {id(result) for result in results}
    kept = []
    for operation in reversed(operations):
        func, args, kwargs, out = operation
        outs = out if isinstance(out, (list, tuple)) else (out,)
        changes: bool = func._schema.is_mutable  # type: ignore[attr-defined]
        if changes or any(id(each) in wanted for each in outs):
            kept.append(operation)
            wanted |= {id(each) for each in _tensors((args, tuple(kwargs.values())))}
    return kept[::-1]


def _ends(operations: Sequence[_Operation], results: Sequence[Tensor]) -> dict[int, list[int]]:
    """For each operation the tensors, by id, that are read there for the last time."""
    last: dict[int, int] = {}
    for place, (_, args, kwargs, out) in enumerate(operations):
        for tensor in _tensors((args, tuple(kwargs.values()), out)):
            last[id(tensor)] = place
    for result in results:
        last.pop(id(result), None)
    ends: dict[int, list[int]] = {}
    for key, place in last.items():
        ends.setdefault(place, []).append(key)
    return ends


def _tensors(value: Any) -> list[Tensor]:  # noqa: ANN401
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for each in value for tensor in _tensors(each)]
    return []
