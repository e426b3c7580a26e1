"""The door to what raises alarms: rules, those who are told, and the trails that rules live on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from release.adapters.aws import in_our_words
from release.adapters.cloud import Cloud


def rule_state(cloud: Cloud, name: str) -> str:
    """Whether a rule of EventBridge is on, in its words."""
    with in_our_words(f"look at the rule {name}"):
        return str(cloud.client("events").describe_rule(Name=name)["State"])


def subscribed(cloud: Cloud, topic: str) -> int:
    """How many have confirmed that they want a topic's alarms."""
    with in_our_words("see who is told of alarms"):
        client = cloud.client("sns")
        found = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return sum(one["SubscriptionArn"].startswith("arn:") for one in found)


def trails(cloud: Cloud) -> tuple[str, ...]:
    """The trails that are on here and log what only reads too; the alarms live on them."""
    client = cloud.client("cloudtrail")
    with in_our_words("look at the trails of CloudTrail"):
        found = client.describe_trails(includeShadowTrails=True)["trailList"]
        return tuple(one["Name"] for one in found if _logs_reading(cloud, one["TrailARN"]))


def _logs_reading(cloud: Cloud, trail: str) -> bool:
    client = cloud.client("cloudtrail")
    if not client.get_trail_status(Name=trail)["IsLogging"]:
        return False
    found = client.get_event_selectors(TrailName=trail)
    simple = found.get("EventSelectors") or ()
    return any(
        one.get("IncludeManagementEvents") and one.get("ReadWriteType") == "All" for one in simple
    ) or any(map(_selects_reading, found.get("AdvancedEventSelectors") or ()))


def _selects_reading(selector: Mapping[str, Any]) -> bool:
    """Whether an advanced selector takes management events that only read."""
    fields = {one["Field"]: one for one in selector["FieldSelectors"]}
    management = "Management" in fields.get("eventCategory", {}).get("Equals", ())
    reading = fields.get("readOnly", {}).get("Equals", ["true"])
    return management and "true" in reading
