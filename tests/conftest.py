"""What holds for every test: nobody finds another module's business time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from accord import clock


@pytest.fixture(autouse=True, scope="module")
def machine_time() -> Iterator[None]:
    """A local stack moves business time; after the module it is the machine's again."""
    yield
    clock.move(timedelta(0))
