"""From rows to clusters and back: what is asked and taught, sorted by cluster; what was answered,
sorted by event. Both keep the order of rows inside."""

from __future__ import annotations

from stream.engine.events import follows
from stream.engine.jit import inlined, kernel
from stream.engine.label_cluster_layout import TRUE, UNKNOWN_TRUTH


@kernel
def count_clusters(asked, n_pairs, start):
    """Fill ``start`` [clusters + 1] with the first pair of each cluster, sorted by clusters."""
    for cluster in range(len(start)):
        start[cluster] = 0
    for pair in range(n_pairs):
        start[asked.cluster[pair] + 1] += 1
    for cluster in range(1, len(start)):
        start[cluster] += start[cluster - 1]


@kernel
def sort_by_cluster(asked, n_events, start, rows, pair_of):
    """Sort pairs (event, cluster) by clusters.

    Parameters
    ----------
    start
        [clusters + 1] from :func:`count_clusters`; afterwards where the pairs of each end.
    pair_of
        [pairs] place of each in ``rows``, in place.
    """
    for event in range(n_events):
        for i in range(asked.start[event], asked.start[event + 1]):
            pair = start[asked.cluster[i]]
            start[asked.cluster[i]] += 1
            rows.event[pair] = event
            rows.probability[pair] = asked.probability[i]
            rows.asked[pair] = asked.asked[i]
            rows.weight[pair] = asked.weight[i]
            pair_of[i] = pair


@kernel
def _mark(asked, event, pair_of, place):
    for i in range(asked.start[event], asked.start[event + 1]):
        place[asked.cluster[i]] = pair_of[i]


@kernel
def _unmark(asked, event, place):
    for i in range(asked.start[event], asked.start[event + 1]):
        place[asked.cluster[i]] = -1


@inlined
def _hinted(placement, hints, i, place, rows, again):
    """The pair that a hint is for, or -1; ``again``: it was for the event before, too, and clusters
    that were asked then have answered."""
    pair = place[placement.cluster[hints.label[i]]]
    return -1 if pair >= 0 and again and rows.asked[pair] else pair


@kernel
def count_details(asked, events, placement, hints, y, u, pair_of, rows, place):
    """Count the hints that each pair needs, and its truths, into ``rows.hint[pair + 1]`` and
    ``rows.truth[pair + 1]``, and add them up; ``place`` [clusters] is -1 before and after."""
    for pair in range(len(rows.hint)):
        rows.hint[pair] = 0
        rows.truth[pair] = 0
    for event in range(len(events.row)):
        _mark(asked, event, pair_of, place)
        again = follows(events, event)
        for i in range(hints.start[event - again], hints.start[event - again + 1]):
            pair = _hinted(placement, hints, i, place, rows, again)
            if pair >= 0:
                rows.hint[pair + 1] += 1
        if events.learns[event]:
            row = events.row[event]
            for i in range(y[0][row], y[0][row + 1]):
                rows.truth[place[placement.cluster[y[1][i]]] + 1] += 1
            for i in range(u[0][row], u[0][row + 1]):
                rows.truth[place[placement.cluster[u[1][i]]] + 1] += 1
        _unmark(asked, event, place)
    for pair in range(1, len(rows.hint)):
        rows.hint[pair] += rows.hint[pair - 1]
        rows.truth[pair] += rows.truth[pair - 1]


@kernel
def _put_truth(placement, label, value, place, filled, rows):
    pair = place[placement.cluster[label]]
    at = rows.truth[pair] + filled[pair]
    filled[pair] += 1
    rows.truth_column[at] = placement.column[label]
    rows.truth_value[at] = value


@kernel
def fill_details(asked, events, placement, hints, y, u, pair_of, rows, place, n_hints, n_truths):
    """Write the hints and the truths of each pair, in the columns of its cluster.

    Parameters
    ----------
    n_hints, n_truths
        [pairs] room to work in, zero before.
    """
    for event in range(len(events.row)):
        _mark(asked, event, pair_of, place)
        again = follows(events, event)
        for i in range(hints.start[event - again], hints.start[event - again + 1]):
            pair = _hinted(placement, hints, i, place, rows, again)
            if pair >= 0:
                at = rows.hint[pair] + n_hints[pair]
                n_hints[pair] += 1
                rows.hint_column[at] = placement.column[hints.label[i]]
                rows.hint_place[at] = i
        if events.learns[event]:
            row = events.row[event]
            for i in range(y[0][row], y[0][row + 1]):
                _put_truth(placement, y[1][i], TRUE, place, n_truths, rows)
            for i in range(u[0][row], u[0][row + 1]):
                _put_truth(placement, u[1][i], UNKNOWN_TRUTH, place, n_truths, rows)
        _unmark(asked, event, place)


@kernel
def sort_by_event(asked, n_events, pair_of, output, listed):
    """Collect what clusters answered to each event, in the order in which they were asked."""
    at = 0
    for event in range(n_events):
        listed.start[event] = at
        listed.log_absent[event] = 0.0
        listed.base_rates[event] = 0.0
        listed.log_base_absent[event] = 0.0
        for i in range(asked.start[event], asked.start[event + 1]):
            pair = pair_of[i]
            if asked.asked[i] == 0 or output.n[pair] < 0:
                continue
            listed.log_absent[event] += output.log_absent[pair]
            listed.base_rates[event] += output.base_rates[pair]
            listed.log_base_absent[event] += output.log_base_absent[pair]
            for j in range(output.first[pair], output.first[pair] + output.n[pair]):
                listed.label[at] = output.label[j]
                listed.probability[at] = output.probability[j]
                at += 1
    listed.start[n_events] = at
