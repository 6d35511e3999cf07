"""`make chaos`: random kills while tenants are made, stopped and started, and a count of what was lost or doubled."""
