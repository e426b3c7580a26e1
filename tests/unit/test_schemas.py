"""The published JSON Schemas are those of the classes, and say what the design says."""

from importlib.resources import files

import msgspec
import pytest

from release.schemas import schemas


@pytest.mark.parametrize("name", schemas())
def test_the_published_schema_is_the_one_of_the_class(name):
    published = files("release.schemas").joinpath(name).read_bytes()
    assert published == schemas()[name], "run: python -m release.schemas"


REQUIRED = {
    "snapshot": {"project", "taken_at", "scanners", "findings"},
    "changes": {"since", "changes", "unknown"},
    "decision": {"action", "trigger", "bump", "reasons", "reach", "fingerprint", "inputs"},
    "plan": {"decision", "version", "notes", "steps", "problems"},
    "receipt": {
        "project", "version", "repository", "files", "uploaded_at", "confirmed_at", "tag", "seal",
        "timings",
    },
}  # fmt: skip


@pytest.mark.parametrize(("kind", "fields"), REQUIRED.items(), ids=REQUIRED.keys())
def test_a_document_has_the_fields_that_outsiders_rely_on(kind, fields):
    schema = msgspec.json.decode(schemas()[f"{kind}.json"])
    definition = schema["$defs"][kind.title()]
    assert fields | {"schema"} <= set(definition["properties"])
    assert definition["properties"]["schema"]["enum"] == [f"release-warden/{kind}/1"]
