"""What an index may answer to an upload, and what becomes of it."""

from __future__ import annotations

import time

import pytest
from kit import make_wheel

from release.adapters import upload as upload_module
from release.adapters.credentials import Credential, Given
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.adapters.upload import confirm, upload
from release.adapters.web import LONGEST_PAUSE, seconds_asked
from release.errors import RejectedError, RepositoryError, TryAgainError
from release.ship.archives import describe
from release.testing.hostile_index import Answer, busy, lose_answer, status

NOW = "Mon, 23 Nov 2026 10:00:00 GMT"


def repository(index, source=None):
    given = Given(Credential(index.username, index.password))
    return Repository("far", index.simple_url, index.upload_url, source or given)


class Minting:
    """A source whose tokens are good for so many uploads, as one that expires midway."""

    attests = False

    def __init__(self, index, good_for):
        self.index, self.good_for = index, good_for
        self.minted = 1

    def problem(self):
        return ""

    def credential(self, *, fresh=False):
        self.minted += fresh
        if fresh:
            self.index.password = f"token-{self.minted}"
        return Credential(self.index.username, f"token-{self.minted}")

    def expire(self, visit):
        """The index believes the newest token, until it was used so often."""
        if not self.good_for:
            self.good_for = 9
            visit.read()
            return Answer(403, f"Invalid or expired token token-{self.minted}".encode())
        self.good_for -= 1
        return visit.proceed()


def test_a_token_that_expires_midway_is_renewed(hostile_index, tmp_path):
    wheels = [make_wheel(tmp_path / n, version=f"1.{n}") for n in "123"]
    minting = Minting(hostile_index, good_for=1)
    hostile_index.password = "token-1"
    hostile_index.misbehave("upload", then=minting.expire)
    for wheel in wheels:
        upload(repository(hostile_index, minting), [wheel])
    assert minting.minted == 2
    assert hostile_index.uploads == [wheels[0].name, wheels[1].name, wheels[1].name, wheels[2].name]
    archives = [describe(wheel.name, wheel.read_bytes()) for wheel in wheels]
    confirm(SimpleIndex(hostile_index.simple_url), "tiny", archives, patience=10)


def test_a_renewed_token_that_is_refused_too_ends_it(hostile_index, tmp_path, capfd):
    minting = Minting(hostile_index, good_for=0)
    hostile_index.misbehave("upload", then=status(403, "no to token-1 and token-2"))
    with pytest.raises(RepositoryError, match="refused") as caught:
        upload(repository(hostile_index, minting), [make_wheel(tmp_path, version="2.0")])
    assert not isinstance(caught.value, RejectedError)
    assert len(hostile_index.uploads) == 2
    assert "token-2" not in str(caught.value) + capfd.readouterr().err


def test_the_index_is_waited_for_as_long_as_it_asks(hostile_index, tmp_path):
    hostile_index.misbehave("upload", busy(2))
    started = time.monotonic()
    upload(repository(hostile_index), [make_wheel(tmp_path, version="3.0")])
    assert time.monotonic() - started >= 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "3600"}, LONGEST_PAUSE),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:09 GMT", "Date": NOW}, 9),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:00 GMT", "Date": NOW}, 0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT", "Date": NOW}, LONGEST_PAUSE),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:09 GMT"}, 0),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:09 -0000", "Date": NOW}, 0),
        ({"Retry-After": "soon", "Date": NOW}, 0),
        ({}, 0),
    ],
)
def test_seconds_or_a_moment_by_the_clock_of_the_server(headers, seconds):
    assert seconds_asked(headers) == seconds


def test_an_answer_lost_after_the_store_leads_to_no_second_upload(hostile_index, tmp_path):
    hostile_index.misbehave("upload", lose_answer())
    wheel = make_wheel(tmp_path, version="4.0")
    upload(repository(hostile_index), [wheel])
    assert hostile_index.uploads == [wheel.name]


def test_a_streak_of_crashes_is_outlived_by_asking_in_between(hostile_index, tmp_path, monkeypatch):
    monkeypatch.setattr(upload_module, "LISTING_LAG", 0.1)
    hostile_index.misbehave("upload", status(503), status(502))
    wheel = make_wheel(tmp_path, version="5.0")
    upload(repository(hostile_index), [wheel])
    assert hostile_index.uploads == [wheel.name] * 3


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (400, "This filename has already been used", RejectedError),
        (400, "Invalid value for classifiers", RejectedError),
        (422, "unprocessable", RejectedError),
        (400, "Project size too large. Limit for project is 10 GB", RepositoryError),
        (413, "Request entity too large", RepositoryError),
        (404, "no such index", RepositoryError),
        (429, "slowly", TryAgainError),
    ],
)
def test_what_a_refusal_means(hostile_index, tmp_path, monkeypatch, code, words, kind):
    monkeypatch.setattr(upload_module, "ATTEMPTS", 1)
    hostile_index.misbehave("upload", then=status(code, words))
    with pytest.raises((RepositoryError, TryAgainError)) as caught:
        upload(repository(hostile_index), [make_wheel(tmp_path, version="6.0")])
    assert type(caught.value) is kind
    assert words in caught.value.why
    assert len(hostile_index.uploads) == 1
