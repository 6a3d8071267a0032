"""The cost of hashing the tuples in a pickle, computed without creating them."""

from __future__ import annotations

from pickletools import OpcodeInfo, markobject

__all__ = ["KeyCosts"]

_MAX_SIZE = 10_000  # items of a tuple, including those of nested tuples
_MEMORIZE = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_RECALL = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TUPLES = frozenset({"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"})


class KeyCosts:
    """Simulates the stack of a pickle's program, with the size of each tuple instead of it.

    Hashing a tuple visits all nested items, also repeatedly: fifty nested pairs, each with the
    previous pair twice, have 2^50 items in a hundred bytes.
    """

    def __init__(self) -> None:
        self._stack: list[int | None] = []  # None for a mark
        self._memo: dict[int, int] = {}

    def step(self, opcode: OpcodeInfo, argument: object) -> None:
        """Process one operation.

        Raises:
            ValueError: A tuple is too large, or the stack lacks the operands.
        """
        name, stack = opcode.name, self._stack
        if name in _MEMORIZE:
            place = len(self._memo) if name == "MEMOIZE" else int(str(argument))
            self._memo[place] = self._top()
            return
        if name in _RECALL:
            stack.append(self._memo.get(int(str(argument)), 1))
            return
        if name == "DUP":
            stack.append(self._top())
            return
        taken = self._take(opcode)
        if name in _TUPLES:
            size = 1 + sum(taken)
            if size > _MAX_SIZE:
                raise ValueError(f"a tuple of more than {_MAX_SIZE} items")
            stack.append(size)
            return
        stack += [None if kind is markobject else 1 for kind in opcode.stack_after]

    def _top(self) -> int:
        top = self._stack[-1] if self._stack else None
        if top is None:
            raise ValueError("the stack is empty")
        return top

    def _take(self, opcode: OpcodeInfo) -> list[int]:
        """Pop the operands of an operation from the stack; returns their sizes."""
        stack, before = self._stack, opcode.stack_before
        to_mark = markobject in before or (opcode.name == "POP" and stack[-1:] == [None])
        if not to_mark:
            if len(stack) < len(before):
                raise ValueError("the stack is too short")
            taken = stack[len(stack) - len(before) :]
            del stack[len(stack) - len(before) :]
            return [size or 1 for size in taken]
        taken = []
        while stack and stack[-1] is not None:
            taken.append(stack.pop())
        if not stack:
            raise ValueError("the stack has no mark")
        stack.pop()
        below = before.index(markobject) if markobject in before else 0
        if len(stack) < below:
            raise ValueError("the stack is too short")
        del stack[len(stack) - below :]
        return [size or 1 for size in taken]
