"""The plan tells every problem at once, before anything is done."""

import msgspec
import pytest
from msgspec.structs import replace
from packaging.version import Version

from release.model.decision import Decision, Inputs, Reason
from release.model.listing import IndexFile
from release.ship.plan import World, make_plan, parsed

DECISION = Decision(
    action="release",
    trigger="manual",
    bump="",
    reasons=(Reason(rule="a-person-asked", why="because"),),
    fingerprint="",
    inputs=Inputs(snapshot="", baseline="", policy="", config=""),
)


ATTESTED = IndexFile(name="p-1.0.tar.gz", url="", provenance=True)
PLAIN = IndexFile(name="p-1.1.tar.gz", url="")


def world(**changes):
    return World(
        **{
            "project": "p",
            "repository": "local",
            "commit": "c" * 40,
            "tag_prefix": "local/v",
            "listed": (),
            "tags": (),
            "sealed": (),
            "dirty": (),
            "gates": ("tests",),
            "gates_note": "",
            "missing_gates": (),
            "current": "1.0",
            "here": (),
            "elsewhere": (),
        }
        | changes
    )


MAINTAINED = {
    "current": "1.4.8",
    "tags": ("local/v1.4.8", "local/v2.0.0"),
    "here": ("local/v1.4.8",),
    "elsewhere": ("local/v2.0.0",),
}


def checks(version, **changes):
    plan = make_plan(world(**changes), DECISION, Version(version), "", ())
    return [problem.check for problem in plan.problems]


@pytest.mark.parametrize(
    ("version", "changes", "expected"),
    [
        ("1.0", {}, []),
        ("1.0", {"dirty": ("a.py",)}, ["clean-tree"]),
        ("1.0", {"sealed": ("1.0",)}, ["version-free"]),
        ("1.0", {"tags": ("local/v1.0.0",)}, ["version-free"]),  # PEP 440: 1.0 == 1.0.0
        ("1.0", {"listed": (IndexFile(name="p-1.0.tar.gz", url=""),)}, ["version-free"]),
        ("1.0", {"tags": ("local/v2.0",), "here": ("local/v2.0",)}, ["version-monotonic"]),
        ("1.4.9", MAINTAINED, []),  # a maintained branch goes on below what another line has
        ("1.4.8", MAINTAINED, ["version-free"]),
        ("2.0.0", MAINTAINED, ["version-free"]),
        ("1.4.7", MAINTAINED, ["version-monotonic"]),
        ("1.0", {"listed": (IndexFile(name="p-2.0.tar.gz", url=""),)}, []),  # nobody knows whose
        ("1.0", {"listed": (IndexFile(name="p-1.5.tar.gz", url=""),)}, ["version-monotonic"]),
        ("1!1.0", {"sealed": ("2.0",)}, []),  # an epoch is above every version without
        ("2.0rc1", {"sealed": ("1.0",)}, []),
        ("1.0", {"missing_gates": ("lint",)}, ["gates-exist"]),
        ("1.0+x", {}, ["public-version"]),
        ("1.0.dev1", {}, ["no-development-version"]),
        ("1.0.post1", {}, ["no-post-version"]),
        ("1.0.post1.dev2+x", {}, ["public-version", "no-development-version", "no-post-version"]),
        ("1.0", {"credential": "none was found"}, ["credential"]),
        ("1.0", {"misfits": ("a.txt: no archive", "b: of another")}, ["artifacts", "artifacts"]),
        ("2.0", {"listed": (ATTESTED,)}, ["provenance"]),
        ("2.0", {"listed": (ATTESTED, PLAIN)}, []),  # the last one had none
        ("2.0", {"listed": (ATTESTED, replace(PLAIN, yanked=True))}, ["provenance"]),
        ("2.0", {"listed": (ATTESTED,), "attests": True}, []),
        ("2.0", {"listed": (ATTESTED,), "less_provenance": "the CI is down"}, []),
        (
            "1.0",
            {"dirty": ("a",), "sealed": ("1.0",), "missing_gates": ("g",)},
            ["clean-tree", "version-free", "gates-exist"],
        ),
    ],
)
def test_problems(version, changes, expected):
    assert checks(version, **changes) == expected


@pytest.mark.parametrize(
    ("trigger", "current", "expected"),
    [
        ("security-auto", "2.0rc1", ["final-by-hand"]),
        ("security-auto", "2.0rc2.dev3+g1", ["final-by-hand"]),
        ("security-auto", "2.0.1.dev3+g1", []),  # derived from tags: not of a pre-release
        ("security-auto", "2.0", []),
        ("manual", "2.0rc1", []),
    ],
)
def test_a_pre_release_becomes_final_by_a_persons_word_only(trigger, current, expected):
    decision = msgspec.structs.replace(DECISION, trigger=trigger)
    plan = make_plan(world(current=current), decision, Version("2.0.1"), "", ())
    assert [problem.check for problem in plan.problems] == expected


def test_a_tag_that_is_no_version_is_none():
    assert parsed(["2-docs", "latest", "1.2.4"]) == {Version("1.2.4")}


def test_irreversible_steps_come_after_every_check_of_the_bytes():
    steps = [step.name for step in make_plan(world(), DECISION, Version("1"), "", ()).steps]
    assert steps.index("seal") > max(steps.index(name) for name in ("gates", "build", "verify"))
    assert (
        steps.index("tag") > steps.index("prove") > steps.index("confirm") > steps.index("upload")
    )


def test_a_plan_survives_its_own_bytes():
    plan = make_plan(world(dirty=("x",)), DECISION, Version("1"), "notes", ())
    assert msgspec.json.decode(msgspec.json.encode(plan), type=type(plan)) == plan


def test_the_reason_for_less_provenance_is_in_the_plan():
    plan = make_plan(world(less_provenance="the CI is down"), DECISION, Version("1"), "", ())
    assert plan.less_provenance == "the CI is down"
