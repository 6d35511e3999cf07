"""The server API on 55000 (Wazuh 4.14.7), over plain HTTP as the edge needs it."""
