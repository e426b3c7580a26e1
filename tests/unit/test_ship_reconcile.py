"""What a version's sighting means: every state, with the command that is next."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from release.model.listing import IndexFile
from release.model.reconciliation import Observed
from release.model.seal import Archive, Entry, Journal, Manifest
from release.ship.reconcile import ALARMS, UNFINISHED, URGENCY, Scene, Sighting, reconcile

NOW = datetime(2026, 11, 23, tzinfo=UTC)
C, OTHER = "c" * 40, "d" * 40
WHEEL, SDIST = "thing-1.0-py3-none-any.whl", "thing-1.0.tar.gz"
MANIFEST = Manifest(
    project="thing", version="1.0", repository="shop", seal="s", commit=C, base=C, stored=C,
    tag="v1.0", fingerprint="", content="", trigger="manual", notes="", sealed_at=NOW,
    files=(Archive(name=WHEEL, sha256="1", size=1), Archive(name=SDIST, sha256="2", size=1)),
)  # fmt: skip


def listed(*names: str, digest: str = "", yanked: bool = False) -> tuple[IndexFile, ...]:
    ours = {WHEEL: "1", SDIST: "2"}
    return tuple(
        IndexFile(name=n, url=f"https://x/{n}", sha256=digest or ours.get(n, "9"), yanked=yanked)
        for n in names
    )


BOTH = listed(WHEEL, SDIST)


def journal(state: str, *steps: str) -> Journal:
    entries = tuple(Entry(step=step, at=NOW, seconds=0.0) for step in steps)
    return Journal(state=state, entries=entries)


def seal(state: str, *steps: str, **other: object) -> Sighting:
    facts = {"listed": (), "here": None, "there": None, **other}
    return Sighting(
        version="1.0", tag="v1.0", manifest=MANIFEST, journal=journal(state, *steps), **facts
    )


def done(**other: object) -> Sighting:
    return seal("confirmed", **{"listed": BOTH, "here": C, "there": C, **other})


def unknown_to_us(**facts: object) -> Sighting:
    return Sighting(version="1.0", tag="v1.0", **facts)


def noted(**files: str) -> Observed:
    return Observed(version="1.0", tag=None, files=files, at=NOW)


PUBLISH, LOOK = "release-warden release.publish", "release-warden release.reconcile"
REBUILD = f"{LOOK} --rebuild"
YANK = "release-warden release.yank 1.0 --reason "
PARTLY = YANK + "'only a part of it was released'"
STRANGE = YANK + "'it holds bytes that we did not release'"
STRANGER = listed(WHEEL, SDIST, "thing-1.0-cp311-cp311-win32.whl")
CASES = {
    "released": (done(), "clean", ""),
    "sealed": (seal("open"), "sealed", PUBLISH),
    "half up": (seal("open", listed=listed(WHEEL)), "uploading", PUBLISH),
    "up": (seal("open", listed=BOTH), "unconfirmed", PUBLISH),
    "up, says the journal": (seal("open", "upload"), "unconfirmed", PUBLISH),
    "confirmed": (seal("open", "upload", "confirm", listed=BOTH), "unconfirmed", PUBLISH),
    "proved": (seal("open", "confirm", "prove", listed=BOTH), "untagged", PUBLISH),
    "no receipt yet": (
        seal("open", "confirm", "prove", "tag", listed=BOTH, there=C), "unconfirmed", PUBLISH,
    ),
    "the bytes are lost": (
        seal("open", bytes_lost=True), "sealed", f"{PUBLISH} --abandon 'the sealed bytes are lost'",
    ),
    "all up, the bytes lost": (seal("open", listed=BOTH, bytes_lost=True), "unconfirmed", PUBLISH),
    "the tag is away": (done(there=None), "untagged", f"git push origin {C}:refs/tags/v1.0"),
    "the tag was moved": (
        done(there=OTHER),
        "untagged",
        f"git push --force-with-lease=refs/tags/v1.0:{OTHER} origin {C}:refs/tags/v1.0",
    ),
    "not fetched here": (done(here=None), "clean", ""),
    "not merged": (done(merged=False), "unmerged", "git merge v1.0"),
    "merged": (done(merged=True), "clean", ""),
    "not announced yet": (
        seal("confirmed", "announce-failed", listed=BOTH, here=C, there=C),
        "unmerged", "release-warden release.auto",
    ),
    "announced": (
        seal("confirmed", "announce", listed=BOTH, there=C, announced={WHEEL: "1"}), "clean", "",
    ),
    "the forge has other bytes": (
        seal("confirmed", "announce", listed=BOTH, there=C, announced={WHEEL: "8"}),
        "bytes-differ", "gh release view v1.0",
    ),
    "taken off": (done(listed=()), "unconfirmed", REBUILD),
    "taken off, known": (seal("confirmed", "gone", there=C), "clean", ""),
    "other bytes": (done(listed=listed(WHEEL, digest="8")), "bytes-differ", STRANGE),
    "a file that was never sealed": (done(listed=STRANGER), "bytes-differ", STRANGE),
    "other bytes, to be yanked": (
        done(listed=listed(WHEEL, digest="8"), yank=True), "bytes-differ", STRANGE,
    ),
    "other bytes, yanked": (
        done(listed=listed(WHEEL, digest="8", yanked=True), yank=True), "clean", "",
    ),
    "other bytes in a seal": (
        seal("open", listed=listed(WHEEL, digest="8")), "bytes-differ",
        f"{PUBLISH} --abandon 'other bytes are under its name'",
    ),
    "abandoned": (seal("abandoned"), "abandoned", PUBLISH),
    "abandoned, and up": (seal("abandoned", listed=BOTH), "closed", PARTLY),
    "closed": (seal("closed", listed=listed(WHEEL)), "closed", PARTLY),
    "closed, yanked": (seal("closed", listed=listed(WHEEL, yanked=True)), "closed", PUBLISH),
    "a tag alone": (unknown_to_us(there=OTHER), "tag-only", REBUILD),
    "a tag alone, noted": (unknown_to_us(there=OTHER, observed=noted()), "clean", ""),
    "files alone": (unknown_to_us(listed=BOTH), "index-only", REBUILD),
    "files and a tag": (unknown_to_us(listed=BOTH, there=C), "index-only", REBUILD),
    "files, noted": (
        unknown_to_us(listed=BOTH, observed=noted(**{WHEEL: "1", SDIST: "2"})), "clean", "",
    ),
    "files, changed since": (
        unknown_to_us(listed=BOTH, observed=noted(**{WHEEL: "1"})), "index-only", REBUILD,
    ),
    "only this clone knows": (
        done(shared=False), "index-only", "git push origin 'refs/x/*:refs/x/*'",
    ),
    "unreadable": (unknown_to_us(unreadable="no JSON", listed=BOTH), "unknown", LOOK),
}  # fmt: skip


def scene(*sightings: Sighting, **other: object) -> Scene:
    facts = {"remote": "origin", "ledger_root": "refs/x", **other}
    return Scene(project="thing", repository="shop", as_of=NOW, sightings=sightings, **facts)


@pytest.mark.parametrize("name", CASES)
def test_a_state_and_what_is_next(name):
    sighting, state, following = CASES[name]
    found = reconcile(scene(sighting))
    assert (found.state, found.next) == (state, following)


def test_every_state_is_shown_here_and_has_an_urgency():
    assert {state for _, state, _ in CASES.values()} == set(URGENCY)
    assert not ALARMS & UNFINISHED


def test_nothing_at_all_is_clean():
    assert reconcile(scene()).state == "clean"


@pytest.mark.parametrize("part", ["index", "remote", "ledger", "forge"])
def test_what_does_not_answer_is_unknown_and_never_clean(part):
    found = reconcile(scene(done(), unseen={part: "silent"}))
    assert (found.state, found.next) == ("unknown", LOOK)
    assert [(one.part, one.why) for one in found.unseen] == [(part, "silent")]
    assert reconcile(scene(unseen={part: "silent"})).state == "unknown"


def test_other_bytes_alarm_also_where_the_remote_is_silent():
    bad = done(listed=listed(WHEEL, digest="8"))
    assert reconcile(scene(bad, unseen={"remote": "silent"})).state == "bytes-differ"


def test_without_a_remote_the_tag_here_counts():
    alone = scene(done(there=None), remote=None)
    assert reconcile(alone).state == "clean"
    found = reconcile(scene(done(here=None, there=None), remote=None))
    assert (found.state, found.next) == ("untagged", f"git update-ref refs/tags/v1.0 {C}")


def later(sighting: Sighting, version: str) -> Sighting:
    facts = dict(vars(sighting))
    if sighting.manifest:
        facts["manifest"] = replace(sighting.manifest, version=version)
    return Sighting(**{**facts, "version": version})


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ("released", "abandoned", "abandoned"),
        ("abandoned", "released", "clean"),
        ("closed, yanked", "released", "clean"),
        ("closed", "released", "closed"),
        ("sealed", "files alone", "index-only"),
        ("files alone", "other bytes", "bytes-differ"),
        ("half up", "a tag alone", "uploading"),
        ("not merged", "the tag is away", "untagged"),
    ],
)
def test_the_most_urgent_version_is_told_and_all_are_listed(first, second, state):
    found = reconcile(scene(CASES[first][0], later(CASES[second][0], "1.10")))
    assert found.state == state
    assert [one.version for one in found.versions] == ["1.0", "1.10"]


def test_the_hashes_stand_side_by_side_and_every_difference_is_told():
    bad = done(listed=listed(WHEEL, digest="8"), there=OTHER)
    found = reconcile(scene(bad))
    (version,) = found.versions
    assert [(f.name, f.ledger, f.index) for f in version.files] == [
        (WHEEL, "1", "8"),
        (SDIST, "2", None),
    ]
    assert (version.commit, version.tag_here, version.tag_there) == (C, C, OTHER)
    assert [(d.part, d.what) for d in found.differences] == [
        ("index", f"{WHEEL}: sha256 8, sealed was 1"),
        ("index", f"{SDIST} is not there"),
        ("remote", f"the tag v1.0 stands on {OTHER}, the release commit is {C}"),
    ]


def test_a_repository_that_was_named_stays_named():
    found = reconcile(scene(seal("open"), to="https://x.example/legacy/"))
    assert found.next == f"{PUBLISH} --to https://x.example/legacy/"
