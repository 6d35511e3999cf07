"""What can go wrong about exports."""

from controlplane.problems import NotFound


class ExportNotFound(NotFound):
    """There is no such export, or the caller may not know of it."""

    def __init__(self) -> None:
        super().__init__("There is no such export.", hint="It may have expired. Ask for another one.")
