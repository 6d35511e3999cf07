"""The process that nodes are forked from outlasts an order that it cannot carry out."""

import os
import socket

from local.engine.zygote import Zygote, send_order


def test_a_signal_that_cannot_be_sent_is_lost_alone() -> None:
    engine, orders = socket.socketpair()
    zygote = Zygote(orders, reports=-1)
    zygote.tickets[os.getpid()] = 1

    with engine, orders:
        send_order(engine, {"kind": "signal", "ticket": 1, "signal": 999}, [])

        assert zygote._obey() is True, "it goes on to the next order"
