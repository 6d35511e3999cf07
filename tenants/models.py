"""Gathers the rows of the inner rooms, so that Django finds them in one place."""

from tenants.access.models import Revocation, TrailExchange
from tenants.agents.models import AgentBatch, AgentMove, AgentOrder, AgentResult, MovingAgent
from tenants.content.models import ContentBundle, ContentFile, ContentVersion
from tenants.enrollment.models import Agent, AgentReading, ConnectionChange, EnrollmentToken, Refusal, TokenUse
from tenants.metering.models import UsageHour
from tenants.protection.backups.models import Backup
from tenants.protection.exports.models import Export
from tenants.protection.receipts.models import Receipt
from tenants.provisioning.models import Cell, Operation, Step, Tenant
from tenants.rollouts.models import Rollout, RolloutTarget
from tenants.status.models import (
    ComponentPeriod,
    Incident,
    IncidentUpdate,
    StatusLink,
    StatusSubscription,
    TenantPeriod,
)

__all__ = [
    "Agent",
    "AgentBatch",
    "AgentMove",
    "AgentOrder",
    "AgentReading",
    "AgentResult",
    "Backup",
    "Cell",
    "ComponentPeriod",
    "ConnectionChange",
    "ContentBundle",
    "ContentFile",
    "ContentVersion",
    "EnrollmentToken",
    "Export",
    "Incident",
    "IncidentUpdate",
    "MovingAgent",
    "Operation",
    "Receipt",
    "Refusal",
    "Revocation",
    "Rollout",
    "RolloutTarget",
    "StatusLink",
    "StatusSubscription",
    "Step",
    "Tenant",
    "TenantPeriod",
    "TokenUse",
    "TrailExchange",
    "UsageHour",
]
