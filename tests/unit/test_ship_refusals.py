"""What an index refuses for ever."""

from __future__ import annotations

import pytest

from release.ship.refusals import LIMIT, of_file, of_metadata, of_project

SOUND = {
    "name": "thing",
    "version": "1.0",
    "description": "A thing.",
    "license": "MIT OR Apache-2.0",
    "requires-python": ">=3.11",
    "classifiers": ["Programming Language :: Python :: 3.11"],
    "dependencies": ["packaging>=24; python_version < '3.13'"],
    "optional-dependencies": {"more": ["rich"]},
    "urls": {"Source": "https://example.org/thing"},
}


def test_a_sound_project_is_taken():
    assert of_project(SOUND) == ()
    assert of_project({"name": "thing", "dynamic": ["version"]}) == ()
    assert of_project(SOUND | {"license": {"text": "MIT"}}) == ()
    assert of_project({}) == ()  # setup.py, setup.cfg or poetry's own table say it all


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "a thing"}, "'a thing' is invalid for 'name'"),
        ({"description": "two\nlines"}, "'summary' must be a single line"),
        ({"description": "x" * 513}, "513 characters"),
        ({"license": "MIT OR"}, "is invalid for 'license-expression'"),
        ({"license": "My Own"}, "is invalid for 'license-expression'"),
        ({"requires-python": "three"}, "is invalid for 'requires-python'"),
        ({"classifiers": ["No :: Such"]}, "no such classifier"),
        ({"classifiers": ["Natural Language :: Ukranian"]}, "use Natural Language :: Ukrainian"),
        ({"classifiers": ["Private :: Do Not Upload"]}, "off public indexes"),
        ({"dependencies": ["a @ https://example.org/a.whl"]}, "an address in place of a version"),
        ({"optional-dependencies": {"x": ["a @ git+https://e.org/a"]}}, "an address in place"),
        ({"dependencies": ["a >> 1"]}, "is invalid for 'requires-dist'"),
        ({"urls": {"Source": "ftp://example.org"}}, "no http or https address"),
        ({"urls": {"x" * 33: "https://example.org"}}, "more than 32 characters"),
    ],
)
def test_what_is_refused_is_told_before_it_is_built(wrong, says):
    told = of_project(SOUND | wrong)
    assert len(told) == 1
    assert says in told[0]


def test_all_that_is_refused_is_told_at_once():
    told = of_project(SOUND | {"name": "a b", "description": "x\ny", "classifiers": ["No"]})
    assert len(told) == 3


def test_the_metadata_of_an_archive():
    head = "Metadata-Version: 2.4\nName: thing\nVersion: 1.0\n"
    assert of_metadata(head + "Requires-Dist: a>=1\n\nText.") == ()
    assert "an address" in of_metadata(head + "Requires-Dist: a @ https://example.org/a.whl\n")[0]
    assert "9.9" in of_metadata("Metadata-Version: 9.9\nName: thing\nVersion: 1.0\n")[0]
    assert of_metadata(head + "Nonsense: x\n") == ("nonsense: cannot be read",)
    assert of_metadata("Metadata-Version: 2.4\nName: thing\nVersion: one\n")


@pytest.mark.parametrize(
    ("name", "size", "says"),
    [
        ("a-1.0-py3-none-any.whl", LIMIT, ""),
        ("a-1.0-py3-none-any.whl", LIMIT + 1, "bytes"),
        ("a-1.0-cp311-cp311-linux_x86_64.whl", 1, "linux_x86_64 is refused"),
        ("a-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", 1, ""),
        ("a-1.0-cp311-cp311-musllinux_1_2_aarch64.whl", 1, ""),
        ("a-1.0-cp311-cp311-macosx_11_0_arm64.whl", 1, ""),
        ("a-1.0-cp311-cp311-win_amd64.whl", 1, ""),
        ("a-1.0.tar.gz", 1, ""),
        ("a-1.0.zip", 1, "ends in .tar.gz"),
    ],
)
def test_file_names_and_sizes(name, size, says):
    told = of_file(name, size)
    assert (says in told[0]) if says else told == ()
