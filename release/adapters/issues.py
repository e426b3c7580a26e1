"""The door to GitHub's issues: one issue an alert, opened, commented on and closed by us.

An issue is found again by a marker in its body, so that a run that died after it opened one, and
two runs at once, end with one. One that a person has closed stays closed.
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from release.adapters.forge import GitHub

LABEL = "release-warden"


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue; ``state`` is ``open`` or ``closed``."""

    number: int
    state: str
    html_url: str
    body: str | None = None


class Issues(GitHub):
    """The issues of one repository.

    Every call raises :class:`ForgeError` if GitHub refuses, and :class:`TryAgainError` if it does
    not answer or the rate limit is reached.
    """

    def open(self, marker: str, title: str, body: str) -> Issue:
        """The open issue with a marker, made where there is none."""
        marked = f"{body}\n\n<!-- {marker} -->"
        document = {"title": title, "body": marked, "labels": [LABEL]}
        return self._made(
            lambda: self._marked(marker),
            lambda: self._json("POST", f"{self._root}/issues", Issue, document),
        )

    def comment(self, number: str, text: str) -> None:
        """Add a comment."""
        self._ask("POST", f"{self._root}/issues/{int(number)}/comments", {"body": text})

    def close(self, number: str, text: str) -> None:
        """Say why, and close it; one that is closed already stays as it is."""
        url = f"{self._root}/issues/{int(number)}"
        if self._json("GET", url, Issue).state == "open":
            self.comment(number, text)
            self._ask("PATCH", url, {"state": "closed", "state_reason": "completed"})

    def _marked(self, marker: str) -> Issue | None:
        query = urlencode({"state": "open", "labels": LABEL, "per_page": 100})
        found = self._pages(f"{self._root}/issues?{query}", Issue)
        return next((one for one in found if f"<!-- {marker} -->" in (one.body or "")), None)
