"""Archives against their commit and against another build."""

from __future__ import annotations

import pytest
from kit import pypi_token

from release.ship import comparison
from release.ship.tokens import found

from .test_archives import NAME, SDIST, sdist, zipped


def test_git_names_a_file_so():
    assert comparison.blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert comparison.blob_id(b"hello world\n") == "3b18e512dba79e4c8300dd08aeb37f8e728b8dad"


def blobs(**files: bytes) -> dict[str, str]:
    return {
        path.replace("__", "/") + ".py": comparison.blob_id(data) for path, data in files.items()
    }


def test_a_module_that_differs_from_the_commit_is_found():
    wheel = zipped({"tiny/a.py": "good", "tiny/b.py": "evil", "new.py": "x", "tiny/data.bin": "y"})
    commit = blobs(src__tiny__a=b"good", src__tiny__b=b"good", src__tiny__c=b"good")
    assert comparison.altered(NAME, wheel, commit) == {"src/tiny/b.py": b"evil"}


def test_files_that_backends_write_may_differ():
    wheel = zipped({"tiny/_version.py": "version = '1'"})
    assert comparison.altered(NAME, wheel, blobs(tiny___version=b"version = '0'")) == {}


def test_of_two_files_of_one_name_either_will_do():
    wheel = zipped({"a.py": "two"})
    commit = {"a.py": comparison.blob_id(b"one"), "src/a.py": comparison.blob_id(b"two")}
    assert comparison.altered(NAME, wheel, commit) == {}


def test_the_modules_of_an_sdist_bear_their_whole_path():
    data = sdist("a.py", "b.py")
    [(path, content)] = comparison.altered(SDIST, data, blobs(b=b"x", src__a=b"y")).items()
    assert path == "b.py"
    assert comparison.altered(SDIST, data, {"b.py": comparison.blob_id(content)}) == {}


# Put together here, so that this file holds none itself.
SECRETS = {
    "a PyPI token": pypi_token(),
    "a GitHub token": "ghp" + "_" + "a1" * 18,
    "a GitLab token": "glpat" + "-" + "a" * 20,
    "an AWS access key": "AKIA" + "A" * 16 + '"\nsecret = "' + "b/" * 20,
    "a Slack token": "xoxb" + "-" + "1" * 12 + "-" + "a" * 24,
    "a Stripe key": "sk_" + "live_" + "a" * 24,
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIE" * 20,
}


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items())
def test_a_secret_is_found_and_never_told(kind, secret):
    told = comparison.secrets(NAME, zipped({"tiny/a.py": f'x = "{secret}"\n'}))
    assert told == [f"{NAME}: tiny/a.py holds {kind}"]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "AKIA" + "A" * 16,
        "ghp_short",
        "pypi-AgEshort",
        pypi_token()[:-50],
        "pypi-" + "AgE" + "x" * 80,
        "-----BEGIN PUBLIC KEY-----\n" + "MIIE" * 20,
        "",
    ],
)
def test_what_only_looks_like_a_secret_is_let_through(text):
    assert list(found(text.encode())) == []


@pytest.mark.parametrize("after", ["", "x", "_backup", "=", "\n"])
def test_a_token_is_found_whatever_follows_on_it(after):
    assert list(found(f"token={pypi_token()}{after}".encode())) == ["a PyPI token"]


def test_made_up_secrets_of_tests_are_let_through():
    secret = SECRETS["a GitHub token"]
    assert comparison.secrets(NAME, zipped({"tests/keys.py": secret})) == []


def test_two_builds_are_compared():
    one, other = zipped({"a.py": "1", "b.py": "2"}), zipped({"b.py": "3", "c.py": "4", "a.py": "1"})
    assert comparison.differences(NAME, one, other) == ("b.py", "c.py")
    assert comparison.sameness({NAME: one}, {NAME: one}) == "built twice, byte for byte the same"
    assert "differs in b.py, c.py" in comparison.sameness({NAME: one}, {NAME: other})
    assert "other names" in comparison.sameness({NAME: one}, {SDIST: one})
    turned = zipped({"b.py": "2", "a.py": "1"})
    assert "wrapping only" in comparison.sameness({NAME: one}, {NAME: turned})
    many = zipped({f"m{n}.py": "" for n in range(9)})
    assert "and 8 more" in comparison.sameness({NAME: one}, {NAME: many})
