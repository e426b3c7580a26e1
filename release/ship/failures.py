"""The kinds of failure: which error, and which answer of a server, is of which kind. Pure.

The kind tells whoever is alerted where to look first; the error itself says what, why and what to
do. Where an error was raised with a kind of its own, that one holds.
"""

from __future__ import annotations

from release.errors import (
    BlockedError,
    BuildError,
    CredentialError,
    DocumentError,
    Failure,
    ForgeError,
    MachineError,
    RejectedError,
    ReplayError,
    RepositoryError,
    StoppedError,
    ToolError,
    TryAgainError,
    UnknownError,
    UnreachableError,
    UsageError,
    VerificationError,
    WardenError,
)

OF_ERRORS: tuple[tuple[type[WardenError], Failure], ...] = (
    (RejectedError, "rejected"),
    (RepositoryError, "conflict"),
    (CredentialError, "auth"),
    (ForgeError, "forge"),
    (VerificationError, "verification"),
    (ReplayError, "verification"),
    (BuildError, "build"),
    (DocumentError, "document"),
    (ToolError, "tool"),
    (MachineError, "machine"),
    (StoppedError, "stopped"),
    (UnreachableError, "network"),
    (UnknownError, "unknown"),
    (TryAgainError, "network"),
    (BlockedError, "policy"),
    (UsageError, "usage"),
)
"""By class, the most special first: of a repository without a status it is other bytes."""
OF_STATUS: dict[int, Failure] = {
    400: "rejected",
    401: "auth",
    403: "auth",
    404: "rejected",
    407: "auth",
    409: "conflict",
    410: "rejected",
    412: "conflict",
    413: "quota",
    415: "rejected",
    422: "rejected",
    429: "quota",
    507: "quota",
}
"""By the status of an answer (RFC 9110, RFC 4918 for 507, RFC 6585 for 429)."""
PASSING: frozenset[Failure] = frozenset({"network", "quota"})
"""What may be over at the next try, without anybody doing anything."""
QUOTA_WORDS = ("quota", "limit", "too large")
"""What a 400 says that is about room rather than about the file (PyPI answers so)."""


def failure_of(error: WardenError) -> Failure:
    """The kind of an error."""
    if error.failure:
        return error.failure
    return next((kind for type_, kind in OF_ERRORS if isinstance(error, type_)), "machine")


def failure_of_status(status: int, said: str = "") -> Failure:
    """The kind of a refusal, by its status and words; without one, the network's.

    :param status: of the answer; 0 where there was none.
    :param said: the words of the answer.
    """
    if status in {400, 403} and any(word in said.lower() for word in QUOTA_WORDS):
        return "quota"
    return OF_STATUS.get(status, "network")
