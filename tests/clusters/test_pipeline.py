from __future__ import annotations

import functools
import itertools
import os
import threading
import time

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


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_an_error_in_dividing_a_piece_is_raised(n_threads):
    """A helper that fails before it has a task, for which the others wait for ever."""

    def divide(piece):
        if piece == 2:
            raise ValueError("nothing to divide")
        return [functools.partial(time.sleep, 0.001)] * 3

    with pytest.raises(ValueError, match="nothing to divide"):
        run_stages([in_one(lambda piece: None), divide], 5, n_threads)


def test_calls_do_not_wait_for_the_helpers_of_others():
    """Two models in two threads of a service, with one helper for both."""
    first_is_at_work, second_is_done = threading.Event(), threading.Event()

    def long(piece):
        first_is_at_work.set()
        assert second_is_done.wait(60)

    stages = [lambda piece: [functools.partial(long, piece)] * 2]
    first = threading.Thread(target=run_stages, args=(stages, 1, 2))
    first.start()
    assert first_is_at_work.wait(60)
    run_stages([lambda piece: [lambda: None] * 4], 3, 2)
    second_is_done.set()
    first.join(60)
    assert not first.is_alive()


def test_a_forked_process_has_threads_of_its_own():
    """The threads of the parent, which are not there: tasks that wait for each other never end."""
    run_stages([lambda piece: [lambda: None] * 4], 3, 2)
    child = os.fork()
    if child == 0:
        met = threading.Barrier(2, timeout=60)
        run_stages([lambda piece: [lambda: met.wait() and None] * 2], 1, 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


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
