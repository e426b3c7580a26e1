"""The pytest plugin: a fixture with an index that misbehaves as it is told.

Installed with the distribution, under the entry point ``pytest11``; only pytest imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from release.testing.hostile_index import HostileIndex


@pytest.fixture
def hostile_index() -> Iterator[HostileIndex]:
    """An index of the test's own on loopback; see :mod:`release.testing.hostile_index`."""
    from release.testing.hostile_index import serve_hostile_index

    with serve_hostile_index() as index:
        yield index
