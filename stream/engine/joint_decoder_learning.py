"""What the joint decoder keeps of the rows: label sets and their counts, which fade."""

from __future__ import annotations

from stream.engine.jit import inlined, kernel
from stream.engine.joint_decoder import f1_threshold
from stream.engine.joint_decoder_layout import (
    ANSWERED,
    ANSWERED_PRESENT,
    ANSWERED_RIGHT,
    COMPOSED_EXPECTED,
    COMPOSED_RIGHT,
    COUNTED,
    MAX_PIECES,
    MEMORY,
    N_REGISTERS,
    NO_COMPOSED,
    PREDICTED,
    PRESENT,
    TRUE_POSITIVE,
    UNIT,
)
from stream.engine.label_mixer import UNKNOWN

LARGEST_UNIT = 1e12


@inlined
def set_key(members, n):
    """A number that different label sets hardly ever share."""
    key = n + 1
    for i in range(n):
        key = (key * 1000003 + int(members[i]) + 7) & 0xFFFFFFFFFFFF
    return key


@inlined
def _find(decoder, table, members, n, key):
    """Place of a label set in a table, or -1."""
    for s in range(decoder.n_sets[table]):
        if decoder.key[table, s] == key and decoder.size[table, s] == n:
            same = True
            for i in range(n):
                if decoder.members[table, s, i] != members[i]:
                    same = False
                    break
            if same:
                return s
    return -1


@inlined
def _count_set(decoder, table, members, n, max_sets):
    """Count a label set; where there is no room, it takes the place of the rarest."""
    unit = decoder.registers[UNIT]
    decoder.n_rows[table] += unit
    key = set_key(members, n)
    s = _find(decoder, table, members, n, key)
    if s >= 0:
        decoder.times[table, s] += unit
        return
    decoder.n_new[table] += unit
    if n > decoder.members.shape[2]:
        return
    n_sets = decoder.n_sets[table]
    if n_sets < max_sets:
        s = n_sets
        decoder.n_sets[table] += 1
    else:
        s = 0
        for other in range(1, n_sets):
            if decoder.times[table, other] < decoder.times[table, s]:
                s = other
    decoder.times[table, s] = unit
    decoder.key[table, s] = key
    decoder.size[table, s] = n
    for i in range(n):
        decoder.members[table, s, i] = members[i]


@inlined
def _learn_sets(decoder, params, truth, n_labels, scratch):
    n_tables = len(decoder.n_sets)
    for table in range(n_tables):
        scratch.sizes[table] = 0
    for label in range(n_labels):
        if truth[label] == 1:
            table = decoder.table[label]
            scratch.pieces[table, scratch.sizes[table]] = label
            scratch.sizes[table] += 1
            scratch.pieces[0, scratch.sizes[0]] = label
            scratch.sizes[0] += 1
    for table in range(n_tables):
        limit = params.max_sets if table == 0 else min(params.max_sets, MAX_PIECES)
        _count_set(decoder, table, scratch.pieces[table], scratch.sizes[table], limit)


@inlined
def _judge_composed(decoder, truth, n_labels, scratch):
    """Count whether the composed set was the true one."""
    p, candidate, n_present, common = scratch.composed_p[0], scratch.composed[0], 0, 0
    if p == NO_COMPOSED:
        return
    size, unit = scratch.candidate_size[candidate], decoder.registers[UNIT]
    for label in range(n_labels):
        n_present += truth[label]
    for i in range(size):
        common += truth[scratch.candidate[candidate, i]]
    decoder.registers[COMPOSED_EXPECTED] += unit * p
    decoder.registers[COMPOSED_RIGHT] += unit * (common == size and n_present == size)


@kernel
def _begin_units(decoder):
    """Express all counts in rows of today."""
    unit = decoder.registers[UNIT]
    for table in range(len(decoder.n_sets)):
        decoder.n_rows[table] /= unit
        decoder.n_new[table] /= unit
        for s in range(decoder.n_sets[table]):
            decoder.times[table, s] /= unit
    for label in range(len(decoder.n_known)):
        decoder.n_known[label] /= unit
        decoder.n_present[label] /= unit
        for what in range(3):
            decoder.achieved[label, what] /= unit
    for place in range(1, N_REGISTERS):
        decoder.registers[place] /= unit
    decoder.registers[UNIT] = 1.0


@inlined
def learn_decoder(decoder, params, truth, n_labels, decided, scratch):
    """Count a row; ``scratch`` holds what was predicted for it.

    Parameters
    ----------
    truth
        [labels] 0 absent, 1 present, UNKNOWN.
    decided
        [labels] 1: answered.
    """
    registers = decoder.registers
    unit, complete = registers[UNIT], True
    registers[COUNTED] += unit
    for label in range(n_labels):
        value = truth[label]
        if value == UNKNOWN:
            complete = False
            continue
        registers[ANSWERED] += unit * decided[label]
        registers[ANSWERED_RIGHT] += unit * (decided[label] & value)
        registers[ANSWERED_PRESENT] += unit * value
        predicted = scratch.marginal[label] > f1_threshold(decoder, label)
        achieved = decoder.achieved[label]
        achieved[TRUE_POSITIVE] += unit * (predicted and value == 1)
        achieved[PREDICTED] += unit * predicted
        achieved[PRESENT] += unit * value
        decoder.n_known[label] += unit
        decoder.n_present[label] += unit * value
    if complete:
        _judge_composed(decoder, truth, n_labels, scratch)
        _learn_sets(decoder, params, truth, n_labels, scratch)
    registers[UNIT] = unit / (1.0 - 1.0 / MEMORY)
    if registers[UNIT] > LARGEST_UNIT:
        _begin_units(decoder)
