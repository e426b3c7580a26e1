"""``release.mirror``: copy the remote's refs beside the repository, for what must hold no token.

In the workflows of a private repository it is a step of its own. It is the only one of its job that
is given the job's token, which reads, and it runs no code of the project. The steps after it are
told of the mirror by their environment, and hold nothing.
"""

from __future__ import annotations

from release.adapters import job
from release.adapters.remote import MIRROR, Remote
from release.errors import UsageError
from release.flows.context import Context
from release.model.mirror import Mirror


def mirror(context: Context) -> Mirror:
    """Copy the remote that shares the ledger.

    :raises UsageError: none is configured.
    :raises TryAgainError: it does not answer.
    """
    name = context.workspace.config.remote
    if name is None:
        raise UsageError(
            "no remote is configured, so there is nothing to be mirrored",
            remedy='say remote = "origin" in [tool.release-warden]',
        )
    refs = Remote(context.workspace.git, name).mirror()
    job.set_outputs(**{MIRROR: name})
    return Mirror(remote=name, refs=refs)
