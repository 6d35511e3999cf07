"""Cells, tenants, operations and their steps: rows and constraints."""

from tenants.provisioning.models.cell import Cell
from tenants.provisioning.models.operation import Operation, Step, new_operation_id
from tenants.provisioning.models.tenant import Tenant

__all__ = ["Cell", "Operation", "Step", "Tenant", "new_operation_id"]
