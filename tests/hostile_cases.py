"""What an index may do to a release: each case is asked of the upload alone and of whole runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from release.adapters import upload, web
from release.flows import carry
from release.testing.hostile_index import (
    Answer,
    Fault,
    HostileIndex,
    Visit,
    busy,
    cut_short,
    drip,
    exists_already,
    good,
    hang,
    html_page,
    lose_answer,
    other_bytes,
    redirect,
    reset,
    sip,
    stale,
    status,
    store_then,
    swallow,
    without,
    wrong_hash,
)

LATER, FAILED = 75, 1


@dataclass(frozen=True)
class Case:
    """One misbehaviour and the ways a run may end under it.

    :param set_up: tells the index how to behave.
    :param ends: the exit codes that are right; 0 only ever with the sealed bytes on the index.
    """

    set_up: Callable[[HostileIndex], None]
    ends: frozenset[int] = field(default=frozenset({0}))


def passing(kind: str, *faults: Fault) -> Case:
    """A trouble that the run outlives by itself."""
    return Case(lambda index: index.misbehave(kind, *faults))


def lasting(kind: str, fault: Fault, *ends: int, after: int = 0) -> Case:
    """A trouble that stays, after so many good answers."""
    return Case(
        lambda index: index.misbehave(kind, *[good] * after, then=fault), frozenset(ends or {LATER})
    )


def far_away(visit: Visit) -> Answer:
    if visit.path.startswith("/elsewhere/"):
        visit.path = visit.path.removeprefix("/elsewhere")
        return visit.proceed()
    return redirect("/elsewhere{path}")(visit)


def in_a_circle(visit: Visit) -> Answer:
    return redirect("{path}", 302)(visit)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short patience everywhere; how long is waited is not what the cases ask."""
    for where, names in {
        web: {"TIMEOUT": (1.0, 0.5), "DEADLINE": 1.0, "_pause": lambda _: 0.0},
        upload: {"TIMEOUT": (1.0, 0.5), "LISTING_LAG": 0.1, "ATTEMPTS": 4, "_pause": lambda _: 0.0},
        carry: {"PATIENCE": 0.6},
    }.items():
        for name, value in names.items():
            monkeypatch.setattr(where, name, value)


UPLOADS = {
    "a streak of 5xx": passing("upload", status(500), status(502), status(503)),
    "a streak of pages of 5xx": passing("upload", html_page(502), html_page(503)),
    "5xx for ever": lasting("upload", status(503)),
    "5xx after the first file": lasting("upload", status(503), after=1),
    "429 with seconds": passing("upload", busy(1)),
    "429 with a date": passing("upload", busy(2, as_date=True)),
    "429 without a word": passing("upload", busy(), busy()),
    "429 for ever": lasting("upload", busy(0)),
    "a reset before the body": passing("upload", reset(), reset()),
    "a reset within the body": passing("upload", reset(after=700)),
    "resets for ever": lasting("upload", reset(after=700)),
    "silence once": passing("upload", hang()),
    "silence for ever": lasting("upload", hang()),
    "a body that is sipped": passing("upload", sip(), sip()),
    "an answer that drips": passing("upload", drip(), drip()),
    "an answer that never ends": lasting("upload", drip(0.1, empty=10_000), 0),
    "an answer lost after the store": passing("upload", lose_answer(), lose_answer(by_reset=True)),
    "every answer lost": lasting("upload", lose_answer(), 0),
    "stored and said to have failed": passing("upload", store_then(500), store_then(504)),
    "swallowed with a yes": lasting("upload", swallow),
    "a page for people with a yes": lasting("upload", html_page(200)),
    "a token that expires at once": lasting("upload", status(401), FAILED),
    "a token that expires midway": lasting("upload", status(403), FAILED, after=1),
    "a redirect": lasting("upload", far_away, FAILED),
    "a redirect in a circle": lasting("upload", in_a_circle, FAILED),
    "exists already, and does not": lasting("upload", exists_already),
    "exists already, and does": passing("upload", lose_answer(), exists_already),
}
LISTINGS = {
    "a listing that is one file old": passing("listing", good, *[stale()] * 3),
    "a listing that stays old": lasting("listing", stale(2)),
    "a listing that lags and comes and goes": passing("listing", good, stale(), good, stale(2)),
    "a partial listing": passing("listing", good, without(".whl"), without(".gz")),
    "a partial listing for ever": lasting("listing", without(".whl")),
    "a wrong hash": lasting("listing", wrong_hash, FAILED, after=1),
    "a listing with 5xx": passing("listing", status(500), status(503)),
    "a listing with 5xx for ever": lasting("listing", status(503), LATER),
    "a listing with 429": passing("listing", busy(1), busy(1, as_date=True)),
    "a login page": lasting("listing", html_page(), LATER),
    "a listing that is refused": lasting("listing", status(403), LATER),
    "a listing cut short": passing("listing", good, cut_short()),
    "a listing that hangs": passing("listing", good, hang()),
    "a listing that hangs for ever": lasting("listing", hang(), LATER),
    "a listing that drips": passing("listing", good, drip(0.001)),
    "a listing reset": passing("listing", reset(), reset()),
    "a listing elsewhere": lasting("listing", far_away, 0),
    "a listing in a circle": lasting("listing", in_a_circle, LATER),
}
DOWNLOADS = {
    "other bytes": lasting("download", other_bytes, FAILED),
    "other bytes once": Case(
        lambda index: index.misbehave("download", other_bytes), frozenset({FAILED})
    ),
    "a download cut short": passing("download", cut_short()),
    "a download with 5xx": passing("download", status(500), status(503)),
    "a download that drips": passing("download", drip(0.001, 64)),
    "a download that is gone": lasting("download", status(404), LATER),
    "a download elsewhere": lasting("download", far_away, 0),
}
CASES = UPLOADS | LISTINGS | DOWNLOADS

QUICK = (
    "a streak of pages of 5xx",
    "5xx after the first file",
    "429 with a date",
    "a reset within the body",
    "silence once",
    "an answer that never ends",
    "an answer lost after the store",
    "stored and said to have failed",
    "swallowed with a yes",
    "a token that expires midway",
    "a redirect",
    "exists already, and does not",
    "a listing that lags and comes and goes",
    "a listing that stays old",
    "a wrong hash",
    "a login page",
    "other bytes",
    "a download cut short",
)
"""Those that are looked at every day."""
