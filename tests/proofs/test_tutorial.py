"""The tutorial is typed to its end, in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tutorial import tutorial, typed

pytestmark = [pytest.mark.proof, pytest.mark.online]


def test_a_stranger_gets_from_an_empty_folder_to_a_release_that_is_owed(tmp_path: Path) -> None:
    said = typed(tutorial(), tmp_path, timeout=900)
    held, released, quiet = said.split("-s auto -- --to local --advisories ../advisories")[1:]
    assert "nothing-to-ship" in held
    assert "replace 'idna<3.7' by 'idna'" in " ".join(held.split())
    assert "greeter-of-the-tutorial 0.1.1 is on local" in released
    assert "nothing-owed" in quiet
    assert "nothing to do" in quiet
    assert said.endswith("git status --short\n?? security/\n")
