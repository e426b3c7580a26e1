"""A release with less provenance than the one before stops, and passes with a recorded reason."""

from __future__ import annotations

import json

from kit import make_wheel
from shops import open_shop

from release.adapters.credentials import Credential, Given
from release.adapters.repository import Repository
from release.adapters.upload import upload


def attested(visit):
    """A listing of files that have attestations (PEP 740)."""
    said = visit.proceed()
    if said.status != 200 or b'"files"' not in said.body:
        return said
    page = json.loads(said.body)
    for file in page["files"]:
        if "-0.9" in file["filename"]:
            file["provenance"] = f"{file['url']}.provenance"
    return said._replace(body=json.dumps(page).encode())


def test_less_provenance_needs_a_reason_which_is_kept(tmp_path, hostile_index):
    index, reason = hostile_index, "attestations are not made by this tool yet"
    given = Given(Credential(index.username, index.password))
    before = make_wheel(tmp_path / "before", version="0.9", name="plain_thing")
    upload(Repository("shop", index.simple_url, index.upload_url, given), [before])
    index.misbehave("listing", then=attested)
    right = {"TWINE_USERNAME": index.username, "TWINE_PASSWORD": index.password}
    with open_shop(tmp_path) as shop:
        path = shop.project / "pyproject.toml"
        text = path.read_text().replace(shop.server.upload_url, index.upload_url)
        path.write_text(f'{text}simple-url = "{index.simple_url}"\n')
        shop.change(shop.project, "another index")
        stopped = shop.publish(**right)
        assert stopped.code == 3
        assert "attestations" in stopped.document["why"]
        assert "--less-provenance" in stopped.document["why"] + stopped.document["next"]
        assert len(index.stored) == 1
        done = shop.publish("--less-provenance", reason, **right)
        assert done.code == 0, done.err
        assert shop.sealed("1.0.0", "plan")["less_provenance"] == reason
        assert len(index.stored) == 3
