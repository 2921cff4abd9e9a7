"""The file that says in which order partitions were learnt."""

import stat

import pytest

from stream.kafka.clients.interface import TopicPartition
from stream.kafka.errors import OffsetError
from stream.kafka.recovery.recorded_order import OrderFile, Run


def test_only_the_owner_reads_the_order(tmp_path):
    order = OrderFile(tmp_path / "a.order")
    order.append([Run(TopicPartition("rows", 0), 3, 5)])
    order.close()
    assert stat.S_IMODE((tmp_path / "a.order").stat().st_mode) == 0o600


def test_a_planted_link_is_refused(tmp_path):
    """A link with the name of the order: what it leads to was written to, or cut."""
    other = tmp_path / "other"
    other.write_text("somebody else's")
    (tmp_path / "a.order").symlink_to(other)
    with pytest.raises(OffsetError, match=r"a\.order must be a plain file. It is a link"):
        OrderFile(tmp_path / "a.order")
    assert other.read_text() == "somebody else's"
