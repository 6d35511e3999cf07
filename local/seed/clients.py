"""The demonstration's clients: one row a client, each in a different real state."""

from dataclasses import dataclass, field

AGENTS_OF_THE_HEALTHY = ("alder-web-01", "alder-files-01")


@dataclass(frozen=True)
class Client:
    """A client of the demonstration's MSP.

    Args:
        name: of the organization; its one tenant is called Production.
        state: what to show, as people would say it.
        plan: what is asked for besides the name.
        agents: names of agents to enroll.
        goes_silent: its agents are stopped once they reported.
        stopped: the tenant is stopped once it ran.
    """

    name: str
    state: str
    plan: dict[str, str | int] = field(default_factory=dict)
    agents: tuple[str, ...] = ()
    goes_silent: bool = False
    stopped: bool = False

    @property
    def slug(self) -> str:
        return self.name.replace(" ", "-").lower()


CLIENTS = (
    Client("Alder Dental Group", "healthy, agents report, alerts come in", agents=AGENTS_OF_THE_HEALTHY),
    Client("Baltic Freight", "still provisioning: its indexer takes an hour", plan={"version": "4.14.7-slow"}),
    Client("Corvid Analytics", "certificate near its end", plan={"certificate_days": 7}),
    Client("Dunmore Council", "its only agent went silent", agents=("dunmore-gw-01",), goes_silent=True),
    Client("Eastlake Credit Union", "failed, with Retry: its indexer exits", plan={"version": "4.14.7-exits"}),
    Client("Fenwick Legal", "stopped", stopped=True),
)
