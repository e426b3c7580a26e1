"""The receipt: proof that a version arrived."""

from __future__ import annotations

from release.model.base import Document, Instant, Noun
from release.model.delta import Delta


class ReceiptFile(Noun, frozen=True, kw_only=True):
    """One file as the index serves it; ``size`` in bytes."""

    name: str
    sha256: str
    size: int
    url: str


class Receipt(Document, frozen=True, kw_only=True):
    """What was published where; ``timings`` are seconds by step, ``delta`` is the plan's."""

    project: str
    version: str
    repository: str
    files: tuple[ReceiptFile, ...]
    uploaded_at: Instant
    confirmed_at: Instant
    tag: str
    seal: str
    trigger: str = "manual"
    timings: dict[str, float] = {}
    delta: Delta | None = None
