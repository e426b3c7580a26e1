"""What an index may answer to an upload, and what becomes of the seal."""

from __future__ import annotations

import base64
import time

import pytest
from counters import open_counter
from kit import make_wheel

from release.adapters import embedded
from release.adapters import upload as upload_module
from release.adapters.credentials import Credential, Given
from release.adapters.index import SimpleIndex
from release.adapters.repository import Repository
from release.adapters.upload import confirm, upload
from release.errors import RejectedError, RepositoryError, TryAgainError
from release.ship.archives import describe

USED = (400, {}, b"This filename has already been used, use a different version.")


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with embedded.serve(tmp_path_factory.mktemp("index")) as server:
        yield server


@pytest.fixture
def counter(behind):
    with open_counter(behind.simple_url) as opened:
        yield opened


def repository(behind, counter, source=None):
    given = Given(Credential(behind.username, behind.password))
    return Repository("far", f"{counter.url}/simple/", counter.upload_url, source or given)


class Minting:
    """A source whose tokens are good for so many uploads, as one that expires midway."""

    attests = False

    def __init__(self, behind, good_for):
        self.behind, self.good_for = behind, good_for
        self.minted = 1

    def problem(self):
        return ""

    def credential(self, *, fresh=False):
        self.minted += fresh
        return Credential(self.behind.username, f"token-{self.minted}")

    def judge(self, path, headers, body):
        given = base64.b64decode(headers["Authorization"].split()[1]).decode().partition(":")[2]
        if given != f"token-{self.minted}" or not self.good_for:
            self.good_for = 9
            return 403, {}, f"Invalid or expired token {given}".encode()
        self.good_for -= 1
        right = f"{self.behind.username}:{self.behind.password}"
        headers.replace_header(
            "Authorization", "Basic " + base64.b64encode(right.encode()).decode()
        )
        return None


def test_a_token_that_expires_midway_is_renewed(behind, counter, tmp_path):
    wheels = [make_wheel(tmp_path / n, version=f"1.{n}") for n in "123"]
    minting = Minting(behind, good_for=1)
    counter.rule = minting.judge
    for wheel in wheels:
        upload(repository(behind, counter, minting), [wheel])
    assert minting.minted == 2
    assert counter.uploads == [wheels[0].name, wheels[1].name, wheels[1].name, wheels[2].name]
    archives = [describe(wheel.name, wheel.read_bytes()) for wheel in wheels]
    confirm(SimpleIndex(f"{counter.url}/simple/"), "tiny", archives, patience=10)


def test_a_renewed_token_that_is_refused_too_ends_it(behind, counter, tmp_path, capfd):
    minting = Minting(behind, good_for=0)
    counter.rule = lambda *_: (403, {}, b"no to token-1 and token-2")
    with pytest.raises(RepositoryError, match="refused") as caught:
        upload(repository(behind, counter, minting), [make_wheel(tmp_path, version="2.0")])
    assert not isinstance(caught.value, RejectedError)
    assert len(counter.uploads) == 2
    assert "token-2" not in str(caught.value) + capfd.readouterr().err


def test_the_index_is_waited_for_as_long_as_it_asks(behind, counter, tmp_path):
    tries = []

    def busy(*_):
        tries.append(time.monotonic())
        return (429, {"Retry-After": "2"}, b"slowly") if len(tries) == 1 else None

    counter.rule = busy
    upload(repository(behind, counter), [make_wheel(tmp_path, version="3.0")])
    assert tries[1] - tries[0] >= 2


def test_an_answer_lost_after_the_store_leads_to_no_second_upload(behind, counter, tmp_path):
    counter.lose = 1
    wheel = make_wheel(tmp_path, version="4.0")
    upload(repository(behind, counter), [wheel])
    assert counter.uploads == [wheel.name]


def test_a_streak_of_crashes_is_outlived_by_asking_in_between(
    behind, counter, tmp_path, monkeypatch
):
    monkeypatch.setattr(upload_module, "LISTING_LAG", 0.1)
    crashes = [(502, {}, b""), (503, {}, b"")]
    counter.rule = lambda *_: crashes.pop() if crashes else None
    wheel = make_wheel(tmp_path, version="5.0")
    upload(repository(behind, counter), [wheel])
    assert counter.uploads == [wheel.name] * 3


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
def test_what_a_refusal_means(behind, counter, tmp_path, monkeypatch, code, words, kind):
    monkeypatch.setattr(upload_module, "ATTEMPTS", 1)
    counter.rule = lambda *_: (code, {}, words.encode())
    with pytest.raises((RepositoryError, TryAgainError)) as caught:
        upload(repository(behind, counter), [make_wheel(tmp_path, version="6.0")])
    assert type(caught.value) is kind
    assert words in caught.value.why
    assert len(counter.uploads) == 1
