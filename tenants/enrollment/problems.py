"""What enrollment refuses, in the words people read."""

from controlplane.problems import Conflict, NotFound


class TokenNotFound(NotFound):
    """No such token of this tenant."""

    def __init__(self) -> None:
        super().__init__("This tenant has no such enrollment token.")


class AgentNotFound(NotFound):
    """No such agent of this tenant."""

    def __init__(self) -> None:
        super().__init__("This tenant has no such agent.")


class TokenHasEnded(Conflict):
    """The token has ended, or its end is set already, so that nothing can take its place."""

    def __init__(self) -> None:
        super().__init__(
            "This token has ended, or was rotated before. Nothing was changed.",
            code="TOKEN_HAS_ENDED",
            hint="Rotate the token that took its place, or create a new one.",
        )


class LinkHasEnded(NotFound):
    """The short link's token has ended, or there never was one."""

    def __init__(self) -> None:
        super().__init__("This installer link has ended, or is mistyped. Ask whoever gave it to you for another one.")


class TenantIsGoing(Conflict):
    """The tenant was deleted, so that no agent can join it."""

    def __init__(self) -> None:
        super().__init__(
            "This tenant was deleted. Nothing was created.",
            code="TENANT_DELETED",
            hint="Create the token for another tenant, or undelete this one while it is in the recycle bin.",
        )
