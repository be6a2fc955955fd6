"""What holds for every test: nobody finds another module's business time, and AWS's models are read once."""

import os
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader

from accord import clock

# Every mock of AWS begins a new session, which would read and parse the same megabytes of models again.
_load = cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda _, path: _load(path)


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: many tests wait for a second that a state machine waits."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(autouse=True, scope="module")
def machine_time() -> Iterator[None]:
    """A local stack moves business time; after the module it is the machine's again."""
    yield
    clock.move(timedelta(0))
