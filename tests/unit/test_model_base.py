"""Documents: canonical bytes, digests without clocks, strict and tolerant reading."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest

from release.errors import DocumentError
from release.model.base import decode, digest, encode
from release.model.changes import Changes
from release.model.snapshot import Closure, Project, Scanner, Snapshot

MORNING, EVENING = datetime(2026, 1, 1, 8, tzinfo=UTC), datetime(2026, 1, 1, 20, tzinfo=UTC)


def snapshot(at, database, state="ok"):
    return Snapshot(
        project=Project(name="p", version="1", commit="c"),
        taken_at=at,
        scanners={"osv": Scanner(state=state, covered=("a==1",), database_date=database)},
    )


def test_a_document_carries_its_schema_and_survives_its_own_bytes():
    document = snapshot(MORNING, MORNING)
    assert b'"schema": "release-warden/snapshot/1"' in encode(document)
    assert decode(Snapshot, encode(document)) == document


def test_the_digest_leaves_clocks_out_at_every_depth():
    assert digest(snapshot(MORNING, MORNING)) == digest(snapshot(EVENING, EVENING))
    assert digest(snapshot(MORNING, MORNING)) != digest(snapshot(MORNING, MORNING, "failed"))


def test_the_digest_leaves_out_the_moment_that_a_closure_was_resolved_at():
    def resolved(at):
        closure = Closure(
            kind="published",
            version="1",
            origin="x",
            requires=(),
            pythons=("3.11",),
            extras=(),
            exclude_newer=at,
        )
        return msgspec.structs.replace(snapshot(MORNING, MORNING), closures=(closure,))

    assert digest(resolved(MORNING)) == digest(resolved(EVENING))


def test_the_digest_is_that_of_the_canonical_json_without_the_clock_fields():
    closure = Closure(
        kind="published", version="1", origin="x", requires=("a",), pythons=("3.11",), extras=(),
        arguments=("--exclude-newer",), exclude_newer=MORNING,
    )  # fmt: skip
    document = msgspec.structs.replace(
        snapshot(MORNING, MORNING), closures=(closure,), beside=(closure,)
    )
    content = json.loads(encode(document))
    del content["taken_at"], content["scanners"]["osv"]["database_date"]
    for told in (*content["closures"], *content["beside"]):
        del told["arguments"], told["exclude_newer"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert digest(document) == sha256(text.encode()).hexdigest()


def test_a_changed_copy_has_a_digest_of_its_own():
    document = snapshot(MORNING, MORNING)
    before = digest(document)
    assert digest(msgspec.structs.replace(document, repository="pypi")) != before
    assert digest(document) == before


def test_readers_are_tolerant_of_unknown_fields():
    data = b'{"schema": "release-warden/changes/1", "since": "x", "later": [1]}'
    assert decode(Changes, data) == Changes(since="x")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"<html>503</html>",
        b"\xff\xfe",
        b'{"schema": "release-warden/changes/1"}',
        b'{"schema": "release-warden/changes/2", "since": "x"}',
        b'{"schema": "release-warden/changes/1", "since": 3}',
        b'{"schema": "release-warden/changes/1", "since": "x", "cha',
    ],
)
def test_readers_are_strict_on_what_must_be_there(data):
    with pytest.raises(DocumentError, match="is no release-warden/changes/1"):
        decode(Changes, data, origin="the file")


def test_a_moment_without_a_zone_is_refused():
    text = encode(snapshot(MORNING, MORNING)).replace(b"T08:00:00Z", b"T08:00:00")
    with pytest.raises(DocumentError):
        decode(Snapshot, text)
