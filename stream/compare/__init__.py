"""Models compared on streams: values, ranks, tests of them, and figures."""

from stream.compare.comparing import Comparison, Run, compare

__all__ = ["Comparison", "Run", "compare"]
