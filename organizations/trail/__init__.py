"""The audit trail as people and programs read it: searched and shown. `controlplane.audit` writes and proves it."""
