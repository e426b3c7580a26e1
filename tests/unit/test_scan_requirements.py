"""Requirements: read, lifted, floored, edited; Python versions and markers; the resolver's lock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from packaging.markers import Marker
from packaging.version import Version

from release.model.listing import IndexFile
from release.model.snapshot import Edit, Pin
from release.scan.pythons import admits, holds, runs, supported
from release.scan.requirements import (
    apply,
    is_barred,
    lift,
    package_of,
    raise_floor,
    readable,
    unite,
)
from release.scan.resolution import merge, pin, read_lock


@pytest.mark.parametrize(
    ("line", "lifted"),
    [
        ("a<2,>=1", "a>=1"),
        ("a==1.2", "a>=1.2"),
        ("a==1.2+local", "a>=1.2"),
        ("a===1.2", "a>=1.2"),
        ("a===wild", "a"),
        ("a==1.*", "a>=1"),
        ("a~=1.4", "a>=1.4"),
        ("a~=1.4,!=1.4.3", "a!=1.4.3,>=1.4"),
        ("a<=3", "a"),
        ("a>1,<3", "a>1"),
        ("a>=1,!=2", "a>=1"),
        ("a[x,y]<2 ; python_version < '3.12'", 'a[x,y]; python_version < "3.12"'),
        ("a<2 ; extra == 'x'", 'a; extra == "x"'),
    ],
)
def test_lifting_drops_what_keeps_newer_releases_out(line: str, lifted: str) -> None:
    assert lift(line) == lifted
    assert is_barred(line)
    assert not is_barred(lift(lift(line)))


@pytest.mark.parametrize("line", ["a", "a>=1", "a>1", "a[x]>=2 ; extra == 'y'"])
def test_a_floor_keeps_nothing_newer_out(line: str) -> None:
    assert not is_barred(line)


@pytest.mark.parametrize(
    ("line", "raised"),
    [
        ("a", "a>=2.5"),
        ("a>=1", "a>=2.5"),
        ("a>1,!=2.6", "a!=2.6,>=2.5"),
        ("a[x]>=1 ; os_name == 'nt'", 'a[x]>=2.5; os_name == "nt"'),
    ],
)
def test_a_raised_floor_replaces_the_lower_one(line: str, raised: str) -> None:
    assert raise_floor(line, Version("2.5")) == raised


def test_edits_apply_to_the_line_they_name() -> None:
    edits = (Edit(requirement="a<2", becomes="a"), Edit(requirement="z", becomes="y"))
    assert apply(("a<2", "b<2", "a <2"), edits) == ("a", "b<2", "a <2")


def test_united_edits_ask_for_the_highest_floor_once() -> None:
    low, high = (Edit(requirement="a<2", becomes=f"a>={n}") for n in (2, 10))
    other = Edit(requirement="b<2", becomes="b")
    for edits in ([low, high, other], [other, high, low]):
        assert unite(edits) == (high, other)


@pytest.mark.parametrize("line", ["pytz (>dev)", "kubernetes (>=9.0.0a1.0)", "-e .", ""])
def test_a_legacy_requirement_is_set_aside_by_name(line: str) -> None:
    kept, (gap,) = readable(("fine>=1", line))
    assert kept == ("fine>=1",)
    assert gap.name == line
    assert gap.reason.startswith("no valid requirement: ")


def test_a_direct_url_is_set_aside() -> None:
    kept, (gap,) = readable(("a @ https://files.example/a-1-py3-none-any.whl",))
    assert kept == ()
    assert (gap.package, gap.reason) == ("a", "a direct URL, which no index answers for")


def test_names_are_normalized() -> None:
    assert package_of("My_Thing.X [y] >=1") == "my-thing-x"


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("requires", "day", "minors"),
    [
        (">=3.8", "2024-10-01", ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")),
        (">=3.8", "2024-10-07", ("3.9", "3.10", "3.11", "3.12", "3.13")),
        (">=3.11", "2025-10-06", ("3.11", "3.12", "3.13")),
        (">=3.11", "2025-10-07", ("3.11", "3.12", "3.13", "3.14")),
        (">=3.8", "2026-11-23", ("3.11", "3.12", "3.13", "3.14", "3.15")),
        (">=3.8,<3.13", "2026-11-23", ("3.11", "3.12")),
        ("~=3.11", "2026-11-23", ("3.11", "3.12", "3.13", "3.14", "3.15")),
        ("!=3.12.*,>=3.11", "2026-11-23", ("3.11", "3.13", "3.14", "3.15")),
        (">=3.11.4,<4", "2026-11-23", ("3.11", "3.12", "3.13", "3.14", "3.15")),
        ("<3.10", "2026-11-23", ("3.9",)),
        ("<3", "2026-11-23", ()),
        (None, "2026-11-23", ("3.11", "3.12", "3.13", "3.14", "3.15")),
        ("three", "2026-11-23", ("3.11", "3.12", "3.13", "3.14", "3.15")),
    ],
)
def test_the_supported_pythons_follow_the_calendar(
    requires: str | None, day: str, minors: tuple[str, ...]
) -> None:
    assert supported(requires, (), at(day)) == minors


def test_the_configuration_wins_and_is_put_in_order() -> None:
    assert supported(">=3.12", ("3.10", "3.9"), at("2026-11-23")) == ("3.9", "3.10")


def test_users_run_the_newest_patch_release() -> None:
    assert admits(">=3.9.2", "3.9")
    assert admits("!=3.9.0,!=3.9.1", "3.9")
    assert not admits("<=3.9", "3.9")


@pytest.mark.parametrize(
    ("marker", "minors"),
    [
        ("python_version < '3.12'", {"3.11"}),
        ("python_full_version >= '3.12.4'", {"3.12"}),
        ("sys_platform == 'win32'", {"3.11", "3.12"}),
        ("sys_platform == 'darwin' and python_version >= '3.12'", {"3.12"}),
        ("platform_machine == 'aarch64' and sys_platform == 'linux'", {"3.11", "3.12"}),
        ("os_name == 'nt' and sys_platform == 'linux'", set()),
        ("implementation_name == 'cpython'", {"3.11", "3.12"}),
        ("implementation_name == 'pypy'", set()),
    ],
)
def test_markers_hold_where_any_user_is(marker: str, minors: set[str]) -> None:
    assert {minor for minor in ("3.11", "3.12") if holds(Marker(marker), minor)} == minors
    assert holds(None, "3.11")


LOCK = """\
colorama==0.4.6 ; sys_platform == 'win32'  # via click
click==8.1.8 ; python_full_version < '3.12'  # via flask, plain-thing
click==8.3.1 ; python_full_version >= '3.12'  # via flask, plain-thing
flask==3.1.2           # via -c /tmp/x/given/constraints.txt, plain_thing
plain-thing @ file:///tmp/x/given/plain_thing-1.0-py3-none-any.whl  # via -r /tmp/x/given/in.txt
"""


def test_a_lock_is_read_with_markers_and_askers() -> None:
    lines = read_lock("# a header\n\n" + LOCK)
    assert [(line.name, line.version, line.via) for line in lines] == [
        ("colorama", "0.4.6", ("click",)),
        ("click", "8.1.8", ("flask", "plain-thing")),
        ("click", "8.3.1", ("flask", "plain-thing")),
        ("flask", "3.1.2", ("plain-thing",)),
    ]
    pins = pin(lines, ("3.11", "3.12"), "x")
    assert [(one.name, one.version, one.pythons) for one in pins] == [
        ("colorama", "0.4.6", ("3.11", "3.12")),
        ("click", "8.1.8", ("3.11",)),
        ("click", "8.3.1", ("3.12",)),
        ("flask", "3.1.2", ("3.11", "3.12")),
    ]


@pytest.mark.parametrize("line", ["flask", "flask>=3", "flask==3,==4", "Resolved 3 packages"])
def test_what_is_no_lock_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="no pinned requirement"):
        read_lock(line)


def test_pins_seen_twice_are_one() -> None:
    first = Pin(name="a", version="1", pythons=("3.12",), extras=("x",), via=("b",))
    second = Pin(name="a", version="1", pythons=("3.11",), extras=("x",), via=("c",))
    third = Pin(name="a", version="1", pythons=("3.11", "3.12"), extras=("",), via=("c",))
    for pins in ([first, second, third], [third, second, first]):
        assert merge(pins, ("3.11", "3.12")) == (
            Pin(name="a", version="1", pythons=("3.11", "3.12"), extras=("", "x"), via=("b", "c")),
        )


def test_pins_say_exactly_where() -> None:
    first = Pin(name="a", version="1", pythons=("3.12",), extras=("x",), via=("b",))
    second = Pin(name="a", version="1", pythons=("3.11",), extras=("",), via=("c",))
    assert {(p.pythons, p.extras) for p in merge([first, second], ("3.11", "3.12"))} == {
        (("3.11",), ("",)),
        (("3.12",), ("x",)),
    }


@pytest.mark.parametrize(
    ("tags", "python", "minors"),
    [
        ("py3-none-any", "", {"3.11", "3.12"}),
        ("py2.py3-none-any", ">=3.12", {"3.12"}),
        ("py312-none-any", "", {"3.12"}),
        ("cp311-cp311-win32", "", {"3.11"}),
        ("cp38-abi3-win_amd64", "", {"3.11", "3.12"}),
        ("cp38-cp38-win_amd64", "", set()),
        ("pp311-pypy311_pp73-win_amd64", "", set()),
        ("py2-none-any", "", set()),
    ],
)
def test_a_wheel_runs_where_its_tags_and_its_python_say(
    tags: str, python: str, minors: set[str]
) -> None:
    file = IndexFile(name=f"a-1-{tags}.whl", url="", requires_python=python or None)
    assert {minor for minor in ("3.11", "3.12") if runs(file, minor)} == minors


def test_an_sdist_runs_where_its_python_says() -> None:
    assert runs(IndexFile(name="a-1.tar.gz", url="", requires_python=">=3.12"), "3.12")
    assert not runs(IndexFile(name="a-1.tar.gz", url="", requires_python=">=3.12"), "3.11")
