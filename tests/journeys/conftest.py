import pytest
from pytest_socket import enable_socket

from tests.stack_fixture import stack  # noqa: F401  (a fixture for the tests of this folder)


@pytest.fixture(autouse=True)
def network_to_the_local_stack() -> None:
    enable_socket()
