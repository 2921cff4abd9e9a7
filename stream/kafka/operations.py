"""One port for those who operate a learner: is it alive, has it caught up, what are its numbers.

``/live`` answers 200 as long as the process does; ``/ready`` answers 200 once the learner has
caught up with its topics and while a broker answers, and 503 before; ``/metrics`` is for
Prometheus.
"""

from __future__ import annotations

import http.server
import threading
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from stream.errors import NotAvailableError
from stream.kafka.monitoring import ServiceCollector
from stream.kafka.service import Service

LOOPBACK = "127.0.0.1"


class OperationsServer:
    """Answers at a port, in a thread, from before the service exists until it is closed.

    Parameters
    ----------
    port
        Where; 0: at a port that is free.
    host
        Address that it is bound to; others than this machine's own reach it only at another one
        than the default.

    Attributes
    ----------
    port
        Where it answers.
    service
        The service; None: it is not made yet.

    Raises
    ------
    NotAvailableError
        When the port cannot be had.
    """

    def __init__(self, port: int, host: str = LOOPBACK):
        self._service: Service | None = None
        self._registry = CollectorRegistry()
        operations = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                code, kind, content = operations.answer(self.path)
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Probes come every few seconds and are no news."""

        try:
            self._server = http.server.ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise NotAvailableError(
                f"Metrics cannot be served at {host}:{port}: {error.strerror}; choose another "
                "--metrics-port or --metrics-host."
            ) from None
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="operations", daemon=True).start()

    @property
    def service(self) -> Service | None:
        """See the class."""
        return self._service

    @service.setter
    def service(self, service: Service) -> None:
        self._service = service
        self._registry.register(ServiceCollector(service))

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, kind of content and content for a path."""
        path = path.partition("?")[0]
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == "/live":
            return 200, "text/plain", b"alive\n"
        if path == "/ready":
            reason = "starting" if self._service is None else self._service.not_ready
            if reason:
                return 503, "text/plain", f"not ready: {reason}\n".encode()
            return 200, "text/plain", b"ready\n"
        return 404, "text/plain", b"there are /live, /ready and /metrics\n"

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
