"""``aws.deploy``: the stack that holds the token, made or changed; first shown, then done."""

from __future__ import annotations

from dataclasses import dataclass

from release.adapters import cloud_stack, terminal
from release.adapters.cloud import Cloud
from release.adapters.cloud_access import audiences, find_provider
from release.adapters.cloud_stack import Stack, template_text
from release.adapters.cloud_vault import find_vault
from release.adapters.remote import Remote
from release.errors import BlockedError, FailedError, TryAgainError, UsageError
from release.flows.console import Outcome
from release.flows.context import Context
from release.model.cloud import Deployment, Done, ResourceChange
from release.ship.stack import PROVIDER_HOST, complete, parameters
from release.ship.template import read_template
from release.ship.trust import AUDIENCE

MAIN = "refs/heads/main"
YES_OR_NO = ("", "yes", "no")
LONGEST = 3650
"""Days."""
SHELL = "REVIEW_IN_PROGRESS"
"""What CloudFormation calls a stack that was planned and never made."""
GOOD = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
)
REMEDIES = {
    "already exists": "something of that name is there already: delete it, or rename ours "
    "(secret in [tool.release-warden.aws])",
    "not authorized": "run it as somebody who may do what is named above",
    "AccessDenied": "run it as somebody who may do what is named above",
    "Invalid principal": "see whether the administrator's ARN is right, and that it exists",
    "limit": "the account has reached a limit of AWS's: ask AWS for more",
}
"""What to do, by a word in the reason of CloudFormation."""


@dataclass(frozen=True)
class Wish:
    """What a person asks for beside the configuration; empty for what it is now, or the usual.

    ``administrator``: who may change the token; at first, who deploys. ``email``: who is told of
    alarms. ``key``: whether the secret has a key of its own. ``days``: how old the token may be.
    ``branch``: whose copy of the workflow is trusted.
    """

    administrator: str = ""
    email: str = ""
    key: str = ""
    days: str = ""
    branch: str = ""


def wished(administrator: str, *, email: str, key: str, days: str, branch: str) -> Wish:
    """What was asked for, if it can be.

    :raises UsageError: ``key`` is neither yes nor no, or ``days`` no number from 1 to 3650.
    """
    if key not in YES_OR_NO:
        raise UsageError(
            f"--key {key}: yes or no is wanted", remedy="leave it out to keep what is deployed"
        )
    if days and not (days.isdecimal() and 1 <= int(days) <= LONGEST):
        raise UsageError(
            f"--days {days}: a number from 1 to {LONGEST} is wanted",
            remedy="leave it out to keep what is deployed, at first 90",
        )
    return Wish(administrator, email, key, days, branch)


def deploy(context: Context, wish: Wish, *, yes: bool, dry_run: bool) -> Outcome:
    """Show what would change, ask, and do it.

    :raises BlockedError: something stands in the way, all of it named; or nobody said yes.
    :raises FailedError: CloudFormation could not do it.
    """
    config = context.workspace.config
    complete(config)
    cloud, name = Cloud(config.aws.region or ""), config.aws.stack
    context.tell(f"looking at the stack {name} ...")
    stack = cloud_stack.find_stack(cloud, name)
    if stack and stack.status == SHELL:
        stack = None
    given = _parameters(context, cloud, stack, wish)
    if problems := list(_problems(cloud, name, stack, given)):
        raise BlockedError(
            f"the stack {name} cannot be deployed",
            why="\n".join(f"- {one}" for one in problems),
            remedy="mend all of it, then run aws.deploy again; nothing was changed",
        )
    context.tell("planning the change ...")
    planned = cloud_stack.propose(cloud, name, given, new=stack is None)
    context.tell(_plan(cloud, name, given, planned[1]))
    done = _carry_out(context, cloud, stack, planned, yes=yes, dry_run=dry_run)
    document = Deployment(
        stack=name,
        region=cloud.region,
        account=cloud.account.number,
        done=done,
        at=context.clock.now(),
        parameters=given,
        changes=planned[1],
        outputs=_outputs(cloud, name),
    )
    return Outcome(document, _told(document))


def default_ref(context: Context, branch: str = "", known: str = "") -> str:
    """The branch whose workflow is trusted, as ``refs/heads/main``.

    :param branch: asked for.
    :param known: what the stack has.
    """
    if branch or known:
        return f"refs/heads/{branch or known}"
    remote = context.workspace.config.remote
    found = Remote(context.workspace.git, remote).default_branch() if remote else None
    return found or MAIN


def _parameters(context: Context, cloud: Cloud, stack: Stack | None, wish: Wish) -> dict[str, str]:
    """The template's parameters: what it has by itself, what is deployed, configured, asked for."""
    template = read_template(template_text())
    now = stack.parameters if stack else {}
    ref = default_ref(context, wish.branch, now.get("DefaultBranch", ""))
    first = {} if stack else {
        "AdministratorArn": cloud.caller,
        "ProviderArn": find_provider(cloud, PROVIDER_HOST) or "",
    }  # fmt: skip
    asked = {
        "AdministratorArn": wish.administrator,
        "AlarmEmail": wish.email,
        "CustomerKey": wish.key,
        "MaximumAgeDays": wish.days,
    }
    merged = (
        template.defaults()
        | now
        | first
        | parameters(context.workspace.config, ref)
        | {name: value for name, value in asked.items() if value}
    )
    return {name: merged[name] for name in template.parameters if name in merged}


