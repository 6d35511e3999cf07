"""Backups, and the ways back from one."""
