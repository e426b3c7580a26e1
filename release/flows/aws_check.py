"""``aws.check``: what is deployed beside what the template and the configuration say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from release.adapters import cloud_alarms, cloud_stack
from release.adapters.cloud import Cloud
from release.adapters.cloud_access import audiences, find_policy, find_provider, find_role
from release.adapters.cloud_stack import Stack, template_text
from release.adapters.cloud_vault import find_vault, vault_policy
from release.errors import BlockedError, UnknownError, WardenError
from release.flows.aws_deploy import GOOD
from release.flows.console import Outcome
from release.flows.context import Context
from release.model.cloud import Check, Protection
from release.ship import protection
from release.ship.policies import Policy, read_policy
from release.ship.stack import PROVIDER_HOST, complete, documents, parameters
from release.ship.template import Setting, Template, fill_in, read_template

UNSEEN = (
    "whether AWS lets a job of GitHub's in: only such a job can ask (release.doctor --deep there)",
    "whether the stored token is good: the index has no way to ask but an upload",
    "who else could change these policies: organisation policies and other administrators",
)
RULES = ("ReadByOthers", "ChangedByOthers", "RefusedJob", "EveryDay", "AgeUnknown")
INLINE = {
    "UploadRole": {"read-token": "ReadToken", "decrypt-token": "DecryptToken"},
    "AgeRole": {"look-at-date": "LookAtDate"},
    "StartRole": {"start-look": "StartLook"},
}
"""The policies of each role, by the name that IAM knows and by that in the template."""
NAMES = {"Events::Rule": "rule", "IAM::Role": "role", "KMS::Key": "key"}
"""What stands before the name in an ARN, where CloudFormation's name is not the ARN itself."""


@dataclass(frozen=True)
class Deployed:
    """The stack as it is, and what the template makes of the configuration in its place."""

    context: Context
    cloud: Cloud
    stack: Stack
    template: Template
    names: dict[str, str]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters, but what the configuration says."""
        branch = f"refs/heads/{self.stack.parameters.get('DefaultBranch', 'main')}"
        return self.stack.parameters | parameters(self.context.workspace.config, branch)

    @property
    def ref(self) -> str:
        """The branch whose workflow is trusted."""
        return f"refs/heads/{self.parameters['DefaultBranch']}"

    @cached_property
    def made(self) -> dict[str, Any]:
        """The template filled in with the names that things really have."""
        arns = {f"{name}.Arn": self.arn(name) for name in self.names}
        setting = Setting(
            parameters=self.parameters,
            pseudo=self.cloud.account.pseudo,
            names=self.names,
            attributes=arns,
        )
        return fill_in(self.template, setting)

    def arn(self, name: str) -> str:
        """The ARN of a resource, by its name in the template."""
        there = self.names[name]
        service, _, kind = (
            self.template.resources[name]["Type"].removeprefix("AWS::").partition("::")
        )
        if there.startswith("arn:"):
            return there
        account = self.cloud.account
        region = "" if service == "IAM" else account.region
        path = f"{NAMES.get(f'{service}::{kind}', kind)}/{there}"
        return f"arn:{account.partition}:{service.lower()}:{region}:{account.number}:{path}"

    def policy(self, name: str) -> Policy:
        """A policy document of the template's."""
        return read_policy(self.made[name]["PolicyDocument"], name)


def check(context: Context, *, drift: bool) -> Outcome:
    """Look at all of it, and tell all that is wrong at once.

    :param drift: ask CloudFormation too, which takes a minute.
    :returns: exit code 1 where something is wrong, 4 where something could not be seen.
    :raises BlockedError: there is no such stack.
    """
    config = context.workspace.config
    complete(config)
    cloud, name = Cloud(config.aws.region or ""), config.aws.stack
    stack = cloud_stack.find_stack(cloud, name)
    if stack is None:
        raise BlockedError(
            f"there is no stack {name} in {cloud.region}",
            why=f"asked in account {cloud.account.number}, as {cloud.caller}",
            remedy="aws.deploy makes it; or correct region and stack in [tool.release-warden.aws]",
        )
    names = cloud_stack.stack_resources(cloud, name)
    deployed = Deployed(context, cloud, stack, read_template(template_text()), names)
    parts = PARTS | ({"drift": _drift} if drift else {})
    checks = [one for part, look in parts.items() for one in _looked(context, part, look, deployed)]
    document = Protection(
        stack=name,
        region=cloud.region,
        account=cloud.account.number,
        at=context.clock.now(),
        checks=tuple(checks),
        unseen=UNSEEN,
    )
    return Outcome(document, _told(document), _code(checks))


Look = Callable[[Deployed], Iterable[Check]]


