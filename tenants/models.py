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

__all__ = [
    "Agent",
    "AgentBatch",
    "AgentMove",
    "AgentOrder",
    "AgentReading",
    "AgentResult",
    "Backup",
    "Cell",
    "ConnectionChange",
    "ContentBundle",
    "ContentFile",
    "ContentVersion",
    "EnrollmentToken",
    "Export",
    "MovingAgent",
    "Operation",
    "Receipt",
    "Refusal",
    "Revocation",
    "Rollout",
    "RolloutTarget",
    "Step",
    "Tenant",
    "TokenUse",
    "TrailExchange",
    "UsageHour",
]