def _problems(cloud: Cloud, name: str, stack: Stack | None, given: dict[str, str]) -> list[str]:
    """What would fail, or lock us out."""
    found = []
    if stack and stack.status.endswith("_IN_PROGRESS"):
        raise TryAgainError(
            f"the stack {name} is being changed ({stack.status})",
            remedy="run again when CloudFormation is done",
        )
    if stack and stack.status not in GOOD:
        found.append(
            f"the stack is {stack.status} ({stack.reason or 'no reason told'}): delete it with "
            f"aws cloudformation delete-stack --stack-name {name}; the secret stays"
        )
    if given["AdministratorArn"] != cloud.caller:
        found.append(
            f"you are {cloud.caller}, and the administrator is {given['AdministratorArn']}: "
            "nobody else may change the secret, CloudFormation on your behalf neither"
        )
    provider = given["ProviderArn"]
    if provider and AUDIENCE not in audiences(cloud, provider):
        found.append(
            f"the account's provider for GitHub does not take tokens for {AUDIENCE}: aws iam "
            f"add-client-id-to-open-id-connect-provider --client-id {AUDIENCE} "
            f"--open-id-connect-provider-arn {provider}"
        )
    if stack is None and find_vault(cloud, given["SecretName"]):
        found.append(
            f"there is a secret {given['SecretName']} already, maybe kept from an earlier stack: "
            "set another name (secret in [tool.release-warden.aws]), or delete it"
        )
    return found


def _carry_out(
    context: Context,
    cloud: Cloud,
    stack: Stack | None,
    planned: tuple[str, tuple[ResourceChange, ...]],
    *,
    yes: bool,
    dry_run: bool,
) -> Done:
    name = context.workspace.config.aws.stack
    change_set, changes = planned
    agreed = False
    try:
        if not changes:
            return "unchanged"
        if dry_run:
            return "planned"
        agreed = yes or terminal.agree(f"change the stack {name} in {cloud.region}?")
    finally:
        if not agreed:
            cloud_stack.forget(cloud, name, change_set, new=stack is None)
    if not agreed:
        raise BlockedError(
            f"the stack {name} is not deployed: you did not say yes",
            remedy="nothing was changed; run again, or with --yes",
        )
    _execute(context, cloud, change_set)
    return "updated" if stack else "created"


def _execute(context: Context, cloud: Cloud, change_set: str) -> None:
    """Do it, telling what happens; what failed is told with its reasons.

    :raises FailedError: CloudFormation gave up, and has put back what was.
    """
    name = context.workspace.config.aws.stack
    failed = []
    for resource, status, reason in cloud_stack.execute(cloud, name, change_set):
        context.tell(f"{resource}: {status.lower().replace('_', ' ')}{reason and f' ({reason})'}")
        if status.endswith("_FAILED") and "cancelled" not in reason:
            failed.append(f"{resource}: {reason}")
    stack = cloud_stack.find_stack(cloud, name)
    status = stack.status if stack else "gone"
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        return
    why = "\n".join(failed or [stack.reason if stack else "it is gone"])
    known = (remedy for word, remedy in REMEDIES.items() if word in why)
    raise FailedError(
        f"the stack {name} was not deployed: it is {status}",
        why=why,
        remedy=next(known, "mend what is named above, then run aws.deploy again"),
    )


def _outputs(cloud: Cloud, name: str) -> dict[str, str]:
    stack = cloud_stack.find_stack(cloud, name)
    return stack.outputs if stack else {}


def _plan(
    cloud: Cloud, name: str, given: dict[str, str], changes: tuple[ResourceChange, ...]
) -> str:
    """The plan for a person."""
    lines = [f"stack {name} in account {cloud.account.number}, {cloud.region}, as {cloud.caller}"]
    lines += [f"  {parameter} = {value}" for parameter, value in given.items() if value]
    lines += [f"  {_change(change)}" for change in changes] or ["  nothing changes"]
    return "\n".join(lines)


def _change(change: ResourceChange) -> str:
    replaced = ", another takes its place" if change.replaced else ""
    what = f" ({', '.join(change.properties)})" if change.properties else ""
    return f"{change.action.lower()} {change.resource}, {change.kind}{what}{replaced}"


def _told(document: Deployment) -> str:
    """What was done, and the lines for pyproject.toml."""
    told = f"the stack {document.stack}: {document.done}, {len(document.changes)} change(s)"
    outputs = document.outputs
    if document.done == "planned" or "RoleArn" not in outputs:
        return told
    return "\n".join(
        [
            told,
            "",
            "for pyproject.toml:",
            "[tool.release-warden.aws]",
            f'region = "{document.region}"',
            f'role-arn = "{outputs["RoleArn"]}"',
            f'secret = "{outputs["SecretArn"]}"',
            f'stack = "{document.stack}"',
            "",
            "next: aws.rotate stores the token, aws.check looks at all of it",
        ]
    )
