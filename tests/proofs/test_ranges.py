"""Our evaluation of advisories beside another one, over every record of a real database."""

from __future__ import annotations

import pytest
from ranges import ARCHIVE, NO_ARCHIVE, compare, real_records

pytestmark = pytest.mark.proof

NO_VERSIONS = {
    "PYSEC-2019-125",  # steam, fixed in 2019-09-12
    "PYSEC-2021-371",  # binderhub, fixed in 0.2.0-n653
}
"""The records with a range that ends at no version (PEP 440), and without a list of versions.
They are set aside by name, and the package that they name is not covered."""


@pytest.mark.skipif(not ARCHIVE, reason=NO_ARCHIVE)
def test_every_real_record_at_every_version_and_beside_each(sample: bool) -> None:
    compared = compare(real_records()[:: 5 if sample else 1])
    assert compared.disagreements == []
    assert compared.doubtful == NO_VERSIONS or (sample and compared.doubtful <= NO_VERSIONS)
    assert compared.verdicts > (20_000 if sample else 150_000)
