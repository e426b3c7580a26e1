"""The door to CloudFormation: a stack, what would change in it, and what happens meanwhile."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from release.adapters.aws import in_our_words
from release.adapters.cloud import Cloud
from release.errors import AwsError, FailedError, TryAgainError
from release.model.cloud import ResourceChange

TEMPLATE = "cloudformation/release-token.yaml"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0
"""Seconds between two looks at what goes on: each pause is twice the one before."""
PATIENCE = 900.0
"""Seconds for a stack to come to rest."""
AGREED = ["CAPABILITY_IAM"]
"""What a person agrees to: the stack makes roles and policies."""


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """A stack as it is now."""

    id: str
    status: str
    reason: str
    parameters: dict[str, str]
    outputs: dict[str, str]


@cache
def template_text() -> str:
    """The stack's template: in the installed package, or in a checkout beside it."""
    packed = resources.files("release").joinpath(TEMPLATE)
    beside = Path(str(resources.files("release"))).parent / TEMPLATE
    return (packed if packed.is_file() else beside).read_text(encoding="utf-8")


def find_stack(cloud: Cloud, name: str) -> Stack | None:
    """A stack; ``None`` if there is none of that name."""
    try:
        with in_our_words(f"look at the stack {name}"):
            (found,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except AwsError as error:
        # AWS has no code of its own for this.
        if error.code == "ValidationError" and "does not exist" in error.why:
            return None
        raise
    return Stack(
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        parameters=_pairs(found.get("Parameters", ()), "Parameter"),
        outputs=_pairs(found.get("Outputs", ()), "Output"),
    )


def stack_resources(cloud: Cloud, name: str) -> dict[str, str]:
    """What the stack's resources are really called, by their names in the template."""
    with in_our_words(f"list the resources of the stack {name}"):
        client = cloud.client("cloudformation")
        found = client.describe_stack_resources(StackName=name)["StackResources"]
    return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}


def stack_template(cloud: Cloud, name: str) -> str:
    """The template with which a stack was deployed."""
    with in_our_words(f"read the template of the stack {name}"):
        found = cloud.client("cloudformation").get_template(StackName=name)["TemplateBody"]
    return found if isinstance(found, str) else json.dumps(found)


def propose(
    cloud: Cloud, name: str, parameters: Mapping[str, str], *, new: bool
) -> tuple[str, tuple[ResourceChange, ...]]:
    """Let CloudFormation say what it would change; nothing is changed by that.

    :param new: whether the stack is to be made.
    :returns: the change set's id, and the changes; there may be none.
    :raises FailedError: it could not tell.
    """
    client = cloud.client("cloudformation")
    with in_our_words(f"plan a change of the stack {name}"):
        made = client.create_change_set(
            StackName=name,
            ChangeSetName=f"aws-deploy-{uuid.uuid4().hex[:8]}",
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=template_text(),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=AGREED,
        )
    change_set: str = made["Id"]
    found = _settled(cloud, name, change_set)
    if found["Status"] == "FAILED" and not _is_empty(found):
        forget(cloud, name, change_set, new=new)
        raise FailedError(
            "CloudFormation cannot plan the change",
            why=found.get("StatusReason", ""),
            remedy="mend what it names, in the template or in [tool.release-warden.aws]",
        )
    return change_set, tuple(_change(one["ResourceChange"]) for one in found["Changes"])


def _settled(cloud: Cloud, name: str, change_set: str) -> dict[str, Any]:
    """A change set, once CloudFormation has thought it through."""
    client = cloud.client("cloudformation")
    for _ in _looks():
        with in_our_words(f"see the planned change of the stack {name}"):
            found: dict[str, Any] = client.describe_change_set(
                StackName=name, ChangeSetName=change_set
            )
        if not found["Status"].endswith(("PENDING", "IN_PROGRESS")):
            return found
    raise TryAgainError(
        "CloudFormation takes too long to plan the change", remedy="run again in a while"
    )