def _looked(context: Context, part: str, look: Look, deployed: Deployed) -> list[Check]:
    """A part's checks; one that cannot be seen is unknown, and hides no other."""
    context.tell(f"looking at {part} ...")
    try:
        return list(look(deployed))
    except WardenError as error:
        return [protection.unknown(part, error)]


def _stack(deployed: Deployed) -> Iterator[Check]:
    stack, name = deployed.stack, "stack"
    said = parameters(deployed.context.workspace.config, deployed.ref)
    wrong = [] if stack.status in GOOD else [f"it is {stack.status}: {stack.reason}"]
    if cloud_stack.stack_template(deployed.cloud, stack.id).split() != template_text().split():
        wrong.append("it was deployed with another version's template")
    wrong += [
        f"{key} is {stack.parameters.get(key)!r}, but the configuration says {value!r}"
        for key, value in said.items()
        if stack.parameters.get(key) != value
    ]
    for what in wrong:
        yield Check(name=name, state="problem", what=what, remedy="aws.deploy")
    if not wrong:
        yield Check(name=name, state="ok", what=f"{stack.status.lower()}, as configured")


def _provider(deployed: Deployed) -> Iterator[Check]:
    trusted = deployed.parameters.get("ProviderArn") or deployed.names["Provider"]
    there = find_provider(deployed.cloud, PROVIDER_HOST)
    known = audiences(deployed.cloud, there) if there else ()
    yield protection.check_provider(there, trusted, known)


def _trust(deployed: Deployed) -> Iterator[Check]:
    role = find_role(deployed.cloud, deployed.names["UploadRole"])
    expected = documents(deployed.made).trust
    github = deployed.context.workspace.config.github
    yield from protection.check_trust(role.trust, expected, github, deployed.ref)


def _roles(deployed: Deployed) -> Iterator[Check]:
    for name, policies in INLINE.items():
        role = find_role(deployed.cloud, deployed.names[name])
        expected = {
            known: deployed.policy(resource)
            for known, resource in policies.items()
            if resource in deployed.made
        }
        boundary = deployed.names["Boundary"] if name == "UploadRole" else None
        yield from protection.check_permissions(name, role, expected, boundary)


def _boundary(deployed: Deployed) -> Iterator[Check]:
    found = find_policy(deployed.cloud, deployed.names["Boundary"])
    yield protection.check_policy("boundary", found, deployed.policy("Boundary"))


def _secret(deployed: Deployed) -> Iterator[Check]:
    vault = find_vault(deployed.cloud, deployed.names["Token"])
    days = int(deployed.parameters["MaximumAgeDays"])
    key = deployed.arn("Key") if "Key" in deployed.names else ""
    now = deployed.context.clock.now()
    yield from protection.check_vault(vault, key=key, days=days, now=now)


def _secret_policy(deployed: Deployed) -> Iterator[Check]:
    found = vault_policy(deployed.cloud, deployed.names["Token"])
    yield protection.check_policy("secret's policy", found, documents(deployed.made).resource)


def _alarms(deployed: Deployed) -> Iterator[Check]:
    cloud = deployed.cloud
    states = {rule: cloud_alarms.rule_state(cloud, deployed.names[rule]) for rule in RULES}
    off = tuple(rule for rule, state in states.items() if not state.startswith("ENABLED"))
    told = cloud_alarms.subscribed(cloud, deployed.names["Alarms"])
    yield from protection.check_alarms(off, told, cloud_alarms.trails(cloud))


def _drift(deployed: Deployed) -> Iterator[Check]:
    found = cloud_stack.drift(deployed.cloud, deployed.stack.id)
    for one in found:
        yield Check(name="drift", state="problem", what=one, remedy=protection.FIND_OUT)
    if not found:
        yield Check(name="drift", state="ok", what="CloudFormation sees none")


PARTS: dict[str, Look] = {
    "stack": _stack,
    "provider": _provider,
    "trust": _trust,
    "roles": _roles,
    "boundary": _boundary,
    "secret": _secret,
    "secret's policy": _secret_policy,
    "alarms": _alarms,
}


def _code(checks: list[Check]) -> int:
    states = {check.state for check in checks}
    return 1 if "problem" in states else UnknownError.exit_code if "unknown" in states else 0


def _told(document: Protection) -> str:
    marks = {"ok": "ok ", "problem": "NO ", "unknown": "?  "}
    lines = [f"stack {document.stack}, account {document.account}, {document.region}"]
    for one in document.checks:
        lines.append(f"{marks[one.state]} {one.name}: {one.what}")
        if one.remedy:
            lines.append(f"      next: {one.remedy}")
    lines += ["not to be seen from here:", *(f"  {one}" for one in document.unseen)]
    return "\n".join(lines)
