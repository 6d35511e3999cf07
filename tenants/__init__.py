"""A tenant is one Wazuh deployment: its record, its operations, and everything said to the edge about it."""
