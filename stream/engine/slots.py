"""Slots of the pools that trees take room from.

One is taken from the stack of those given back, else from the part that was never used.
"""

from __future__ import annotations

from stream.engine.jit import inlined


@inlined
def take(registers, used, free, stack):
    """A slot of a pool, -1 when there is none; ``used`` and ``free`` are its registers, ``stack``
    its free slots."""
    if registers[free] > 0:
        registers[free] -= 1
        return stack[registers[free]]
    if registers[used] < len(stack):
        registers[used] += 1
        return registers[used] - 1
    return -1


@inlined
def give_back(registers, free, stack, slot):
    """Return a slot to its pool."""
    stack[registers[free]] = slot
    registers[free] += 1


@inlined
def n_left(registers, used, free, stack):
    """Slots that can still be taken."""
    return len(stack) - registers[used] + registers[free]
