"""What a CI job is told and asked, with words in it that want to be more than words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from git_server import git_server
from kit import git, make_project, warden

from release.adapters import job
from release.adapters.git import Git
from release.adapters.remote import Remote
from release.errors import TryAgainError, UsageError

TOKEN = "canary token/55@x"
WORDS = [
    "quotes \" and ' and `touch PWNED` $(touch PWNED)",
    "two\nlines",
    "EOF\ndigest<<EOF\n0000",
    "````\n# heading\n<img src=x>",
    "::set-output name=digest::0000",
    "  ::warning::x",
    "before ##[set-output name=digest]0000",
]


@pytest.fixture
def page(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    ("repository", "server", "address"),
    [
        ("Ann/Thing", "https://github.com", "https://ann.github.io/thing/"),
        ("Ann/ann.github.io", "https://github.com", "https://ann.github.io/"),
        ("ann/thing", "https://forge.example", ""),
        ("", "", ""),
    ],
)
def test_a_job_knows_where_pages_serves_its_repository(monkeypatch, repository, server, address):
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    monkeypatch.setenv("GITHUB_SERVER_URL", server)
    assert job.pages() == address


@pytest.mark.parametrize("words", WORDS)
def test_words_stay_words_on_the_page(page, words):
    job.summarize("plan", words)
    job.summarize("receipt", "the end")
    from markdown_it import MarkdownIt

    tokens = MarkdownIt().parse(page.read_text())
    assert [token.type for token in tokens if token.type == "fence"] == ["fence", "fence"]
    assert [t.content for t in tokens if t.type == "inline"] == ["plan", "receipt"]
    assert tokens[3].content == f"{words.strip()}\n"


def test_a_page_that_is_too_long_is_cut(page):
    job.summarize("plan", "x" * 2_000_000)
    assert len(page.read_text()) < 1_000_000


@pytest.mark.parametrize("words", [word for word in WORDS if "\n" in word])
def test_an_output_of_several_lines_is_refused_before_any_is_set(tmp_path, monkeypatch, words):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    with pytest.raises(UsageError, match="more than one line"):
        job.set_outputs(version="1.0", reason=words)
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("words", WORDS)
def test_no_line_is_a_command_to_the_runner(monkeypatch, words):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = job.harmless(f"first\n{words}")
    assert not [line for line in said.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in said
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert job.harmless(words) == words


def test_a_stage_takes_its_inputs_from_the_environment_and_a_flag_wins(tmp_path):
    project = make_project(tmp_path / "project")
    env = {"RELEASE_WARDEN_BUMP": "2.0", "RELEASE_WARDEN_REASON": "$(touch PWNED) `id`"}
    asked = warden(project, "release.publish", "--stage", "check", **env)
    assert asked.code == 0, asked.err
    assert asked.document["handover"]["version"] == "2.0"
    flagged = warden(project, "release.publish", "--stage", "check", "--bump", "3.0", **env)
    assert flagged.document["handover"]["version"] == "3.0"
    whole = warden(project, "release.publish", "--dry-run", **env)
    assert whole.document["version"] == "1.0.0", "without --stage nothing steers from there"
    assert not list(tmp_path.rglob("PWNED"))


def test_record_knows_the_project_by_what_check_has_written(tmp_path):
    """With the right to push it runs no code; what was changed on the way is refused."""
    project = make_project(tmp_path / "project")
    advisories = tmp_path / "advisories"
    advisories.mkdir()
    (advisories / "X-1.json").write_text('{"id": "X-1", "modified": "2026-01-01T00:00:00Z"}')
    flags, output = ("--advisories", str(advisories)), tmp_path / "output"
    checked = warden(project, "release.auto", "--stage", "check", *flags, GITHUB_OUTPUT=str(output))
    assert checked.code == 0, checked.err
    told = dict(line.split("=") for line in output.read_text().splitlines())
    assert set(told) == {"metadata"}
    env = {"GITHUB_TOKEN": TOKEN, "RELEASE_WARDEN_METADATA": told["metadata"]}
    blind = warden(project, "release.auto", "--stage", "record", *flags, GITHUB_TOKEN=TOKEN)
    assert blind.code == 2
    kept = warden(project, "release.auto", "--stage", "record", *flags, **env)
    assert kept.code == 0, kept.err
    file = project / ".release" / "handover" / "metadata.json"
    file.write_text(file.read_text().replace("plain-thing", "other-thing"))
    forged = warden(project, "release.auto", "--stage", "record", *flags, **env)
    assert forged.code == 2
    assert "was not handed over" in forged.document["what"]


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """The address of a server with an empty repository, ``remote.git``, for whoever has a token."""
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    with git_server(tmp_path, TOKEN) as address:
        yield address


def test_the_jobs_token_opens_the_jobs_server_and_no_other(server, tmp_path, monkeypatch):
    project = make_project(tmp_path / "project")
    git(project, "remote", "add", "origin", f"{server}/remote.git")
    remote, commit = Remote(Git(project), "origin"), git(project, "rev-parse", "HEAD")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    for elsewhere in ("", "https://github.com", f"{server}0", "http://git.example"):
        monkeypatch.setenv("GITHUB_SERVER_URL", elsewhere)
        with pytest.raises(TryAgainError):
            remote.tips("refs/*")
    monkeypatch.setenv("GITHUB_SERVER_URL", server)
    remote.move("refs/heads/main", commit, old=None)
    assert remote.tips("refs/heads/*") == {"refs/heads/main": commit}
    assert TOKEN not in git(project, "config", "--list")


def test_the_token_is_in_no_argument_and_its_file_is_private_and_goes(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    with job.credential_for("https://github.com/a/b") as words:
        file = Path(words[-1].split("'")[1])
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text() == "https://x-access-token:canary%20token%2F55%40x@github.com\n"
        assert "canary" not in "".join(words)
    assert not file.exists()
    for address in ("https://github.com.evil.example/a", "git@github.com:a/b", "/srv/remote.git"):
        with job.credential_for(address) as words:
            assert words == ()
