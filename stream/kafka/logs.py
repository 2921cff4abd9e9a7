"""The log of a learner, as lines of text or of JSON."""

from __future__ import annotations

import datetime
import logging
import sys

import msgspec


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, and the error where there is
    one."""

    def format(self, record: logging.LogRecord) -> str:
        """See :class:`logging.Formatter`."""
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        content = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            content["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(content).decode()


def configure_logging(quiet: bool, form: str = "text") -> None:
    """Log to standard error: what the learner does, and of the clients what goes wrong."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(handlers=[handler])
    logging.getLogger("stream").setLevel(logging.WARNING if quiet else logging.INFO)
    # Its errors are told by the learner, and it logs each attempt to connect besides.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
