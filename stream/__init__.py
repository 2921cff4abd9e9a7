"""Online multi-label learning on streams that drift."""

from stream._version import __version__

__all__ = ["__version__"]