def forget(cloud: Cloud, name: str, change_set: str, *, new: bool) -> None:
    """Drop a planned change; of a stack that was to be made, its empty shell too."""
    client = cloud.client("cloudformation")
    with in_our_words(f"drop the planned change of the stack {name}"):
        client.delete_change_set(StackName=name, ChangeSetName=change_set)
        if new:
            client.delete_stack(StackName=name)


def execute(cloud: Cloud, name: str, change_set: str) -> Iterator[tuple[str, str, str]]:
    """Carry out a planned change.

    :returns: what happens, as it does: the resource, its status, and why if it failed.
    :raises TryAgainError: it goes on for longer than we wait.
    """
    client = cloud.client("cloudformation")
    seen = _events(cloud, name)
    with in_our_words(f"change the stack {name}"):
        client.execute_change_set(StackName=name, ChangeSetName=change_set)
    for _ in _looks():
        found = find_stack(cloud, name)
        events = _events(cloud, name)
        yield from (event for key, event in events.items() if key not in seen)
        seen = events
        if found is None or not found.status.endswith("_IN_PROGRESS"):
            return
    raise TryAgainError(
        f"the stack {name} is still being changed", remedy="look again: aws.deploy --dry-run"
    )


def _events(cloud: Cloud, name: str) -> dict[str, tuple[str, str, str]]:
    """What has happened to a stack, the oldest first, by number."""
    pages = cloud.client("cloudformation").get_paginator("describe_stack_events")
    with in_our_words(f"see what happens to the stack {name}"):
        found = [one for page in pages.paginate(StackName=name) for one in page["StackEvents"]]
    return {
        one["EventId"]: (
            one["LogicalResourceId"],
            one["ResourceStatus"],
            one.get("ResourceStatusReason", ""),
        )
        for one in reversed(found)
    }


def drift(cloud: Cloud, name: str) -> tuple[str, ...]:
    """What was changed past CloudFormation, as far as it can see: resource and properties.

    :raises FailedError: it could not look.
    """
    client = cloud.client("cloudformation")
    with in_our_words("look for drift"):
        number = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    for _ in _looks():
        with in_our_words("look for drift"):
            state = client.describe_stack_drift_detection_status(StackDriftDetectionId=number)
        if state["DetectionStatus"] == "DETECTION_FAILED":
            raise FailedError(
                "drift could not be looked for",
                why=state["DetectionStatusReason"],
                remedy="run aws.check again in a while",
            )
        if state["DetectionStatus"] == "DETECTION_COMPLETE":
            break
    with in_our_words("see the drift"):
        found = client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
        )
    return tuple(_drifted(one) for one in found["StackResourceDrifts"])


def _looks() -> Iterator[None]:
    """Look now, and again after each pause, until patience ends."""
    end, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while time.monotonic() < end:
        yield
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _pairs(found: Any, kind: str) -> dict[str, str]:
    return {one[f"{kind}Key"]: one[f"{kind}Value"] for one in found}


def _is_empty(change_set: Mapping[str, Any]) -> bool:
    """Whether a change set failed only because there is nothing to change; AWS has no code."""
    reason = change_set.get("StatusReason", "")
    return "didn't contain changes" in reason or "No updates are to be performed" in reason


def _change(found: Mapping[str, Any]) -> ResourceChange:
    details = (one["Target"] for one in found.get("Details", ()))
    names = (one.get("Name") or one["Attribute"] for one in details)
    return ResourceChange(
        action=found["Action"],
        resource=found["LogicalResourceId"],
        kind=found["ResourceType"],
        replaced=found.get("Replacement", "False") != "False",
        properties=tuple(sorted(set(names))),
    )


def _drifted(found: Mapping[str, Any]) -> str:
    paths = (one["PropertyPath"] for one in found.get("PropertyDifferences", ()))
    return f"{found['LogicalResourceId']}: {', '.join(paths) or 'deleted'}"
