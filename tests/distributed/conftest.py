"""One Ray for all tests of a process, on this machine."""

from importlib.util import find_spec

import pytest

from stream.distributed.session import Session

collect_ignore_glob = [] if find_spec("ray") else ["test_*.py"]


@pytest.fixture(scope="session")
def running_ray():
    """Ray, started as a model would start it."""
    session = Session(None, workers=2)
    yield session
    session.close()
