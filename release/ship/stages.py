"""The stages of a release: what each may hold, and what it starts from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from release.model.handover import Stage

BEFORE: dict[Stage, Stage] = {
    "build": "check", "record": "build", "upload": "record", "prove": "upload", "finish": "prove",
}  # fmt: skip
"""What a stage starts from; ``check`` starts from the repository."""
RUNS_CODE: frozenset[Stage] = frozenset({"check", "build", "prove"})
"""Stages that run code of the project or of a dependency, and so must hold no right."""
CREDENTIAL = re.compile(
    r"(^|_)(TOKEN|TOKENS|PASSWORD|PASSWD|PASS|SECRET|SECRETS|APIKEY|API_KEY|ACCESS_KEY"
    r"|PRIVATE_KEY|CREDENTIALS?)(_FILE|_V\d+)?$"
    r"|(^|_)(ACCESS_KEY_ID|CREDENTIALS_(FULL|RELATIVE)_URI)$"
)
"""How variables are called that hold a credential, or lead to one: GITHUB_TOKEN, what asks for an
OIDC token (ACTIONS_ID_TOKEN_REQUEST_TOKEN), AWS_SECRET_ACCESS_KEY, AWS_WEB_IDENTITY_TOKEN_FILE."""


def credentials(variables: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The names of the variables that hold a credential; an empty one holds none.

    :param variables: the environment, name and value.
    """
    return tuple(sorted(n for n, value in variables if value and CREDENTIAL.search(n.upper())))
