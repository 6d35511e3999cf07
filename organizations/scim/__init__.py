"""SCIM 2.0 (RFC 7643 and 7644): an organization's directory tells who belongs to it, and who no longer does."""
