"""
Celery's way to Valkey, mended where the library lets a worker die with its broker.

kombu 5.7 acknowledges a message through the channel that brought it. Once the broker has gone that channel is closed,
and the attempt raises AttributeError, which no caller takes for a lost connection: the worker ends, and only after its
longest task. Here such a message is left alone: it comes back after the visibility timeout, and is a wake-up anyway.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock


class QoS(stock.QoS):
    """Knows of messages that are not acknowledged yet."""

    def ack(self, delivery_tag: str) -> None:
        if self._is_connected():
            super().ack(delivery_tag)

    def restore_unacked_once(self, stderr: Any = None) -> None:
        if self._is_connected():
            super().restore_unacked_once(stderr)

    def _is_connected(self) -> bool:
        connection = self.channel.connection
        return connection is not None and connection.client is not None


class Channel(stock.Channel):
    """What brings messages."""

    QoS = QoS


class Transport(stock.Transport):
    """For addresses that begin with redis:// or rediss://."""

    Channel = Channel


def use() -> None:
    """Has every connection of this process use it."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
