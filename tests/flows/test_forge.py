"""Pull requests and releases on GitHub's API, through real HTTP; and all that can go wrong."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from forge_server import LOST, TOKEN, TORN, Forge, Trouble, github
from kit import git, make_project

from release.adapters import web
from release.adapters.forge import Announcement, File, GitHub, open_forge
from release.config import Config
from release.errors import ConfigError, ForgeError, TryAgainError

FILES = {"thing-1.0.tar.gz": b"source" * 50, "thing-1.0-py3-none-any.whl": b"wheel" * 90}
BRANCH = "release-warden/fix/0123456789ab"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_pause", lambda _: 0)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tag, a branch that is ahead of main, and one that is not."""
    tmp_path = tmp_path_factory.mktemp("template")
    project = make_project(tmp_path / "project")
    git(project, "tag", "v1.0")
    for name in (BRANCH, "other"):
        git(project, "branch", name)
    (project / "more.txt").write_text("x")
    git(project, "checkout", "-q", BRANCH)
    git(project, "add", "--all")
    git(project, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "-m", "more")
    git(tmp_path, "clone", "-q", "--mirror", str(project), "bare.git")
    return tmp_path / "bare.git"


@pytest.fixture
def bare(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "bare.git"))


@pytest.fixture
def forge(bare: Path) -> Iterator[Forge]:
    with github(bare) as told:
        yield told


def client(forge: Forge) -> GitHub:
    return GitHub(forge.url, forge.repository, TOKEN)


def wanted(forge: Forge, **other: object) -> Announcement:
    files = tuple(File(n, hashlib.sha256(d).hexdigest(), d) for n, d in FILES.items())
    commit = forge.git("rev-parse", "v1.0") or ""
    facts = {"tag": "v1.0", "commit": commit, "title": "thing 1.0", "notes": "### Security\n"}
    return Announcement(**(facts | {"prerelease": False, "files": files} | other))  # type: ignore[arg-type]


def assert_complete(forge: Forge) -> None:
    """One published release with exactly our bytes."""
    (one,) = forge.releases
    assert not one["draft"]
    assert one["tag_name"] == "v1.0"
    assert one["body"] == "### Security\n"
    assert {a["name"]: forge.files[a["id"]] for a in one["assets"]} == FILES
    assert {a["state"] for a in one["assets"]} == {"uploaded"}


def test_a_release_is_drafted_filled_and_then_published(forge):
    url = client(forge).announce(wanted(forge))
    assert_complete(forge)
    assert url == forge.releases[0]["html_url"]
    methods = [method for method, _ in forge.writes]
    assert methods == ["POST", "POST", "POST", "PATCH"]
    before = len(forge.writes)
    assert client(forge).announce(wanted(forge)) == url
    assert len(forge.writes) == before, "what is as wanted is not written again"


WRITES = (r"/releases$", r"/assets\?name=.*gz", r"/assets\?name=.*whl", r"/releases/\d+$")


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("status", [LOST, 500, 502])
def test_a_run_that_breaks_off_anywhere_is_gone_on_with(forge, path, status):
    method = "PATCH" if path.endswith(r"\d+$") else "POST"
    forge.troubles += [Trouble(method, path, status)] * (3 if method == "PATCH" else 1)
    for _ in range(2):
        try:
            client(forge).announce(wanted(forge))
        except TryAgainError:
            assert len(forge.releases) <= 1
    assert_complete(forge)


def test_a_half_uploaded_file_is_replaced(forge):
    forge.troubles.append(Trouble("POST", "whl", TORN))
    with pytest.raises(TryAgainError):
        client(forge).announce(wanted(forge))
    assert forge.releases[0]["draft"]
    client(forge).announce(wanted(forge))
    assert_complete(forge)
    assert [m for m, _ in forge.writes].count("DELETE") == 1


def test_the_draft_is_found_behind_many_pages(bare):
    with github(bare, page=2) as forge:
        api = client(forge)
        forge.troubles.append(Trouble("POST", "gz", 500))
        with pytest.raises(TryAgainError):
            api.announce(wanted(forge))
        draft = forge.releases[0]["id"]
        for n in range(7):
            forge.releases.append({**forge.releases[0], "id": 90 + n, "tag_name": f"v0.{n}"})
        api.announce(wanted(forge))
        published = [r for r in forge.releases if not r["draft"]]
        assert [r["id"] for r in published] == [draft]
        assert any("page=3" in path for _, path in forge.seen)


