"""A small HTTP server for one page, on its own threads."""

from __future__ import annotations

import ipaddress
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stream.errors import NotAvailableError
from stream.live.budget import Budget
from stream.live.history import History
from stream.live.labels import LabelTable
from stream.live.report import page_html

LOOPBACK = "127.0.0.1"
HOLD_SECONDS = 10.0  # that a request waits for news
# Writing a state as JSON takes at most this share of the process's time, however many browsers ask.
SHARE = 0.001
LOOK_SECONDS = 0.1  # between two looks at whether it may be written again


class PageServer:
    """Serves the page, the newest state and searches of labels.

    Parameters
    ----------
    host, port
        Where to listen; port 0: any that is free.

    Raises
    ------
    NotAvailableError
        When the port cannot be listened on.
    """

    def __init__(self, host: str = LOOPBACK, port: int = 0):
        self.labels: LabelTable | None = None
        self._news = threading.Condition()
        self._version = 0
        self._state: dict[str, Any] | None = None
        self._final = False
        self._hurried = False  # the newest state need not wait until writing it has been paid for
        self._waiting: set[int] = set()  # threads whose browser has not got the last state
        self._closed = False
        self._text: tuple[int, bytes, bool] | None = None  # the state that was written last
        self._writes = Budget(SHARE)
        self._writing = threading.Lock()
        self._end = threading.Event()  # the last state is there, or nobody is to be served
        try:
            self._http = _Http((host, port), _Handler)
        except OSError as error:
            raise NotAvailableError(
                f"The page cannot be served on {host}:{port} ({error.strerror}); name another port "
                "with --live-port, or 0 for any that is free."
            ) from error
        self._http.page = self
        self.host, self.port = host, self._http.server_address[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}/"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True
        )
        self._thread.start()

    def publish(self, state: dict[str, Any], final: bool = False) -> None:
        """Replace the state; requests that wait for news are answered."""
        with self._news:
            self._state = dict(state)
            self._version += 1
            self._final = final
            self._hurried = False
            self._news.notify_all()
        if final:
            self._end.set()

    def hurry(self) -> None:
        """Send the newest state as soon as it is asked for: there is no other work to be slowed."""
        self._hurried = True

    def newer_than(self, version: int) -> tuple[bytes, bool] | None:
        """The newest state as JSON as soon as it is newer, and whether it is the last one; the same
        state after a while; None when there is none."""
        deadline = time.monotonic() + HOLD_SECONDS
        with self._news:
            while not self._closed and (self._state is None or self._version <= version):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._news.wait(left)
            if self._state is None:
                return None
        with self._writing:
            return self._written()

    def _written(self) -> tuple[bytes, bool]:
        """The newest state as JSON; written anew only when the time for that has come."""
        with self._news:
            assert self._state is not None
            state, now, final = self._state, self._version, self._final
        if self._text is not None:
            if self._text[0] == now:
                return self._text[1:]
            if not final:
                self._pause()
                with self._news:
                    state, now, final = self._state, self._version, self._final
        began = time.thread_time()
        history = state["history"]
        if isinstance(history, History):
            state = state | {"history": history.columns()}
        text = json.dumps(state | {"version": now}, allow_nan=False).encode()
        cost = time.thread_time() - began
        self._writes.spend(cost)
        self._text = now, text, final
        return text, final

    def _pause(self) -> None:
        """Wait until writing another state is within its share of the time, or is hurried, or the
        end is there."""
        while not (self._hurried or self._writes.is_due() or self._end.wait(LOOK_SECONDS)):
            pass

    def wait(self, seconds: float) -> None:
        """Wait until no browser is owed the last state, at most so long."""
        deadline = time.monotonic() + seconds
        with self._news:
            while self._waiting and time.monotonic() < deadline:
                self._news.wait(max(0.0, deadline - time.monotonic()))

    def following(self, thread: int, yes: bool) -> None:
        """Note that a browser follows, or has got what it needs."""
        with self._news:
            (self._waiting.add if yes else self._waiting.discard)(thread)
            self._news.notify_all()

    @property
    def is_followed(self) -> bool:
        """Whether a browser waits for news."""
        return bool(self._waiting)

    def allows(self, host: str | None) -> bool:
        """Whether a request names this server as its host.

        A page of another site may point a name of its own at this address (DNS rebinding); names
        are therefore refused where only this machine may look.
        """
        name = urllib.parse.urlsplit(f"//{host or ''}").hostname or ""
        if not _is_loopback(self.host):
            return True
        return name == "localhost" or _is_loopback(name)

    def close(self) -> None:
        """Stop; may be called again."""
        with self._news:
            if self._closed:
                return
            self._closed = True
            self._news.notify_all()
        self._end.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    page: PageServer


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = self.server.page
        address = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(address.query))
        if not page.allows(self.headers.get("Host")):
            self._answer(403, b"This page answers to its own address only.", "text/plain")
        elif address.path == "/":
            self._answer(200, page_html(None).encode(), "text/html; charset=utf-8")
        elif address.path == "/state":
            self._state(page, asked.get("since", "-1"))
        elif address.path == "/labels":
            labels = page.labels
            found: Any = {"found": 0, "of": 0, "rows": []}
            if labels is not None:
                found = labels.find(asked.get("query", ""), asked.get("order", "support"))
            self._answer(200, json.dumps(found).encode(), "application/json")
        else:
            self._answer(404, b"There is no such page.", "text/plain")

    def _state(self, page: PageServer, since: str) -> None:
        thread = threading.get_ident()
        page.following(thread, True)
        try:
            found = page.newer_than(int(since) if since.lstrip("-").isdigit() else -1)
            if found is None:
                self._answer(503, b"There is nothing to see yet.", "text/plain")
                return
            text, last = found
            self._answer(200, text, "application/json")
            if last:
                page.following(thread, False)
        except OSError:
            self.close_connection = True  # the browser has gone

    def finish(self) -> None:
        self.server.page.following(threading.get_ident(), False)
        super().finish()

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
