"""The decoder of label sets over the clusters that were asked, with the room that it needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.clusters.call import CallRows, Scratch, Segment, roomier, state_bytes
from stream.clusters.checking import check_set_decoder
from stream.engine import set_decoder as sd
from stream.engine.arrays import Int32Array, allocate, resize
from stream.engine.growth import column_capacity, power_of_two
from stream.engine.joint_decoder_layout import UNIT, DecoderParams
from stream.engine.set_decoder import Answers, Listed, SetDecoder, SetDecoderScratch
from stream.engine.set_decoder_learning import DecoderWork, decode


class ClusterDecoder:
    """Chooses the label set that is answered.

    Parameters
    ----------
    params
        What the kernels need to know.
    """

    def __init__(self, params: DecoderParams):
        self.params = params
        sizes = {"labels": 4, "sets": params.max_sets, "width": 4}
        self.state = allocate(SetDecoder, sizes)
        self.state.registers[UNIT] = 1.0
        self._scratch = Scratch(SetDecoderScratch)

    def __getstate__(self) -> dict[str, Any]:
        return {"params": self.params, "state": self.state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._scratch = Scratch(SetDecoderScratch)

    def check_restored(self) -> None:
        """Raise SnapshotError unless the kernels can work with the arrays."""
        check_set_decoder(self.state, self.params.max_sets)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return state_bytes(self.state)

    def add_labels(self, n_labels: int) -> None:
        """Have room for so many labels."""
        self._resize({"labels": column_capacity(n_labels)})

    def _resize(self, sizes: dict[str, int]) -> None:
        sets, width = self.state.members.shape
        now = {"labels": len(self.state.n_present), "sets": sets, "width": width}
        self.state = resize(self.state, now | sizes)

    def decode(
        self,
        segment: Segment,
        rows: CallRows,
        missed: Int32Array,
        listed: Listed,
        answers: Answers,
        answered: bool,
    ) -> Answers:
        """Answer and learn the events.

        Parameters
        ----------
        missed
            [events] present labels whose cluster was not asked.
        answered
            Whether rows are answered; else they are only learnt.
        """
        learnt = segment.learnt
        largest = int((rows.y[0][learnt + 1] - rows.y[0][learnt]).max(initial=0))
        if largest > self.state.members.shape[1]:
            self._resize({"width": column_capacity(largest)})
        sets, width = self.state.members.shape
        row_listed = int(np.diff(listed.start).max(initial=0))
        scratch = self._scratch.of(
            {
                "labels": len(self.state.n_present),
                "row_listed": power_of_two(row_listed),
                "sets": sets,
                "width": width,
            }
        )
        work = DecoderWork(
            segment.events, rows.y, rows.u, missed, segment.n_known, listed, answered
        )
        event = 0
        while True:
            code, event = decode(
                self.state, self.params, work, event, self.params.max_sets, answers, scratch
            )
            if code == sd.DONE:
                return answers
            answers = roomier(answers, ("label", "probability", "present"), row_listed + width)


def new_answers(n_rows: int) -> Answers:
    """Answers to so many rows, none of them written."""
    return allocate(Answers, {"rows1": n_rows + 1, "answers": 8 * n_rows + 1_000})
