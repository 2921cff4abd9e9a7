"""A warmed-up process that forks learners, so that one starts in milliseconds.

Reads lines of JSON and answers each with one: ``{"start": {...}}`` with the process id of a new
learner, ``{"poll": pid}`` with its exit code, or null while it runs. It has no threads and no
clients of its own, so that forking it is safe.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from kafka_helpers import service_for

from stream import DriftHOMER, MultiLabelHoeffdingTree
from stream.evaluate.metrics import MultiLabelMetrics
from stream.kafka import monitoring  # noqa: F401  (imported before forks)
from stream.kafka.clients import confluent, kafka_python  # noqa: F401
from stream.snapshot import dumps


def learn(bootstrap: str, directory: str, topic: str, predictions: str, options: Any) -> None:
    service = service_for(bootstrap, Path(directory), topic, predictions, **options)
    signal.signal(signal.SIGTERM, lambda *args: service.stop())
    service.run()


def main() -> None:
    faulthandler.register(signal.SIGUSR1)  # where each thread is, of a learner that does not end
    model = MultiLabelHoeffdingTree()
    for each in (model, DriftHOMER()):
        each.warm_up()
    MultiLabelMetrics([0]).update_one({0: True}, None)
    dumps(model)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        (command, what), *_ = json.loads(line).items()
        answer: int | None
        if command == "start":
            answer = os.fork()
            if answer == 0:
                code = 1
                try:
                    sys.stdin.close()
                    learn(**what)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
        else:
            pid, status = os.waitpid(what, os.WNOHANG)
            answer = None if pid == 0 else os.waitstatus_to_exitcode(status)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
