"""Secrets by their own unmistakable form, so that none leaves in an archive.

Only forms that their issuers made to be found: a prefix and a length that nothing else has. Weaker
signs (entropy, names such as ``password``) are a scanner's work, and would stop honest releases. So
would an example that was cut off, as documentation has them: a token of PyPI counts if it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from release.errors import DocumentError
from release.model.secret import Secret
from release.ship.macaroon import PREFIX, read_scope

OF_PYPI = re.compile(rb"\bpypi-AgE[A-Za-z0-9_-]{60,}")
FORMS: dict[str, re.Pattern[bytes]] = {
    "a private key": re.compile(
        rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=:,\-\s]{64}"
    ),
    "a PyPI token": OF_PYPI,
    "a GitHub token": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})\b"),
    "a GitLab token": re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}\b"),
    "an AWS access key": re.compile(
        rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b[\s\S]{1,120}?(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}"
        rb"(?![A-Za-z0-9/+=])"
    ),
    "a Slack token": re.compile(rb"\bxox[abprs]-\d{10,13}-[A-Za-z0-9-]{20,}"),
    "a Stripe key": re.compile(rb"\b[rs]k_live_[A-Za-z0-9]{24,}\b"),
}
"""What to call it, and its form; an AWS key id counts only beside what looks like its secret."""


def found(content: bytes) -> Iterator[str]:
    """What secrets a file holds, by kind; never the secret itself.

    :param content: the file's bytes.
    """
    for kind, form in FORMS.items():
        if any(form is not OF_PYPI or _is_whole(one[0]) for one in form.finditer(content)):
            yield kind


def _is_whole(token: bytes) -> bool:
    """Whether it is read up to its signature: one that ends before opens nothing."""
    # What follows on it without a gap must not spoil the reading: base64 goes by fours.
    text = token[len(PREFIX) :].decode()
    try:
        read_scope(Secret(PREFIX + text[: len(text) // 4 * 4]))
    except DocumentError:
        return False
    return True
