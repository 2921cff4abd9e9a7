"""Whether the arrays of a state that came from outside can be given to the kernels.

What the elements of an array may be stands beside its axes, and
:func:`stream.engine.arrays.check_state` looks at it; here stands what arrays have to do with each
other. Kernels trust the numbers that they find their way with: a slot out of range would be written
to all the same, a circle of nodes never left. What only makes answers wrong is not looked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.engine import cooccurrence as co
from stream.engine import layout as lay
from stream.engine import network_layout as net
from stream.engine.adwin import LEVELS, Adwins
from stream.engine.cooccurrence import Counts
from stream.engine.expert_mixture import Mixture, MixtureParams
from stream.engine.joint_decoder_layout import MEMORY, UNIT
from stream.engine.joint_decoder_learning import LARGEST_UNIT
from stream.engine.layout import Tree, TreeParams
from stream.engine.mixer_decoder import MixerDecoder, MixerDecoderParams
from stream.engine.scaling import Scaler
from stream.errors import SnapshotError


def require(holds: Any, what: str) -> None:
    """Raise SnapshotError with a sentence about what must hold, unless it does.

    Raises
    ------
    SnapshotError
        When ``holds`` is false, or an array that is not true throughout.
    """
    if not np.all(holds):
        raise SnapshotError(f"the state does not fit together: {what}")


def require_all(numbers: list[int], n: int, what: str) -> None:
    """Raise SnapshotError with a sentence about what must hold, unless the numbers are 0 to ``n`` −
    1, each once; ``n`` may be any number that a file says."""
    require(len(numbers) == n and sorted(numbers) == list(range(len(numbers))), what)


def _within(values: Any, stop: int, what: str, *, start: int = 0) -> None:
    values = np.asarray(values)
    require((values >= start) & (values < stop), f"{what} must be from {start} to {stop - 1}")


def _taken_slots(registers: Any, used: int, free: int, stack: Any, pool: str) -> np.ndarray:
    """Which slots of a pool [slots] are in use: those that were ever taken and not given back."""
    n_used, n_free = int(registers[used]), int(registers[free])
    _within(n_used, len(stack) + 1, f"the number of {pool} used")
    _within(n_free, n_used + 1, f"the number of {pool} given back")
    given_back = stack[:n_free]
    _within(given_back, n_used, f"the {pool} given back")
    taken = np.zeros(len(stack), np.bool_)
    taken[:n_used] = True
    taken[given_back] = False
    require(np.count_nonzero(taken) == n_used - n_free, f"two of the {pool} given back are one")
    return taken


def check_tree(tree: Tree, params: TreeParams, roots: np.ndarray | None = None) -> None:
    """Look at a tree's arrays, whose shapes agree already.

    Parameters
    ----------
    roots
        Roots of the trees that share the arrays; None: the arrays are those of one tree.

    Raises
    ------
    SnapshotError
        When nodes do not hang together as a tree, slots are out of range or held twice, or a
        threshold is not finite.
    """
    registers = tree.registers
    _within(registers[lay.N_LABELS], tree.labels.bias.shape[-1] + 1, "the number of labels")
    require(registers[lay.N_PENDING] == 0, "every change that a row asked for was made")
    _within(registers[lay.FULL], 2, "the mark of a tree that is full")
    nodes = _taken_slots(registers, lay.NODES_USED, lay.NODES_FREE, tree.free_nodes, "nodes")
    leaves = _taken_slots(registers, lay.LEAVES_USED, lay.LEAVES_FREE, tree.free_leaves, "leaves")
    own = registers[[lay.ROOT]]
    if roots is not None and len(roots):
        require(np.isin(own, roots), "the tree worked on last is one of the trees")
        own = roots
    _check_nodes(tree, own, nodes, leaves)
    stats = _taken_slots(registers, lay.STATS_USED, lay.STATS_FREE, tree.free_stats, "statistics")
    weights = _taken_slots(
        registers, lay.WEIGHTS_USED, lay.WEIGHTS_FREE, tree.free_weights, "weights"
    )
    _check_rows_of_leaves(tree.stat_row, leaves, stats, "statistics")
    held = _check_rows_of_leaves(tree.weight_row, leaves, weights, "weights")
    require(
        tree.leaves["n_weights"][leaves] == held[leaves], "a leaf miscounts its rows of weights"
    )
    n_alternates = np.count_nonzero(tree.nodes["alternate"][nodes] != -1)
    require(registers[lay.N_ALTERNATES] == n_alternates, "branches beside nodes are miscounted")
    n_unknown, n_detectors = len(tree.stat_labels.n_unknown), len(tree.adwins.detectors)
    require(
        n_unknown in (0, len(tree.stats)), "statistics of unknown labels are of all rows or none"
    )
    n_models, n_rates = tree.labels.loss.shape[1], tree.labels.bias.shape[1]
    require(
        n_rates == params.n_rates and n_models == lay.LOGISTIC + n_rates,
        "leaves have the models that the parameters ask for",
    )
    n_terms = tree.stat_labels.nb_terms.shape[1]
    require(
        n_terms == lay.N_TERMS or (n_terms == 0 and not params.use_naive_bayes),
        "statistics hold the terms of naive Bayes",
    )
    require(
        n_detectors == (len(tree.nodes) if params.drift_detection else 0),
        "there is a detector for each node, or none at all",
    )
    _check_leaves(tree, params, leaves)
    _check_statistics(tree)
    check_adwins(tree.adwins)


def _check_leaves(tree: Tree, params: TreeParams, taken: np.ndarray) -> None:
    """No leaf has more rows with a label than rows.

    Rows are estimated where a leaf was split, so that a little is left to rounding.
    """
    labels, leaves = tree.labels, tree.leaves[taken]
    for rows, present, unknown in (
        (leaves["n_rows"], labels.n_present[taken], labels.n_unknown[taken]),
        (leaves["stat_rows"], labels.stat_present[taken], labels.stat_unknown[taken]),
    ):
        room = rows + 1e-6 + 1e-12 * rows
        require(present + unknown <= room[:, None], "a leaf has more rows with a label than rows")
        if params.single_label:
            require(present.sum(axis=1) <= room, "a row of a leaf has one class")


def _check_statistics(tree: Tree) -> None:
    """The statistics of a feature in a leaf count no more rows than the leaf does, and their sums
    are such as finite values have."""
    labels, leaves = tree.stat_labels, tree.leaves
    leaf, feature = np.nonzero(tree.stat_row >= 0)
    row = tree.stat_row[leaf, feature]
    stats = tree.stats[row]
    require(
        stats["n"] + stats["n_missing"] <= leaves["stat_rows"][leaf],
        "a feature has more values in a leaf than the leaf has rows",
    )
    require(
        np.isfinite(tree.shift[feature][stats["n"] > 0.0]), "a feature with values has a first one"
    )
    present = labels.n_present[row].astype(np.float64)
    require(present <= tree.labels.stat_present[leaf], "a leaf has the labels of its features")
    sums = [(present, labels.sum_present[row], labels.square_present[row])]
    in_all = present
    if len(labels.n_unknown):
        unknown = labels.n_unknown[row].astype(np.float64)
        require(unknown <= tree.labels.stat_unknown[leaf], "a leaf has the labels of its features")
        sums.append((unknown, labels.sum_unknown[row], labels.square_unknown[row]))
        in_all = present + unknown
    require(in_all <= stats["n"][:, None], "a feature has more values with a label than values")
    whole = stats["square"]
    _check_sums(stats["n"], stats["total"], whole, whole)
    for n, total, square in sums:
        _check_sums(n, total, square, whole[:, None])


def _check_sums(n: np.ndarray, total: np.ndarray, square: np.ndarray, whole: np.ndarray) -> None:
    """Sums of values and of their squares are finite where the sum of all squares is ``whole``, no
    square is larger, and no sum larger than its square allows (Cauchy and Schwarz).

    Sums of many numbers are rounded, and squares of small ones are 0.
    """
    whole, more = np.broadcast_to(whole, square.shape), 1.0 + 1e-6
    require(whole >= 0.0, "sums of squares are not negative")
    known = np.isfinite(whole)
    n, total, square, whole = n[known], total[known], square[known], whole[known]
    require(np.isfinite(total) & np.isfinite(square), "sums of finite values are finite")
    require((square >= 0.0) & (square <= whole * more), "a part has no larger sum than the whole")
    largest = np.sqrt(n) * np.sqrt(square) * more + n * 1e-150
    require(np.abs(total) <= largest, "a sum of values fits their squares")


def _check_nodes(
    tree: Tree, roots: np.ndarray, taken: np.ndarray, taken_leaves: np.ndarray
) -> None:
    """From the roots, every node is met once: no circle, no node with two parents, none forgotten.

    Branches that grow beside a node are met from that node.
    """
    nodes, n_nodes = tree.nodes, len(tree.nodes)
    level = roots
    _within(level, n_nodes, "the root")
    require(nodes["parent"][level] == -1, "the root has no parent")
    met = np.zeros(n_nodes, np.bool_)
    met_leaves = np.zeros(len(tree.leaves), np.bool_)
    while len(level):
        require(taken[level], "a node hangs in the tree that is not in use")
        require(len(np.unique(level)) == len(level) and not met[level].any(), "nodes form a circle")
        met[level] = True
        inner = level[nodes["feature"][level] >= 0]
        ends = level[nodes["feature"][level] < 0]
        _within(nodes["feature"][inner], len(tree.shift), "the feature of a node")
        require(np.isfinite(nodes["threshold"][inner]), "a threshold must be finite")
        require(nodes["leaf"][inner] == -1, "an inner node holds no leaf")
        slots = nodes["leaf"][ends]
        _within(slots, len(taken_leaves), "the leaf of a node")
        require(taken_leaves[slots], "a node holds a leaf that is not in use")
        require(tree.leaves["node"][slots] == ends, "a leaf belongs to another node")
        met_leaves[slots] = True
        below = []
        for side in ("left", "right"):
            children = nodes[side][inner]
            _within(children, n_nodes, "the child of a node")
            require(nodes["parent"][children] == inner, "a child has another parent")
            require(
                nodes["depth"][children] == nodes["depth"][inner] + 1, "a child lies one deeper"
            )
            below.append(children)
        tops = nodes["alternate"][level]
        tops = tops[tops != -1]
        _within(tops, n_nodes, "the branch beside a node")
        require(nodes["parent"][tops] == -1, "a branch beside a node has no parent")
        level = np.concatenate([*below, tops])
    require(met == taken, "a node is in use that does not hang in the tree")
    require(met_leaves == taken_leaves, "a leaf is in use that no node holds")
    others = tree.leaves["node"][~taken_leaves][: int(tree.registers[lay.LEAVES_FREE])]
    require(others == -1, "a leaf that was given back has a node")


def _check_rows_of_leaves(
    row_of: np.ndarray, leaves: np.ndarray, taken: np.ndarray, what: str
) -> np.ndarray:
    """The rows that leaves [leaves, features] hold in a pool, each once; returns how many each leaf
    holds."""
    held = row_of >= 0
    _within(row_of, len(taken), f"the row of a leaf's {what}", start=-1)
    require(~held[~leaves], f"a leaf that is not in use holds {what}")
    rows = row_of[held]
    require(taken[rows], f"a leaf holds {what} that are not in use")
    require(
        len(np.unique(rows)) == len(rows) == np.count_nonzero(taken), f"{what} are held just once"
    )
    return held.sum(axis=1)


def check_adwins(adwins: Adwins) -> None:
    """Look at detectors.

    Raises
    ------
    SnapshotError
        When the buckets of a detector are not those of its window.
    """
    n_levels = np.maximum(adwins.detectors["n_levels"].astype(np.int64), 1)
    _within(n_levels, LEVELS + 1, "the levels of a detector", start=1)
    above = np.arange(LEVELS) >= n_levels[:, None]
    require(adwins.n_buckets[above] == 0, "a detector has buckets above its levels")
    top = adwins.n_buckets[np.arange(len(n_levels)), n_levels - 1]
    require((top > 0) | (n_levels == 1), "the highest level of a detector is empty")
    width = adwins.n_buckets.astype(np.int64) @ (1 << np.arange(LEVELS))
    require(adwins.detectors["width"] == width, "the buckets of a detector make up its window")


def check_scaler(scaler: Scaler) -> None:
    """Look at the statistics that rows are scaled with.

    Raises
    ------
    SnapshotError
        When the common features are not listed once each, ascending.
    """
    n_features = len(scaler.common)
    common = scaler.common[: scaler.n_common[0]]
    require(np.diff(common) > 0, "common features stand in ascending order")
    marked = np.zeros(n_features, np.uint8)
    marked[common] = 1
    require(scaler.n + scaler.n_missing <= scaler.n_rows[0], "a feature has more values than rows")
    require(scaler.is_common == marked, "a feature is common that is not listed, or not the two")


def check_counts(counts: Counts, n_labels: int) -> None:
    """Look at the counts of labels and pairs.

    Raises
    ------
    SnapshotError
        When pairs are neither a triangle of the labels nor a list that its hash table fits.
    """
    capacity, n_pairs = len(counts.labels), int(counts.registers[co.N_PAIRS])
    _within(n_labels, capacity + 1, "the number of labels")
    for rows in (counts.labels, counts.triangle, counts.pairs):
        require(rows <= counts.registers[co.N_ROWS], "rows with a label are not more than all rows")
    if len(counts.keys) == 0:
        require(len(counts.triangle) == capacity * (capacity - 1) // 2, "pairs form a triangle")
        return
    require(len(counts.triangle) == 0, "pairs stand in a triangle or in a list")
    n_slots = len(counts.slots)
    require(n_slots & (n_slots - 1) == 0, "the slots of the list are a power of two")
    require(n_slots > len(counts.keys), "a hash table has room to spare")
    _within(n_pairs, len(counts.keys) + 1, "the number of pairs")
    _within(counts.slots, n_pairs, "the pair of a slot", start=co.EMPTY)
    listed = counts.slots[counts.slots != co.EMPTY]
    require(len(np.unique(listed)) == len(listed) == n_pairs, "each pair has one slot")
    second, first = np.divmod(counts.keys[:n_pairs], co.KEY_BASE)
    require((first >= 0) & (first < second) & (second < capacity), "a pair is of two labels")


def check_network(network: net.Network, params: net.NetworkParams) -> None:
    """Look at a network's arrays, whose shapes agree already.

    Raises
    ------
    SnapshotError
        When there are more inputs or outputs than room, or the mini-batch is longer than it gets.
    """
    registers, weights = network.registers, network.weights
    n_outputs, n_batch = int(registers[net.N_OUTPUTS]), int(registers[net.BATCH_ROWS])
    _within(registers[net.N_FEATURES], len(network.feature_born) + 1, "the number of inputs")
    _within(n_outputs, len(network.output_born) + 1, "the number of outputs")
    for born in (network.feature_born, network.output_born):
        require(born <= registers[net.STEPS], "nothing in a network is younger than its last step")
    in_use = np.count_nonzero(network.output_born[:n_outputs] >= 0)
    require(registers[net.N_IN_USE] == in_use, "outputs in use are miscounted")
    require(0 <= n_batch < max(params.batch_rows, 1), "the mini-batch is too long")
    hidden, second = weights.second.shape
    require(weights.output.shape[1] == (second or hidden), "outputs stand on the layer below them")


def check_mixture(mixture: Mixture, params: MixtureParams, n_trees: int, n_outputs: int) -> None:
    """Look at what a mixture keeps of its experts and classes.

    Raises
    ------
    SnapshotError
        When there is not one tree for each expert, or an output is not one of the router's.
    """
    n_labels = int(mixture.n_labels[0])
    _within(n_labels, len(mixture.class_output) + 1, "the number of classes")
    require(len(mixture.expert_output) == n_trees, "each expert has a tree")
    require(not params.task or n_trees == n_labels, "each class has an expert")
    _within(mixture.expert_output, n_outputs, "the output of an expert", start=-1)
    if params.class_head:
        _within(mixture.class_output[:n_labels], n_outputs, "the output of a class")


def check_units(unit: Any, rows: Any, some: Any) -> None:
    """Look at decayed counts: a row counts ``unit`` now, those before ever less.

    Raises
    ------
    SnapshotError
        When there are more rows than a decoder remembers, or more of a kind than rows.
    """
    most = (MEMORY + 1.0) * np.asarray(unit)
    require((unit >= 1.0) & (unit <= 2.0 * LARGEST_UNIT), "a row counts something")
    require(rows <= most, "a decoder remembers fewer rows")
    require(some <= rows + 1e-9 * most, "some rows are not more than all rows")


def check_mixer_decoder(state: MixerDecoder, params: MixerDecoderParams, n_labels: int) -> None:
    """Look at the arrays of a mixer and a decoder, whose shapes agree already.

    Raises
    ------
    SnapshotError
        When a label is in a cluster that there is not, or a label set has members that there are
        not.
    """
    mixer, decoder = state.mixer, state.decoder
    n_tables, n_sets, width = decoder.members.shape
    _within(mixer.group[:n_labels], len(mixer.weight), "the group of a label")
    _within(decoder.table[:n_labels], n_tables, "the table of a label", start=1)
    require(n_sets == params.decoder.max_sets, "there is room for the label sets")
    require(mixer.n_present <= mixer.n_known, "a label is present in rows where it is known")
    check_units(decoder.registers[[UNIT]], decoder.n_known, decoder.n_present)
    check_units(decoder.registers[[UNIT]], decoder.n_rows, decoder.n_new)
    check_units(decoder.registers[[UNIT]], decoder.n_rows[:, None], decoder.times)
    used = np.arange(n_sets) < decoder.n_sets[:, None]
    member = np.arange(width) < decoder.size[..., None]
    _within(decoder.members[member & used[..., None]], n_labels, "a member of a label set")
