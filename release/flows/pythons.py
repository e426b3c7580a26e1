"""The Pythons that a project supports, and one of them to try its archives on."""

from __future__ import annotations

from release.adapters.interpreters import best
from release.errors import VerificationError
from release.flows.context import Context
from release.scan.pythons import supported
from release.ship.preflight import no_python


def wanted(context: Context, requires: str | None) -> tuple[str, ...]:
    """The versions that the project supports, lowest first.

    :param requires: its ``Requires-Python``.
    """
    return supported(requires, context.workspace.config.pythons, context.clock.now())


def fitting(context: Context, requires: str | None) -> str:
    """An interpreter that the project supports.

    :param requires: its ``Requires-Python``.
    :raises VerificationError: there is none here.
    """
    versions = wanted(context, requires)
    found = best(versions)
    if found is None:
        problem = no_python(versions)
        raise VerificationError(problem.what, remedy=problem.next)
    return found
