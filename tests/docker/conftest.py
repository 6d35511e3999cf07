"""The same edge as the contract tests have."""

from tests.contract.conftest import edge

__all__ = ["edge"]
