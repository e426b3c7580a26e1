"""A text that is shown to nobody who does not ask for it by name."""

from __future__ import annotations

import hmac
from typing import NoReturn

HIDDEN = "***"
"""What stands in a secret's place, wherever it would have been shown."""


class Secret:
    """A password, a token or a key: ``***`` in every message, format, document and traceback.

    It is no field of any document: msgspec refuses to encode it, and pickle and copy refuse too.
    Only :meth:`reveal` gives the text, so that every place that has it can be found by that word.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # nothing derived from its value is kept

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")
