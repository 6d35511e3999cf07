"""Bringing clients in, one by a form, many by a file: organization, access, template, tenant, token and people."""
