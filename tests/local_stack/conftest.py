import socket

import pytest


@pytest.fixture
def free_loopback_socket(socket_enabled):
    with socket.socket() as listener:
        yield listener
