"""Unit tests reach for no network: what they test knows none."""

import pytest
from hypothesis import settings
from pytest_socket import disable_socket

# A slow machine is no failure; a run that fails can be repeated exactly.
settings.register_profile("unit", deadline=None, derandomize=True)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_network() -> None:
    disable_socket(allow_unix_socket=True)
