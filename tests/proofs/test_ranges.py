"""Our evaluation of advisories beside another one, over every record of a real database."""

from __future__ import annotations

import pytest
from ranges import ARCHIVE, NO_ARCHIVE, compare, real_records

pytestmark = pytest.mark.proof

NO_VERSIONS = {
    "PYSEC-2019-125",  # a range that ends at 0.2-n653
    "PYSEC-2021-371",
}
"""The records with a range whose turns are no versions (PEP 440): a package that they name is
covered at the versions that they list, and at no other."""


@pytest.mark.skipif(not ARCHIVE, reason=NO_ARCHIVE)
def test_every_real_record_at_every_version_and_beside_each(sample: bool) -> None:
    compared = compare(real_records()[:: 5 if sample else 1])
    assert compared.disagreements == []
    assert compared.doubtful == NO_VERSIONS or (sample and compared.doubtful <= NO_VERSIONS)
    assert compared.verdicts > (20_000 if sample else 150_000)
