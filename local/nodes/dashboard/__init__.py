"""Stand-in for the Wazuh dashboard: pages of alerts and agents for the person whom the edge's proxy headers name."""
