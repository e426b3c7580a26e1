"""What would stand in the way of a release, out of what was seen. Pure; all of it at once.

What could not be seen is never taken for well: where it has to be known, the diagnosis is
``unknown``; where it cannot be seen from here, such as an environment on GitHub without a token, it
is named as unchecked. With ``deep`` that has to be known too, but for what no stranger can see.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from release.errors import DocumentError
from release.model.diagnosis import Check, CheckState, Ownership, Verdict
from release.ship.claims import differences, publisher_of, render, strange
from release.ship.doctor_facts import Environment, Facts, Unseen
from release.ship.ownership import Attester
from release.ship.preflight import preflight
from release.ship.workflow_file import faults, read_workflow_file

GITHUB = "[tool.release-warden.github]"
AWS = "[tool.release-warden.aws]"
SETTINGS = "on GitHub: Settings, Environments"
ANY = ("some-branch", "some/branch")
"""Branches that nobody means: a rule that they match takes any."""


def examine(facts: Facts) -> tuple[Check, ...]:
    """Everything that was looked at, in the order in which a person would mend it."""
    looks = (
        _config,
        _credential,
        _identity,
        _name,
        _publishers,
        _environments,
        _workflow,
        _branch,
        _git,
    )
    found = [check for look in looks for check in look(facts)]
    found += [*facts.others, *_outlook(facts), *_tools(facts)]
    return tuple(_deepened(check) if facts.deep else check for check in found)


def state_of(checks: tuple[Check, ...]) -> Literal["healthy", "problems", "unknown"]:
    """The worst of them."""
    states = {check.state for check in checks}
    return "problems" if "problem" in states else "unknown" if "unknown" in states else "healthy"


def _deepened(check: Check) -> Check:
    """What somebody with more rights could see; publishers are shown to nobody but the owners."""
    if check.state != "unchecked" or check.name == "publisher":
        return check
    return Check(name=check.name, state="unknown", what=check.what, why=check.why, next=check.next)


def _ok(name: str, what: str, why: str = "") -> Check:
    return Check(name=name, state="ok", what=what, why=why)


def _problem(name: str, what: str, next: str, why: str = "") -> Check:  # noqa: A002 - the field
    return Check(name=name, state="problem", what=what, why=why, next=next)


def unseen(name: str, seen: Unseen, state: CheckState | None = None) -> Check:
    """The line of something that could not be seen."""
    return Check(name=name, state=state or seen.state, what=seen.what, why=seen.why, next=seen.next)


def _config(facts: Facts) -> Iterator[Check]:
    config, lacking = facts.config, tuple(_lacking(facts))
    if config.credential == "trusted-publishing" and facts.from_ci and not facts.is_public:
        yield Check(
            name="config",
            state="advice",
            what=f"whether {facts.repository} has trusted publishing is not known",
            next='if it has not: credential = "keyboard" in [tool.release-warden]',
        )
    if not lacking:
        yield _ok("config", f"releases go to {facts.repository}, credential: {config.credential}")
    for what, remedy in lacking:
        yield _problem("config", what, remedy)


def _lacking(facts: Facts) -> Iterator[tuple[str, str]]:
    """What the chosen credential needs of the configuration and is not there."""
    config = facts.config
    if not facts.from_ci:
        return
    if not facts.github:
        what = "nothing tells which repository on GitHub it is"
        yield what, f'set repository = "owner/name" in {GITHUB}'
    elif facts.home and facts.home.partition("/")[2] != facts.github.lower():
        what = f"repository is {facts.github} in {GITHUB}, and the git remote is {facts.home}"
        yield what, "correct the one that is wrong"
    if not config.github.environments:
        what = "no environment is named: a publisher without one believes any job of the workflow"
        yield what, f'set environments = ["pypi-auto", "pypi-manual"] in {GITHUB}'
    if config.credential == "aws":
        for key in ("region", "role_arn", "secret"):
            if getattr(config.aws, key) is None:
                name = key.replace("_", "-")
                yield f"{name} is not set in {AWS}", "aws.deploy tells it when the stack is there"
        if config.github.repository_id is None:
            what = f"repository-id is not set in {GITHUB}: a name can be taken over, a number not"
            yield what, "set it; on GitHub's API it is the id of repos/OWNER/NAME"


def _credential(facts: Facts) -> Iterator[Check]:
    if facts.is_local:
        return
    told = facts.source or facts.config.credential
    if isinstance(facts.missing, Unseen):
        yield unseen("credential", facts.missing)
    elif facts.missing:
        yield _problem("credential", facts.missing, facts.remedy)
    elif facts.from_ci and not facts.in_job:
        what = f"{told}: not checkable here, as only a job on GitHub has an identity to show"
        remedy = "run release.doctor in the job too"
        yield Check(name="credential", state="unchecked", what=what, next=remedy)
    else:
        yield _ok("credential", told)


def _identity(facts: Facts) -> Iterator[Check]:
    """What GitHub says of this job, beside what the configuration expects of one that uploads."""
    seen = facts.identity
    if seen is None:
        return
    if isinstance(seen, Unseen):
        yield unseen("identity", seen)
        return
    github = facts.config.github
    wrong = [one for one in (strange(seen, github), *differences(seen, github)) if one]
    for one in wrong:
        remedy = f"let the right job do it, or correct {GITHUB}"
        yield _problem(
            "identity", f"this is not a job that may upload: {one}", remedy, render(seen)
        )
    if not wrong:
        yield _ok("identity", f"this job may upload: {publisher_of(seen)}; at {seen.ref}")


def why_not_mint(ownership: Ownership | Unseen) -> str:
    """Why no token may be minted; empty where one may.

    Where the index has a pending publisher, the first token that is minted makes the project.
    """
    if isinstance(ownership, Unseen):
        return "whether the name is free could not be seen, and minting could make the project"
    if ownership.verdict == "free":
        return "the name is free, and minting for a pending publisher would make the project"
    return ""


def _name(facts: Facts) -> Iterator[Check]:
    if facts.is_local:
        return
    seen = facts.ownership
    if isinstance(seen, Unseen):
        yield unseen("name", seen)
        return
    reasons = "\n".join(one.what for one in seen.evidence)
    what, remedy = _told_name(facts, seen)
    states: dict[Verdict, CheckState] = {"anothers": "problem", "unknown": "unknown"}
    state = states.get(seen.verdict, "ok")
    yield Check(name="name", state=state, what=what, why=reasons, next=remedy)


def _told_name(facts: Facts, seen: Ownership) -> tuple[str, str]:
    there = f"{facts.project} {seen.newest or '(without a release)'} on {facts.repository}"
    if seen.verdict == "free":
        what = f"{facts.project} is free on {facts.repository}, as far as a stranger can see"
        return what, ""
    if seen.verdict == "ours":
        return f"{there} is ours" + ("" if seen.proved else ", by what its uploader says"), ""
    if seen.verdict == "anothers":
        what = f"{there} is another's" + ("" if seen.proved else ", by what its uploader says")
        return what, "choose another name; or, if it is yours, correct its project URLs or remote"
    what = f"whose {there} is cannot be told"
    return what, "see on the index who owns it; the first release from here will settle it"


def _publishers(facts: Facts) -> Iterator[Check]:
    if facts.config.credential != "trusted-publishing" or facts.is_local:
        return
    told = facts.attester
    if told:
        yield from _attested(facts, told)
    for one in facts.publishers:
        if told and told.environment == one.environment:
            continue
        if facts.minted_for == one.environment:
            yield _ok("publisher", f"the index let this job in, by the one for {one.environment}")
            continue
        kind = "a pending publisher" if one.kind == "pending" else "a publisher"
        when = f", after {one.after}" if one.after else ""
        what = f"{kind} for the environment {one.environment}{when}: not checkable here"
        yield Check(
            name="publisher",
            state="unchecked",
            what=what,
            why="the index shows publishers to the project's owners only",
            next="see below for what a person clicks",
        )


def _attested(facts: Facts, told: Attester) -> Iterator[Check]:
    """What the provenance of the newest release tells of the publisher that it came from."""
    github = facts.config.github
    if not told.environment:
        yield _problem(
            "publisher",
            "the newest release came from a publisher without environment",
            "remove that publisher on the index: it believes any job of the workflow",
        )
    elif told.environment not in github.environments:
        yield _problem(
            "publisher",
            f"the newest release came from the environment {told.environment}",
            f"remove that publisher on the index, or name it as one of environments in {GITHUB}",
        )
    elif told.workflow != github.workflow:
        yield _problem(
            "publisher",
            f"the newest release came from the workflow {told.workflow}",
            f"remove that publisher on the index, or set workflow in {GITHUB}",
        )
    else:
        what = f"the newest release came from {told.workflow} in {told.environment}, as configured"
        yield _ok("publisher", what)


def _environments(facts: Facts) -> Iterator[Check]:
    forge = facts.forge
    if not facts.from_ci or forge is None:
        return
    names = facts.config.github.environments
    if isinstance(forge, Unseen):
        what = f"{', '.join(names)}: not checkable here, {forge.what}"
        yield unseen("environment", Unseen(what, forge.why, forge.next), "unchecked")
        return
    for name in names:
        yield _environment(name, forge.environments.get(name), forge.default_branch)


def _environment(name: str, seen: Environment | None, branch: str) -> Check:
    rule = f"{SETTINGS}, {name}, Deployment branches and tags: Selected, and add {branch}"
    if seen is None:
        return _problem(
            "environment",
            f"there is no environment {name}",
            f"{SETTINGS}, New environment: {name}; then Deployment branches and tags: Selected, "
            f"and add {branch}",
            why="GitHub makes it without any protection when a job first names it",
        )
    if not seen.restricted:
        return _problem("environment", f"{name} takes jobs of any branch", rule)
    if wide := [one for one in seen.branches for any_ in ANY if fnmatchcase(any_, one)]:
        what = f"{name} takes jobs of any branch, by its rule {wide[0]}"
        return _problem("environment", what, rule)
    if seen.tags:
        what = f"{name} takes jobs of tags: {', '.join(seen.tags)}"
        remedy = f"{SETTINGS}, {name}: remove the rule; nothing is released from tags"
        return _problem("environment", what, remedy, "who may push a tag chooses its commit")
    if not seen.protected_only and not any(fnmatchcase(branch, one) for one in seen.branches):
        return _problem("environment", f"{name} takes no job of {branch}", rule)
    takes = "protected branches" if seen.protected_only else ", ".join(seen.branches)
    asked = ", after a person has agreed" if seen.reviewed else ""
    return _ok("environment", f"{name} takes jobs of {takes}{asked}")


def _workflow(facts: Facts) -> Iterator[Check]:
    if not facts.from_ci:
        return
    path = f".github/workflows/{facts.config.github.workflow}"
    if facts.workflow is None:
        what, remedy = f"HEAD holds no {path}", f"commit it, or correct workflow in {GITHUB}"
        yield _problem("workflow", what, remedy)
        return
    try:
        read = read_workflow_file(facts.workflow)
    except DocumentError as error:
        yield _problem("workflow", f"{path}: {error.what}", "mend it", error.why)
        return
    found = [*faults(read, facts.config.github.environments)]
    for fault in found:
        yield _problem("workflow", f"{path}: {fault.what}", fault.next)
    if read.computed:
        what = f"{path}: the environment of {', '.join(read.computed)} is known only when it runs"
        yield Check(name="workflow", state="unchecked", what=what, next="write it out")
    elif not found:
        yield _ok("workflow", f"{path}: its jobs upload from the environments, and no others may")


def _branch(facts: Facts) -> Iterator[Check]:
    """The repository on GitHub, and its default branch."""
    forge = facts.forge
    if forge is None or isinstance(forge, Unseen):
        return
    github = facts.config.github
    if forge.full_name.lower() != facts.github.lower():
        what = f"the repository is called {forge.full_name} now, not {facts.github}"
        yield _problem("repository", what, f"correct repository in {GITHUB}, and the publishers")
    if github.repository_id not in {None, forge.id}:
        what = f"the repository's id is {forge.id}, not {github.repository_id}"
        remedy = f"find out whether it is the one you mean; then correct repository-id in {GITHUB}"
        yield _problem("repository", what, remedy)
    if forge.is_protected:
        yield _ok("branch-protection", f"{forge.default_branch} is protected on GitHub")
    else:
        yield Check(
            name="branch-protection",
            state="advice",
            what=f"{forge.default_branch} is not protected: who may push there may release",
            next="on GitHub: Settings, Rules, New branch ruleset for the default branch",
        )


def _git(facts: Facts) -> Iterator[Check]:
    seen = facts.shared
    if isinstance(seen, Unseen):
        yield unseen("ledger", seen)
        return
    told = f"{seen.releases} release(s) to {facts.repository}"
    if seen.unfinished:
        yield Check(
            name="ledger",
            state="advice",
            what=f"{seen.unfinished} is sealed and not finished yet",
            next="run release.publish: it goes on from there",
        )
    if seen.remote:
        where = f", default branch {seen.default_branch}" if seen.default_branch else ""
        yield _ok("ledger", f"{told}, shared by {seen.remote}{where}")
    elif facts.is_local:
        yield _ok("ledger", f"{told}, kept in this clone")
    elif facts.from_ci:
        yield _problem(
            "ledger",
            "no git remote shares the ledger: a job would forget it when it ends",
            'set remote = "origin" in [tool.release-warden]',
        )
    else:
        yield Check(
            name="ledger",
            state="advice",
            what=f"{told}, kept in this clone alone",
            next='set remote = "origin" in [tool.release-warden] to share it',
        )


def _outlook(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.outlook, Unseen):
        yield unseen("git", facts.outlook)
        return
    found = [*preflight(facts.outlook)]
    yield from (_problem(one.check, one.what, one.next) for one in found)
    if facts.outlook.told and not any(one.check == "clock" for one in found):
        yield _ok("clock", f"agrees with {facts.repository}'s")


def _tools(facts: Facts) -> Iterator[Check]:
    seen = facts.tools
    if isinstance(seen, Unseen):
        yield _problem("tools", seen.what, seen.next, seen.why)
        return
    versions = ", ".join(f"{name} {version}" for name, version in seen.versions.items())
    yield _ok("tools", f"{versions}; Python {', '.join(seen.here) or 'none'}")
    if absent := [one for one in seen.pythons if one not in seen.here]:
        yield Check(
            name="tools",
            state="advice",
            what=f"Python {', '.join(absent)} is not here, so install tests do not try it",
            next="install it, or let CI's jobs have it",
        )
