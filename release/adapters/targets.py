"""The doors to people: where alerts go. Others plug in by ``release_warden.alert_targets``.

A target never learns a credential of a release, and what it says of a failure is told without the
addresses that it sends to, as these hold passwords.
"""

from __future__ import annotations

import contextlib
import io
import logging
from importlib.metadata import entry_points
from typing import Protocol

from release.adapters import process
from release.adapters.forge import open_forge
from release.adapters.issues import Issues
from release.config import Config
from release.errors import ConfigError, FailedError
from release.model.text import plain
from release.watch.notices import Notice

GROUP = "release_warden.alert_targets"
ADDRESSES = "RELEASE_WARDEN_APPRISE"
WORDS = {"new": "Alert", "again": "Still so", "over": "Over"}


class Target(Protocol):
    """One place where people are told."""

    def tell(self, project: str, notice: Notice) -> str:
        """Tell of something.

        :returns: what the notice is called there, for later ones on it; empty if it has no name.
        :raises WardenError: it could not be told.
        """
        ...


def title(project: str, notice: Notice) -> str:
    """One line of what it is about."""
    return plain(f"{project}: {notice.alert.what}", 200)


def body(notice: Notice) -> str:
    """What a person needs to know, in Markdown that shows every word as it is."""
    alert = notice.alert
    if notice.event == "over":
        return f"This is over; it began {notice.since:%Y-%m-%d %H:%M} UTC."
    why = "\n".join(f"    {line}" for line in plain(alert.why, 2000).splitlines())
    lines = [f"`{alert.kind}` since {notice.since:%Y-%m-%d %H:%M} UTC."]
    lines += [why] if why else []
    lines += [f"Next: {plain(alert.next_step, 500)}"] if alert.next_step else []
    lines.append(f"Runbook: docs/operations.md#{alert.runbook} of Release Warden")
    return "\n\n".join(lines)


class GitHubIssues:
    """Opens an issue, says in it when something lasts, and closes it when it is over."""

    def __init__(self, issues: Issues) -> None:
        self._issues = issues

    def tell(self, project: str, notice: Notice) -> str:
        """Tell of something in an issue.

        :returns: its number.
        :raises WardenError: GitHub refused, or does not answer.
        """
        if notice.event == "new" or not notice.where:
            marker = f"release-warden alert {plain(notice.alert.key, 200)}"
            issue = self._issues.open(marker, title(project, notice), body(notice))
            return str(issue.number)
        if notice.event == "over":
            self._issues.close(notice.where, body(notice))
        else:
            self._issues.comment(notice.where, body(notice))
        return notice.where


class Apprise:
    """Sends to whatever service Apprise knows: mail, chat, pagers.

    :param addresses: Apprise URLs, which hold passwords.
    """

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    def tell(self, project: str, notice: Notice) -> str:
        """Send it to every address.

        :raises FailedError: a service did not take it; the names of those are told.
        """
        import apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would tell addresses
        kinds = {
            "new": apprise.NotifyType.WARNING,
            "again": apprise.NotifyType.WARNING,
            "over": apprise.NotifyType.SUCCESS,
        }
        refused = []
        for number, address in enumerate(self._addresses, 1):
            with contextlib.redirect_stdout(io.StringIO()):
                service = apprise.Apprise.instantiate(address)
                name = f"number {number}" if service is None else str(service.service_name)
                if service is None or not service.notify(
                    title=f"{WORDS[notice.event]}: {title(project, notice)}",
                    body=body(notice),
                    notify_type=kinds[notice.event],
                ):
                    refused.append(name)
        if refused:
            raise FailedError(
                f"not everybody could be told: {', '.join(refused)}",
                why=f"addresses are those of {ADDRESSES}, counted from 1",
                remedy="see that the address is right and the service is up",
            )
        return ""


def open_targets(config: Config, remote_url: str | None) -> dict[str, Target]:
    """The configured targets by name.

    :raises ConfigError: there is none of that name, or what it needs is not set.
    :raises ForgeError: GitHub cannot be asked.
    """
    return {name: _open(name, config, remote_url) for name in config.alerts}


def _open(name: str, config: Config, remote_url: str | None) -> Target:
    if name == "github":
        return _github(config, remote_url)
    if name == "apprise":
        return _apprise()
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        known = ("github", "apprise", *sorted(found))
        raise ConfigError(
            f"there is no alert target {name!r}",
            why=f"known: {', '.join(known)}",
            remedy="correct alerts in [tool.release-warden], or install what brings it",
        )
    target: Target = found[name].load()(config)
    return target


def _github(config: Config, remote_url: str | None) -> GitHubIssues:
    issues = open_forge(config, remote_url, Issues)
    if issues is None:
        raise ConfigError(
            "alerts are to go to GitHub, and no forge is configured",
            remedy='set forge = "github" in [tool.release-warden]',
        )
    return GitHubIssues(issues)


def _apprise() -> Apprise:
    addresses = tuple((process.variable(ADDRESSES) or "").split())
    if not addresses:
        raise ConfigError(
            f"alerts are to go to Apprise, and {ADDRESSES} is not set",
            remedy="set it to the addresses, separated by blanks; they are secrets",
        )
    return Apprise(addresses)
