"""
The plain port of a Wazuh 5 manager for its agents: HTTP in, TLS 1.3 out to the manager beside it, whose certificate
is pinned.

The edge can speak no TLS to a container, and the manager listens in nothing else. Runs on what the official images
have: Python 3.9 or newer, with nothing but its standard library.
"""
