"""Where in a tenant's Wazuh dashboard an alert is found."""

import datetime as dt
from urllib.parse import quote

from fleet.alerts.models import Alert

AROUND = dt.timedelta(minutes=5)
INDEX = "wazuh-alerts-*"
PLACE = "/app/data-explorer/discover#"


def path_of(alert: Alert) -> str:
    """
    The dashboard's path to Discover with what the alert stands for: rule, agent and time. Empty for other kinds.

    The parts are those of OpenSearch Dashboards 2.x, in Rison: `_g` has the time, `_q` the query, `_a` the index.
    """
    if alert.kind != Alert.Kind.RULE:
        return ""
    query = f"rule.id:{_quoted(alert.rule_id)} and agent.id:{_quoted(alert.agent_id)}"
    since, until = (_time(at) for at in (alert.first_at - AROUND, alert.last_at + AROUND))
    parts = {
        "_a": f"(metadata:(indexPattern:{_rison(INDEX)},view:discover))",
        "_g": f"(filters:!(),time:(from:{_rison(since)},to:{_rison(until)}))",
        "_q": f"(filters:!(),query:(language:kuery,query:{_rison(query)}))",
    }
    return f"{PLACE}?" + "&".join(f"{name}={quote(value, safe="!'(),:*")}" for name, value in parts.items())


def _quoted(value: str) -> str:
    """A value of the dashboard's query language."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _rison(text: str) -> str:
    """A text in Rison, whose one way out is the exclamation mark."""
    escaped = text.replace("!", "!!").replace("'", "!'")
    return f"'{escaped}'"


def _time(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
