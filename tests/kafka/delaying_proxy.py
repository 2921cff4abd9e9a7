"""A slow network between a broker and its clients."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time


class DelayingProxy:
    """Hands on everything that comes at one port to another one, late.

    Parameters
    ----------
    port, target
        Where clients connect, and where the broker listens; both on this machine.
    seconds
        The least and the most that a piece is held back, each way.
    """

    def __init__(self, port: int, target: int, seconds: tuple[float, float], seed: int = 0):
        self._target = target
        self._seconds = seconds
        self._random = random.Random(seed)
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                broker = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, broker]
                for pair in ((client, broker), (broker, client)):
                    threading.Thread(target=self._hand_on, args=pair, daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                time.sleep(self._random.uniform(*self._seconds))
                sink.sendall(piece)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break all connections; new ones may be made."""
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self) -> DelayingProxy:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.close()
        self.cut()
