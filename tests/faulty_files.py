"""A file system that fails where a test wants it to."""

from __future__ import annotations

import os

from stream.snapshot import Files

STEPS = ("make_folder", "create", "write", "sync", "close", "rename", "sync_folder")


class Killed(BaseException):
    """Stands for the end of the process: nothing after it may touch the disk."""


class FaultyFiles(Files):
    """Fails at the ``at``-th call of one operation, and at all later ones if ``forever``; writes at
    most ``at_once`` bytes a call."""

    def __init__(self, step=None, error=None, *, at=0, forever=False, at_once=None):
        self.step, self.error, self.at, self.forever = step, error, at, forever
        self.at_once = at_once
        self.n_calls = 0
        self.dead = False
        self.calls = []

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name not in dir(Files) or name.startswith("_"):
            return found

        def call(*args):
            self.calls.append(name)
            if self.dead:
                raise Killed
            if name == self.step:
                self.n_calls += 1
                if self.n_calls - 1 == self.at or (self.forever and self.n_calls > self.at):
                    if name == "close":
                        found(*args)
                    if self.error is Killed:
                        self.dead = True
                        raise Killed
                    raise OSError(self.error, os.strerror(self.error))
            return found(*args)

        return call

    def write(self, descriptor, data):
        return super().write(descriptor, data[: self.at_once])
