"""The error document: what ``--json`` prints when a run fails."""

from __future__ import annotations

import msgspec

from release.errors import WardenError
from release.model.base import Document


class Error(Document, frozen=True, kw_only=True):
    """A failure, for machines."""

    error: str
    what: str
    why: str
    next_step: str = msgspec.field(name="next")
    exit_code: int

    @classmethod
    def of(cls, error: WardenError) -> Error:
        """The document of an error."""
        return cls(
            error=error.kind,
            what=error.what,
            why=error.why,
            next_step=error.remedy,
            exit_code=error.exit_code,
        )
