"""Stand-in for the Wazuh indexer (OpenSearch 2.19): documents on disk and the part of the REST API that Wazuh uses."""
