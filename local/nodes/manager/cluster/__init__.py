"""Several managers: workers take agents, groups and keys from the master and tell it of the agents that speak to them.

The frames are those of Wazuh 4.x (`framework/wazuh/core/cluster/common.py`), and so are hello, keepalive and the end of
a wrong key. What travels in a synchronization is the stand-in's own: JSON in one frame, where a real one sends archives
in pieces.
"""
