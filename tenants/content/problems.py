"""What this room refuses, in the words people read."""

from collections.abc import Sequence

from controlplane.problems import Conflict, FieldError, Invalid, NotFound


class ContentNotFound(NotFound):
    """No such file, version or bundle, or none that the asker may see."""

    def __init__(self, what: str = "file") -> None:
        super().__init__(f"There is no such {what}.")


class InvalidContent(Invalid):
    """
    Text of a file that can't be kept, with every fault that was found.

    Args: faults: as "Line 4: …"; kept: what did not happen.
    """

    def __init__(self, faults: Sequence[str], *, field: str = "text", kept: str = "Nothing was saved.") -> None:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(
            f"{faults[0]}{more} {kept}" if more else f"{faults[0]} {kept}",
            code="INVALID_CONTENT",
            errors=tuple(FieldError(field, fault) for fault in faults),
            hint="Mend what is named and save again.",
        )


class FileExists(Conflict):
    """There is a file of this kind and name at this level."""

    def __init__(self, name: str, file_id: str) -> None:
        super().__init__(
            f"There is a file {name} here already ({file_id}). Nothing was saved.",
            code="CONTENT_EXISTS",
            field="name",
            hint="Save a new version of it, or choose another name.",
        )


class ChangedMeanwhile(Conflict):
    """Somebody saved a version after the one that a change was made from."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Version {number} was saved meanwhile. Yours was not saved.",
            code="CONTENT_CHANGED",
            field="based_on",
            hint="Look at the newest version, bring your change into it, and save that.",
        )