def test_a_list_without_an_end_does_not_hold_us(forge, monkeypatch):
    monkeypatch.setattr("release.adapters.forge.MOST_PAGES", 3)
    link = {"Link": f'<{forge.url}/repos/acme/thing/releases?x>; rel="next"'}
    forge.troubles += [Trouble("GET", r"/releases\?", 200, link, b"[]")] * 9
    with pytest.raises(ForgeError, match="no end"):
        client(forge).announce(wanted(forge))


def test_the_token_goes_to_no_other_host(forge):
    link = {"Link": '<http://127.0.0.2:1/repos/acme/thing/releases>; rel="next"'}
    forge.troubles.append(Trouble("GET", r"/releases\?", 200, link, b"[]"))
    with pytest.raises(ForgeError, match="another host"):
        client(forge).announce(wanted(forge))
    forge.url = "http://127.0.0.2:1"  # where the draft's upload address will point to
    api = GitHub(f"http://127.0.0.1:{forge.port}", forge.repository, TOKEN)
    with pytest.raises(ForgeError, match="another host"):
        api.announce(wanted(forge))


def test_other_bytes_under_our_name_are_told_and_left(forge):
    client(forge).announce(wanted(forge))
    changed = File("thing-1.0.tar.gz", hashlib.sha256(b"evil").hexdigest(), b"evil")
    before = dict(forge.files)
    with pytest.raises(ForgeError, match="other bytes"):
        client(forge).announce(wanted(forge, files=(changed,)))
    assert forge.files == before
    assert_complete(forge)


def test_an_immutable_release_that_lacks_a_file_says_so(bare):
    with github(bare, immutable=True) as forge:
        client(forge).announce(wanted(forge, files=wanted(forge).files[:1]))
        with pytest.raises(ForgeError) as caught:
            client(forge).announce(wanted(forge))
        assert "immutable" in caught.value.why


def test_a_server_that_tells_no_hashes_is_compared_by_size(bare):
    with github(bare, digests=False) as forge:
        for _ in range(2):
            client(forge).announce(wanted(forge))
        assert_complete(forge)


def test_no_tag_is_ever_made_by_publishing(forge):
    with pytest.raises(ForgeError, match="does not have the tag"):
        client(forge).announce(wanted(forge, tag="v2.0"))
    with pytest.raises(ForgeError, match="stands on"):
        client(forge).announce(wanted(forge, commit="f" * 40))
    assert forge.writes == []


def test_an_annotated_tag_counts_by_its_commit(forge, bare):
    git(bare, "-c", "user.name=n", "-c", "user.email=e@x", "tag", "-a", "v1.1", "v1.0", "-m", "x")
    client(forge).announce(wanted(forge, tag="v1.1"))
    assert forge.releases[0]["tag_name"] == "v1.1"


def test_a_pull_request_is_made_once_and_its_text_kept_up(forge):
    one = client(forge).pull_request(BRANCH, "Free users", "old")
    two = client(forge).pull_request(BRANCH, "Free users", "new")
    assert one.number == two.number
    assert [(p["state"], p["body"], p["base"]["ref"]) for p in forge.pulls] == [
        ("open", "new", "main")
    ]
    client(forge).pull_request(BRANCH, "Free users", "new")
    assert [method for method, _ in forge.writes] == ["POST", "PATCH"]


def test_a_pull_request_that_a_person_closed_stays_closed(forge):
    made = client(forge).pull_request(BRANCH, "Free users", "text")
    forge.pulls[0]["state"] = "closed"
    again = client(forge).pull_request(BRANCH, "Free users", "another text")
    assert (again.number, again.state) == (made.number, "closed")
    assert [(p["state"], p["body"]) for p in forge.pulls] == [("closed", "text")]


@pytest.mark.parametrize("status", [LOST, 503])
def test_a_lost_answer_makes_no_second_pull_request(forge, status):
    forge.troubles.append(Trouble("POST", "/pulls", status))
    for _ in range(2):
        try:
            client(forge).pull_request(BRANCH, "t", "b")
        except TryAgainError:
            assert status == 503
    assert len(forge.pulls) == 1


