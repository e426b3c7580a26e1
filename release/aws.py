"""The Invoke collection ``aws``: the stack that holds the token, for the person who looks after it.

boto3 is imported where a task speaks to AWS, and not before: listing the tasks works without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context as Shell
from invoke.tasks import task

from release.pipelines import COMMON, DRY_RUN, TO

if TYPE_CHECKING:
    from release.flows.console import Outcome
    from release.flows.context import Context


@task(
    help=COMMON
    | {
        "administrator": "the ARN of the user or role that may change the token (default: you)",
        "email": "who is told of alarms",
        "key": "yes or no: encrypt the secret with a key of its own",
        "days": "how old the token may be, in days",
        "branch": "the branch whose workflow is trusted (default: the remote's)",
        "yes": "do not ask",
        "dry_run": DRY_RUN,
    }
)
def deploy(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    administrator: str = "",
    email: str = "",
    key: str = "",
    days: str = "",
    branch: str = "",
    yes: bool = False,
    dry_run: bool = False,
) -> None:
    """Make or change the stack: provider, role, secret, alarms; shows the change first.

    For example:
      release-warden aws.deploy --dry-run
      release-warden aws.deploy --email ada@example.org --key yes
    """
    from release.flows import console
    from release.flows.aws_deploy import deploy, wished

    def body(context: Context) -> Outcome:
        wish = wished(administrator, email=email, key=key, days=days, branch=branch)
        return deploy(context, wish, yes=yes, dry_run=dry_run)

    console.run("aws.deploy", body, project=project, at=at, json=json)


@task(help=COMMON | {"drift": "ask CloudFormation for drift too, which takes a minute"})
def check(
    _: Shell, project: str = ".", json: bool = False, at: str = "", drift: bool = True
) -> None:
    """Look at what is deployed, all of it (exit 1: something is wrong; 4: could not be seen).

    For example:
      release-warden aws.check
      release-warden aws.check --no-drift
    """
    from release.flows import console
    from release.flows.aws_check import check

    def body(context: Context) -> Outcome:
        return check(context, drift=drift)

    console.run("aws.check", body, project=project, at=at, json=json)


@task(help=COMMON | {"to": TO, "dry_run": DRY_RUN})
def rotate(
    _: Shell,
    project: str = ".",
    json: bool = False,
    at: str = "",
    to: str = "",
    dry_run: bool = False,
) -> None:
    """Put a new token in use: read hidden at the keyboard, or from stdin; never from the command.

    For example:
      release-warden aws.rotate
      pass show pypi/paperboy | release-warden aws.rotate
    """
    from release.flows import console
    from release.flows.aws_rotate import rotate

    def body(context: Context) -> Outcome:
        return rotate(context, dry_run=dry_run)

    console.run("aws.rotate", body, project=project, at=at, json=json, to=to)


collection = Collection("aws", deploy, check, rotate)
"""The tasks in the order in which they are first needed."""
