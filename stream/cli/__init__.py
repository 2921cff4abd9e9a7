"""The command ``drifthomer``, a file for each of its commands."""

from stream.cli.program import cli, main

__all__ = ["cli", "main"]