@pytest.mark.parametrize(
    ("head", "why"),
    [("nowhere", "PullRequest head invalid"), ("other", "No commits between main and other")],
)
def test_what_github_refuses_is_told_in_its_words(forge, head, why):
    with pytest.raises(ForgeError) as caught:
        client(forge).pull_request(head, "t", "b")
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("trouble", "kind", "remedy"),
    [
        (Trouble("GET", "", 401), ForgeError, "GITHUB_TOKEN"),
        (Trouble("GET", "", 403), ForgeError, "pull-requests: write"),
        (Trouble("GET", "", 404), ForgeError, "name is right"),
        (Trouble("GET", "", 403, {"X-RateLimit-Remaining": "0"}), TryAgainError, "an hour"),
        (Trouble("GET", "", 403, {"Retry-After": "60"}), TryAgainError, "an hour"),
        (Trouble("GET", "", 200, {}, b"<html>"), ForgeError, "forge-url"),
        (Trouble("GET", "", 418, {}, b"[1]"), ForgeError, "run again"),
        (Trouble("GET", "", 418, {}, b"<html>"), ForgeError, "run again"),
    ],
)
def test_each_refusal_has_its_remedy(forge, trouble, kind, remedy):
    forge.troubles.append(trouble)
    with pytest.raises(kind) as caught:
        client(forge).pull_request(BRANCH, "t", "b")
    assert remedy in caught.value.remedy
    assert forge.pulls == []


def test_rights_that_the_token_lacks(bare):
    with github(bare, rights=frozenset({"contents"})) as forge:
        with pytest.raises(ForgeError) as caught:
            client(forge).pull_request(BRANCH, "t", "b")
        assert "not accessible by integration" in caught.value.why
        client(forge).announce(wanted(forge))


def test_the_token_is_in_no_error_log_or_text(forge, caplog):
    caplog.set_level(logging.DEBUG)
    api = client(forge)
    forge.troubles += [Trouble("GET", "", 500)] * 3
    with pytest.raises(TryAgainError) as caught:
        api.announce(wanted(forge))
    told = "".join((str(caught.value), repr(caught.value), repr(vars(api)), caplog.text))
    assert TOKEN not in told
    assert "canary" not in repr(wanted(forge))


def test_an_entry_of_netrc_does_not_take_the_tokens_place(forge, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login u password p\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    api = client(forge)
    api._session.trust_env = True  # as it is for any host but loopback
    assert api.pull_request(BRANCH, "t", "b").state == "open"


class TestOpening:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch):
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY"):
            monkeypatch.delenv(name, raising=False)

    @pytest.mark.parametrize(
        "remote",
        [
            "https://github.com/acme/thing",
            "https://github.com/acme/thing.git",
            "https://user:pw@github.com/acme/thing.git/",
            "git@github.com:acme/thing.git",
            "ssh://git@github.com/acme/thing",
            "ssh://git@github.com:22/acme/thing.git",
        ],
    )
    def test_the_repository_is_read_from_the_remote(self, remote):
        forge = open_forge(Config(forge="github"), remote)
        assert (forge.api, forge.repository) == ("https://api.github.com", "acme/thing")

    def test_an_enterprise_server(self, monkeypatch):
        config = Config(forge="github", forge_url="https://git.example.org/api/v3/")
        forge = open_forge(config, "git@git.example.org:acme/thing.git")
        assert (forge.api, forge.repository) == ("https://git.example.org/api/v3", "acme/thing")
        monkeypatch.setenv("GITHUB_API_URL", "https://other.example.org/api/v3")
        forge = open_forge(Config(forge="github"), "https://other.example.org/a/b")
        assert (forge.api, forge.repository) == ("https://other.example.org/api/v3", "a/b")

    def test_in_actions_the_environment_tells_the_repository(self, monkeypatch):
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/other")
        assert open_forge(Config(forge="github"), "/srv/thing.git").repository == "acme/other"
        assert open_forge(Config(forge="github"), None).repository == "acme/other"

    @pytest.mark.parametrize("remote", [None, "/srv/thing.git", "https://gitlab.com/acme/thing"])
    def test_no_telling_which_repository(self, remote):
        with pytest.raises(ForgeError, match="no telling which repository"):
            open_forge(Config(forge="github"), remote)

    def test_without_a_token(self, monkeypatch):
        monkeypatch.delenv("GITHUB_TOKEN")
        with pytest.raises(ForgeError, match="no token"):
            open_forge(Config(forge="github"), "https://github.com/acme/thing")

    def test_without_encryption(self):
        with pytest.raises(ConfigError, match="without encryption"):
            open_forge(Config(forge="github", forge_url="http://git.example.org/api"), None)

    def test_no_forge_is_none(self):
        assert open_forge(Config(), "https://github.com/acme/thing") is None
