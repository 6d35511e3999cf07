"""Stand-in for the Wazuh 4.x manager: server API, enrollment, agent channel, a small rule engine, alert shipping.

It knows nothing of enrollment tokens: who may enroll is decided before a request reaches it.
"""
