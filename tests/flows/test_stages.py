"""A release in stages, each a process of its own, as the jobs of a CI run."""

from __future__ import annotations

import shutil

import pytest
from kit import warden
from shops import Jobs, open_shop


@pytest.fixture
def shop(tmp_path):
    with open_shop(tmp_path) as opened:
        yield opened


def test_a_stage_that_runs_code_refuses_to_see_a_credential(shop):
    for stage in ("check", "build", "prove"):
        ran = warden(shop.project, "release.publish", "--stage", stage, GITHUB_TOKEN="canary-55")
        assert ran.code == 2
        assert "GITHUB_TOKEN" in ran.document["what"]
        assert "canary-55" not in ran.out + ran.err
    assert shop.refs() == ["refs/heads/main"]


def test_a_home_with_a_credential_is_seen_too(shop, tmp_path):
    """A gate sees the home of the runner; one that others use too may hold something."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    for name in (".pypirc", ".aws/credentials", ".netrc"):
        (home / name).write_text("machine index.example login me password canary-55\n")
        ran = warden(shop.project, "release.publish", "--stage", "check", HOME=str(home))
        assert ran.code == 2
        assert ("netrc" if name == ".netrc" else f"~/{name}") in ran.document["what"]
        assert "canary-55" not in ran.out + ran.err
        (home / name).unlink()
    (home / ".netrc").write_text("machine 127.0.0.1 login me password canary-55\n")
    assert warden(shop.project, "release.publish", "--stage", "check", HOME=str(home)).code == 0


def test_what_was_changed_on_the_way_is_refused(shop):
    jobs = Jobs(shop)
    jobs.until("build")
    wheel = next(jobs.carried.glob("*/*.whl"))
    data = wheel.read_bytes()
    wheel.write_bytes(data + b"x")
    changed = jobs.run("record")
    assert changed.code == 1
    assert "changed on the way" in changed.document["what"]
    wheel.write_bytes(data)
    shutil.rmtree(shop.folder / "record")
    listed = next(jobs.carried.glob("*/handover.json"))
    listed.write_text(listed.read_text().replace("1.0.0", "1.0.9"))
    forged = jobs.run("record")
    assert forged.code == 2
    assert "nothing with the digest" in forged.document["what"]
    assert shop.refs() == ["refs/heads/main"]


def test_stages_come_in_their_order_and_exist(shop):
    jobs = Jobs(shop)
    jobs.until("check")
    early = jobs.run("record")
    assert early.code == 2
    assert "stage check, not of build" in early.document["what"]
    unknown = warden(shop.project, "release.publish", "--stage", "bake")
    assert unknown.code == 2
    assert "'bake'" in unknown.document["what"]
