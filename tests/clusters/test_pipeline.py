from __future__ import annotations

import functools
import itertools
import threading

import numpy as np
import pytest

from stream.clusters.pipeline import MOST_EVENTS, in_one, piece_ends, run_stages


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("n_pieces", [0, 1, 2, 7])
def test_every_stage_does_the_pieces_in_order_after_the_stage_before(n_pieces, n_threads):
    done = [[], [], []]

    def stage(number):
        def divide(piece):
            def part(place):
                assert number == 0 or done[number - 1].count(piece) == number
                done[number].append(piece)

            return [functools.partial(part, place) for place in range(number + 1)]

        return divide

    run_stages([stage(number) for number in range(3)], n_pieces, n_threads)
    for number, pieces in enumerate(done):
        assert pieces == [piece for piece in range(n_pieces) for _ in range(number + 1)]


def test_stages_work_side_by_side():
    # Each waits for the other, so that one after the other would never end.
    met = threading.Barrier(2, timeout=60)

    def early(piece):
        if piece == 1:
            met.wait()

    def late(piece):
        if piece == 0:
            met.wait()

    run_stages([in_one(early), in_one(late)], 2, 2)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_error_of_a_stage_is_raised(n_threads):
    def fails(piece):
        raise ValueError(f"piece {piece}")

    with pytest.raises(ValueError, match="piece 0"):
        run_stages([in_one(fails), in_one(lambda piece: None)], 3, n_threads)


@pytest.mark.parametrize("learns", ["01", "0", "1", "001", "0011"])
def test_pieces_cover_all_events_and_keep_a_row_with_its_prediction(learns):
    pattern = np.array([int(each) for each in learns], np.uint8)
    events = np.resize(pattern, 5 * MOST_EVENTS + 7)
    ends = piece_ends(events)
    assert ends[-1] == len(events)
    assert all(a < b for a, b in itertools.pairwise(ends))
    assert max(np.diff([0, *ends])) <= MOST_EVENTS + 2
    for end in ends[:-1]:
        assert not (events[end - 1] == 0 and events[end] == 1)
