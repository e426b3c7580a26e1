"""Every error is of a kind, and so is every refusal of a server."""

from __future__ import annotations

import errno
import inspect

import pytest

from release import errors
from release.errors import IdenticalError, MachineError, StoppedError, WardenError
from release.ship.failures import failure_of, failure_of_status

KINDS = {
    "RejectedError": "rejected",
    "RepositoryError": "conflict",
    "CredentialError": "auth",
    "AwsError": "auth",
    "ForgeError": "forge",
    "VerificationError": "verification",
    "ReplayError": "verification",
    "BuildError": "build",
    "DocumentError": "document",
    "ToolError": "tool",
    "MachineError": "machine",
    "UnreachableError": "network",
    "UnknownError": "unknown",
    "TryAgainError": "network",
    "BlockedError": "policy",
    "UsageError": "usage",
    "ConfigError": "usage",
    "ProjectError": "usage",
    "FailedError": "machine",
    "WardenError": "machine",
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_class_is_of_a_kind(name, kind):
    assert failure_of(getattr(errors, name)("what")) == kind


def test_those_that_are_made_otherwise():
    assert failure_of(StoppedError(2)) == "stopped"
    assert failure_of(IdenticalError("1.0")) == "policy"


def test_no_class_is_forgotten():
    classes = {
        name
        for name, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, WardenError)
    }
    assert classes == {*KINDS, "StoppedError", "IdenticalError"}


@pytest.mark.parametrize("kind", ["gate", "lock", "conflict", "quota", "auth"])
def test_a_kind_that_was_named_holds(kind):
    assert failure_of(WardenError("what", failure=kind)) == kind
    assert failure_of(errors.TryAgainError("what", failure=kind)) == kind


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (0, "", "network"),
        (400, "Invalid classifier", "rejected"),
        (400, "Project size limit reached", "quota"),
        (403, "You have hit the upload quota", "quota"),
        (401, "", "auth"),
        (403, "", "auth"),
        (407, "", "auth"),
        (404, "", "rejected"),
        (408, "", "network"),
        (409, "", "conflict"),
        (410, "", "rejected"),
        (413, "", "quota"),
        (422, "", "rejected"),
        (429, "", "quota"),
        (500, "", "network"),
        (503, "", "network"),
        (507, "", "quota"),
    ],
)
def test_a_refusal_is_of_a_kind(status, said, kind):
    assert failure_of_status(status, said) == kind


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_thing_whoever_meets_it(code):
    met = MachineError.of(OSError(code, "as the system says", "/place"))
    assert (met.kind, failure_of(met)) == ("machine", "disk")
    assert "goes on from here" in met.remedy
    import os

    heard = MachineError.heard(f"cc: out\nerror: write: {os.strerror(code)} (os error {code})\n")
    assert heard is not None
    assert (heard.what, failure_of(heard)) == (met.what, "disk")
    assert heard.why.startswith("error: write")


def test_other_words_tell_of_no_full_disk():
    assert MachineError.heard("error: no such file\n") is None
    assert failure_of(MachineError.of(OSError(errno.EACCES, "denied"))) == "machine"
