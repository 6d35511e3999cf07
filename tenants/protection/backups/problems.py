"""What this room refuses, in the words people read."""

from controlplane.problems import NotFound


class BackupNotFound(NotFound):
    """No such backup of this tenant."""

    def __init__(self) -> None:
        super().__init__("This tenant has no such backup, or it is not kept any more.")
