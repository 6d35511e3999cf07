"""What lists of tokens and of refusals can be narrowed by."""

from tenants.enrollment.marks import REFUSALS
from tenants.enrollment.models import EnrollmentToken, Refusal
from tenants.enrollment.tokens import states
from tenants.provisioning.filters import Filter, Filters

TOKENS: Filters[EnrollmentToken] = Filters(
    {
        "state": Filter(states.being, "Only tokens in this state", frozenset(states.STATES)),
        "site": Filter("site", "Only tokens of this site"),
        "name": Filter("name__icontains", "Only tokens whose name contains this"),
    }
)

REFUSED: Filters[Refusal] = Filters(
    {
        "token": Filter("token_id_used", "Only of this token"),
        "reason": Filter("reason", "Only for this reason", frozenset(REFUSALS)),
    }
)
