"""Stand-in Wazuh nodes: they speak the real nodes' interfaces, and every one of them says that it is a stand-in."""
