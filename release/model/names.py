"""Names of packages, compared as PEP 503 says."""

from __future__ import annotations

from functools import lru_cache

from packaging.utils import canonicalize_name

normalised = lru_cache(maxsize=1 << 17)(canonicalize_name)
"""``canonicalize_name``, remembered: a record asks for the same few names again and again."""
