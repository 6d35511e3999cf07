"""What measures stand on: the portal, the cell, the references and the load driver, started when first needed."""

import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

from local.bench.cell import Cell
from local.bench.load_driver import LoadDriver
from local.bench.portal.site import Site
from local.bench.references import References

TENANTS = 100_000


@dataclass
class Ground:
    """A context in which measures run.

    Args:
        scale: how much each sample does; 1 takes a second or so, tests take far less.
        inspected: whether the cells are to be looked into, which slows them.
    """

    scale: float = 1.0
    inspected: bool = False
    _cells: list[Cell] = field(default_factory=list)
    _sites: list[Site] = field(default_factory=list)

    def __enter__(self) -> Self:
        # The system's usual place for such folders may be in memory, where nothing waits for a disk.
        self.root = Path(tempfile.mkdtemp(prefix="bench-", dir="/var/tmp"))
        self.load = LoadDriver().__enter__()
        self.references = References(self._folder("references"))
        return self

    def __exit__(self, *_: object) -> None:
        self.references.stop()
        for cell in self._cells:
            cell.stop()
        for site in self._sites:
            site.stop()
        self.load.__exit__()
        shutil.rmtree(self.root, ignore_errors=True)

    @cached_property
    def cell(self) -> Cell:
        """The cell that most measures share."""
        return self._started(self._folder("cell"))

    @cached_property
    def site(self) -> Site:
        """The portal, with its tenants."""
        site = Site(self._folder("site"), self.many(TENANTS, step=1000))
        self._sites.append(site)
        site.start()
        return site

    def fresh_cell(self) -> Cell:
        """One that nothing has used. It has the shared one's keys: this process signs with one pair."""
        folder = self._folder(f"cell-{len(self._cells)}")
        shutil.copytree(self.cell.layout.key_folder, folder / "keys")
        return self._started(folder)

    def _started(self, folder: Path) -> Cell:
        cell = Cell(folder, self.inspected)
        self._cells.append(cell)
        cell.start()
        return cell

    def many(self, count: int, step: int = 1) -> int:
        """How much of something a sample does, by the scale and in whole steps."""
        return max(1, round(count * self.scale / step)) * step

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir()
        return folder
