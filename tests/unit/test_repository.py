"""Which names and addresses stand for a repository."""

import pytest

from release.adapters import index
from release.adapters.repository import locate
from release.config import RepositoryTable, parse
from release.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    ("url", "simple"),
    [
        ("https://a.example/legacy/", "https://a.example/simple/"),
        ("https://a.example/legacy", "https://a.example/simple/"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/simple/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/simple/"),
        ("https://a.example/repository/own/", "https://a.example/repository/own/simple/"),
    ],
)
def test_the_simple_api_is_derived(url, simple):
    assert locate(url).simple_url == simple
    assert locate(url).upload_url == url
    assert locate(url).tag_folder == ""


def test_names_of_addresses_are_fit_for_refs_and_tell_them_apart():
    urls = ["https://a.example/x/y/", "https://a.example/x-y/", "https://a.example:8443/x/y/"]
    names = [locate(url).name for url in urls]
    assert len(set(names)) == 3
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names)
    assert locate(urls[0]).name == locate(urls[0].rstrip("/")).name


def test_rehearsals_are_tagged_apart():
    folders = {name: locate(name).tag_folder for name in ("local", "testpypi", "pypi")}
    assert folders == {"local": "local/", "testpypi": "testpypi/", "pypi": ""}
    assert locate("pypi").upload_url != locate("testpypi").upload_url


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/legacy/",
        "https://me:secret-77@a.example/legacy/",
        "ftp://a.example/legacy/",
        "https:///legacy/",
        "https://a.example/legacy/?x=1",
    ],
)
def test_an_address_that_is_unsafe_or_none(url):
    with pytest.raises(UsageError) as caught:
        locate(url)
    assert "secret-77" not in str(caught.value)


def test_a_configured_repository():
    text = """
[tool.release-warden.repositories.own]
upload-url = "https://a.example/team/"
simple-url = "https://a.example/team/+simple/"
"""
    place = locate("own", parse(text).repositories)
    assert (place.name, place.simple_url) == ("own", "https://a.example/team/+simple/")


@pytest.mark.parametrize("name", ["pypi", "local", "Own", "a..b", "a/b", ""])
def test_a_name_that_no_repository_may_have(name):
    with pytest.raises(ConfigError):
        locate(name, {name: RepositoryTable(upload_url="https://a.example/")})


def test_a_key_of_a_repository_that_there_is_not():
    with pytest.raises(ConfigError, match="unknown key 'uplod-url'"):
        parse('[tool.release-warden.repositories.own]\nuplod-url = "https://a.example/"')


def test_simple_addresses_are_where_twine_says_the_indexes_are():
    from twine.repository import TEST_WAREHOUSE, WAREHOUSE_WEB

    assert index.pypi_simple_url() == f"{WAREHOUSE_WEB}simple/"
    assert index.testpypi_simple_url() == f"{TEST_WAREHOUSE}simple/"
