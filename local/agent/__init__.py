"""A Wazuh 4.x agent with its connector, for demonstrations and tests.

It is a stand-in for the official agent and for `cloudflared`, written from the protocol alone: it shares no code with
the stand-in manager, so that each checks the other.
"""
