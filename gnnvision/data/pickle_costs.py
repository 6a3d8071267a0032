"""What it would cost to hash the tuples of a pickle, found without making them."""

from __future__ import annotations

from pickletools import OpcodeInfo, markobject

__all__ = ["KeyCosts"]

_MOST = 10_000  # places of a tuple, counted through those inside it
_MEMORIZE = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_RECALL = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TUPLES = frozenset({"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"})


class KeyCosts:
    """Follows the stack of a pickle's program, with the size of each tuple in place of it.

    A tuple is hashed through all that it holds, again and again what it holds twice: fifty pairs,
    each of the pair before it, have 2^50 places in a hundred bytes.
    """

    def __init__(self) -> None:
        self._stack: list[int | None] = []  # None for a mark
        self._memo: dict[int, int] = {}

    def step(self, opcode: OpcodeInfo, argument: object) -> None:
        """One more operation.

        Raises:
            ValueError: it makes a tuple too large, or the stack does not hold what it takes.
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
            if size > _MOST:
                raise ValueError(f"a tuple of more than {_MOST} places")
            stack.append(size)
            return
        stack += [None if kind is markobject else 1 for kind in opcode.stack_after]

    def _top(self) -> int:
        top = self._stack[-1] if self._stack else None
        if top is None:
            raise ValueError("nothing is on the stack")
        return top

    def _take(self, opcode: OpcodeInfo) -> list[int]:
        """Take off the stack what an operation does; the sizes of what was above a mark."""
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
            raise ValueError("no mark is on the stack")
        stack.pop()
        below = before.index(markobject) if markobject in before else 0
        if len(stack) < below:
            raise ValueError("the stack is too short")
        del stack[len(stack) - below :]
        return [size or 1 for size in taken]
