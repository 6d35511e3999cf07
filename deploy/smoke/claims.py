"""What is not confirmed, how each is tried, and what would prove it. One row a claim, in the order of trying.

`where` names the facts that a claim stands on: E = what the edge assumes of Cloudflare, W = what the images assume of
Wazuh; [U] = confirmed nowhere at all. Only a deployment with real nodes can prove a row; elsewhere the same steps run
and their result says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.smoke import trials
from deploy.smoke.trial import Trial


@dataclass(frozen=True)
class Claim:
    """Args: name: for the command line; says: the claim; tries: what is done; proves: the result that proves it."""

    name: str
    where: str
    says: str
    tries: str
    proves: str
    run: Callable[[Trial], str]


CLAIMS = (
    Claim(
        "edge",
        "E",
        "The Worker answers at its host, over its own certificate",
        "GET /readyz on the API host",
        "status ok, with the runtime that the portal names",
        trials.edge_answers,
    ),
    Claim(
        "start",
        "E",
        "Containers start by version and size under the scheduling policy `durable_object`",
        "a throw-away tenant is made through the portal",
        "the operation succeeds and every serving node runs",
        trials.tenant_starts,
    ),
    Claim(
        "indexer-http",
        "W [U]",
        "With `plugins.security.ssl.http.enabled: false` the indexer serves plain HTTP on 9200, its security plugin on",
        "the operation's step `verify`: an alert is written, found and removed on port 9200 with the admin's password",
        "the step succeeded",
        trials.ingest_was_verified,
    ),
    Claim(
        "indexer-mmap",
        "W [U]",
        "`node.store.allow_mmap: false` is enough where vm.max_map_count can't be raised",
        "the indexer's first start on the platform, watched until the end of the test",
        "it runs, and was started once",
        trials.indexer_never_restarted,
    ),
    Claim(
        "names",
        "E",
        "A container's plain HTTP to a port-80 name reaches the gate with no way to the internet",
        "the event stream is read for the manager's sign of life",
        "a heartbeat of this tenant within three minutes",
        trials.manager_beats,
    ),
    Claim(
        "manager-api",
        "W",
        "The manager's API serves plain HTTP on 55000 with the tenant's password, and takes an agent by /agents/insert",
        "an agent enrolls at the edge; the portal's list is read",
        "the list is complete and holds the agent",
        trials.agent_enrolls,
    ),
    Claim(
        "agent-channel",
        "E W",
        "Raw TCP through WebSocket, Worker and object reaches the manager's port 1514",
        "the clear `#ping` of the agent channel through the tunnel, with the agent's credential",
        "`#pong` comes back",
        trials.channel_answers,
    ),
    Claim(
        "dashboard",
        "E W",
        "The dashboard serves below /dashboard on the tenant's own host, and proxy headers sign people in",
        "a one-time code is posted from the portal's origin; the page behind it is read",
        "303, then a page with status 200",
        trials.dashboard_opens,
    ),
    Claim(
        "agent",
        "W",
        "An official agent of 4.x with cloudflared stays connected, and its alerts arrive",
        "the agent that --agent names is looked for; docs/deploying.md says how to bring one",
        "it is active with version 4.14, and an alert of it is in the event stream",
        trials.real_agent,
    ),
    Claim(
        "stop",
        "E W",
        "SIGTERM reaches each node's first process, and it ends by itself within 30 seconds",
        "the tenant is stopped",
        "every serving node is stopped with exit code 0 or 143, not 137",
        trials.nodes_end_orderly,
    ),
    Claim(
        "wake",
        "E",
        "A tenant whose disks are gone comes back, and the manager gets its agents again",
        "the tenant is started again; the list of agents is read",
        "it runs, and the agent is in the list",
        trials.tenant_comes_back,
    ),
    Claim(
        "delete",
        "E",
        "Deletion ends every container and leaves a tombstone",
        "the tenant is deleted, and erased from the recycle bin",
        "both operations succeed, and the tenant's page says deleted",
        trials.tenant_goes,
    ),
)
