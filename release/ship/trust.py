"""Whether a role of AWS trusts a job of GitHub's: its trust document against the token's claims.

Each condition is told with what it wants, what the token says, and what to do where the two differ.
The same is asked of tokens that must be refused (:func:`strangers`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import structs

from release.config import GithubTable
from release.errors import UnknownError
from release.model.base import Noun
from release.ship.claims import (
    GITHUB_ISSUER,
    MISSING,
    Claims,
    Subject,
    WorkflowRef,
    read_workflow,
)
from release.ship.policies import Caller, Condition, Policy, Request, Statement, Values

AUDIENCE = "sts.amazonaws.com"
"""The ``aud`` that a token for AWS has to ask for."""
ACTION = "sts:AssumeRoleWithWebIdentity"
PROVIDER = ":oidc-provider/"
GIVEN = ("aud", "sub", "repository", "repository_id", "environment", "job_workflow_ref", "ref")
"""The claims of GitHub's that AWS can match and that are read here (AWS, January 2026)."""
UNREAD = frozenset({"amr", "actor", "actor_id", "workflow", "enterprise_id"})
"""The others that it can match."""
DEPLOY = "run aws.deploy"


class Match(Noun, frozen=True, kw_only=True):
    """One condition of the trust beside one claim of a token.

    ``wanted`` are the values or patterns of which one must do, ``given`` what the token says;
    ``remedy`` is empty where it holds.
    """

    claim: str
    operator: str
    wanted: tuple[str, ...]
    given: tuple[str, ...]
    holds: bool
    remedy: str = ""


class TrustVerdict(Noun, frozen=True, kw_only=True):
    """Whether a token may take on the role; ``matches`` are those of the nearest statement."""

    allowed: bool
    matches: tuple[Match, ...]

    @property
    def unmet(self) -> tuple[Match, ...]:
        """What stands in the way, all of it."""
        return tuple(match for match in self.matches if not match.holds)


def judge(trust: Policy, claims: Claims, *, at: datetime | None = None) -> TrustVerdict:
    """Hold a role's trust against the claims of a token.

    :param trust: the role's trust document.
    :param at: the moment to judge by, for tokens that expire; by default they do not.
    :raises UnknownError: the document asks for what is not judged here.
    """
    host = claims.iss.removeprefix("https://").rstrip("/")
    asked = _request(trust, claims, host)
    for statement in trust.statements:
        if not statement.allows and statement.applies(asked):
            return TrustVerdict(allowed=False, matches=(_denial(statement),))
    about = [s for s in trust.statements if s.allows and s.is_about(asked)]
    if not about:
        return TrustVerdict(allowed=False, matches=(_issuer(trust, host),))
    timely = _timely(claims, at)
    candidates = [(*_matches(statement, asked, claims, host), *timely) for statement in about]
    nearest = min(candidates, key=lambda matches: sum(not match.holds for match in matches))
    return TrustVerdict(allowed=all(match.holds for match in nearest), matches=nearest)


def render(verdict: TrustVerdict) -> str:
    """A verdict for a person: a line a claim, and below each that does not match what to do."""
    lines = []
    for match in verdict.matches:
        given = ", ".join(match.given) or MISSING
        lines.append(f"{'ok' if match.holds else 'NO':<3} {match.claim}: {given}")
        if not match.holds:
            lines.append(f"      wanted: {' or '.join(match.wanted)}")
            lines.append(f"      next:   {match.remedy}")
    return "\n".join(lines)


def expected_claims(
    github: GithubTable, environment: str, ref: str, *, with_ids: bool = False
) -> Claims:
    """The claims of a job that is to be trusted, as far as the configuration tells them.

    :param github: ``[tool.release-warden.github]``, with repository and number.
    :param environment: the job's.
    :param ref: the default branch, as ``refs/heads/main``.
    :param with_ids: in the newer form of ``sub``; the owner's number, which no configuration
        holds, is then 1.
    """
    repository = github.repository or ""
    owner, _, name = repository.partition("/")
    number = str(github.repository_id or "")
    ids = {"owner_id": "1", "name_id": number} if with_ids else {}
    context = f"environment:{environment.replace(':', '%3A')}"
    workflow = f"{repository}/.github/workflows/{github.workflow}@{ref}"
    return Claims(
        iss=GITHUB_ISSUER,
        aud=AUDIENCE,
        sub=str(Subject(owner=owner, name=name, context=context, **ids)),
        repository=repository,
        repository_id=number,
        repository_owner=owner,
        environment=environment,
        workflow_ref=workflow,
        job_workflow_ref=workflow,
        ref=ref,
    )


def strangers(known: Claims) -> Iterator[tuple[str, Claims]]:
    """Tokens that no trust of ours may let in, each one step away from one that it does.

    :param known: the claims of a trusted job.
    """
    subject, workflow = known.subject, read_workflow(known.job_workflow_ref)
    if subject is None or workflow is None:
        raise UnknownError(
            "a trusted job's claims have another form",
            why=known.sub,
            remedy="tell the maintainers of Release Warden: such a service is not known here",
        )
    for what, changed in (
        *_of_another_repository(known, subject),
        *_of_another_place(subject, workflow),
        *_of_another_workflow(subject, workflow),
    ):
        yield what, structs.replace(known, **changed)


Changed = Iterator[tuple[str, dict[str, str]]]
"""What a token is, and the claims in which it differs from a trusted one."""


def _of_another_repository(known: Claims, subject: Subject) -> Changed:
    def sub(**parts: str) -> str:
        return str(structs.replace(subject, **parts))

    number = known.repository_id
    other = str(int(number) + 1)
    fork = structs.replace(subject, owner="stranger")
    workflow = known.job_workflow_ref.replace(subject.repository, fork.repository, 1)
    yield "a token for another audience", {"aud": "https://github.com/stranger"}
    yield "a token of another issuer", {"iss": "https://gitlab.com"}
    yield "the name taken anew", {"repository_id": other}
    taken = sub(owner_id="1", name_id=other)
    yield "the name taken anew, with ids in sub", {"repository_id": other, "sub": taken}
    yield "another number in sub alone", {"sub": taken}
    yield "a fork", {"repository_id": other, "sub": str(fork), "job_workflow_ref": workflow}
    yield "a name that begins alike", {"sub": sub(name=f"{subject.name}-more")}
    yield "the repository renamed", {"sub": sub(name="renamed", owner_id="1", name_id=number)}


def _of_another_place(subject: Subject, workflow: WorkflowRef) -> Changed:
    def sub(context: str) -> str:
        return str(structs.replace(subject, context=context))

    yield "another environment", {"sub": sub("environment:staging"), "environment": "staging"}
    yield "another environment, but in sub", {"environment": "staging"}
    yield "a branch, without environment", {"sub": sub(f"ref:{workflow.ref}"), "environment": ""}
    yield "a tag", {"sub": sub("ref:refs/tags/v1.0.0"), "environment": ""}
    yield "a pull request", {"sub": sub("pull_request"), "environment": ""}


def _of_another_workflow(subject: Subject, workflow: WorkflowRef) -> Changed:
    def stands_in(**parts: str) -> dict[str, str]:
        changed = structs.replace(workflow, **parts)
        path = f"{changed.repository}/.github/workflows/{changed.file}@{changed.ref}"
        return {"job_workflow_ref": path}

    yield "the workflow of another branch", stands_in(ref="refs/heads/feature")
    yield "the workflow of a pull request", stands_in(ref="refs/pull/7/merge")
    yield "the workflow of a tag", stands_in(ref="refs/tags/v1.0.0")
    yield "another workflow file", stands_in(file="tests.yml")
    yield "a file whose name ends alike", stands_in(file=f"not-{workflow.file}")
    elsewhere = f"stranger/{subject.name}"
    yield "a reusable workflow of another repository", stands_in(repository=elsewhere)
    yield "no workflow", {"job_workflow_ref": ""}


def _request(trust: Policy, claims: Claims, host: str) -> Request:
    """The request that a token makes; the provider is called as the document calls it."""
    named = (one for s in trust.statements for one in (s.principals or {}).get("Federated", ()))
    arn = next((one for one in named if one.endswith(f"{PROVIDER}{host}")), host)
    given = {name: getattr(claims, name) for name in GIVEN} | {"aud": claims.audiences}
    return Request(
        caller=Caller(kind="Federated", arn=arn),
        action=ACTION,
        values=Values({f"{host}:{name}": value for name, value in given.items() if value}),
    )


def _matches(statement: Statement, asked: Request, claims: Claims, host: str) -> tuple[Match, ...]:
    return tuple(_match(condition, asked, claims, host) for condition in statement.conditions)


def _match(condition: Condition, asked: Request, claims: Claims, host: str) -> Match:
    claim = condition.key.removeprefix(f"{host}:")
    if claim.lower() in UNREAD:
        raise UnknownError(
            f"the trust asks for {claim}, which is not read here",
            remedy="compare it by hand; the template of this project does not ask for it",
        )
    given = asked.given(condition.key)
    holds = condition.holds(given)
    return Match(
        claim=claim,
        operator=condition.operator,
        wanted=condition.wanted,
        given=given,
        holds=holds,
        remedy="" if holds else _remedy(claim, condition.wanted, claims),
    )


def _denial(statement: Statement) -> Match:
    return Match(
        claim="the document",
        operator="Deny",
        wanted=(f"no denial, but it has {statement.name}",),
        given=("the token",),
        holds=False,
        remedy=f"find who wrote that statement, then {DEPLOY}",
    )


def _issuer(trust: Policy, host: str) -> Match:
    """What stands in the way where no statement is about tokens of this issuer."""
    wanted = (
        one.partition(PROVIDER)[2] or one
        for statement in trust.statements
        for names in (statement.principals or {}).values()
        for one in names
    )
    return Match(
        claim="iss",
        operator="Principal",
        wanted=tuple(dict.fromkeys(wanted)) or ("no issuer at all",),
        given=(host,) if host else (),
        holds=False,
        remedy=f"the role trusts another issuer: run the job on github.com, or {DEPLOY}",
    )


def _timely(claims: Claims, at: datetime | None) -> tuple[Match, ...]:
    if at is None or claims.exp is None:
        return ()
    return (
        Match(
            claim="exp",
            operator="DateGreaterThan",
            wanted=(f"after {at:%Y-%m-%d %H:%M:%S} UTC",),
            given=(f"{datetime.fromtimestamp(claims.exp, tz=at.tzinfo):%Y-%m-%d %H:%M:%S}",),
            holds=claims.exp > at.timestamp(),
            remedy="the token has expired: ask for it just before it is used; see to the clock",
        ),
    )


def _remedy(claim: str, wanted: tuple[str, ...], claims: Claims) -> str:
    """What to do about a claim that does not match."""
    known = {
        "aud": lambda: f"ask GitHub for a token with the audience {AUDIENCE}",
        "sub": lambda: _about_subject(wanted, claims),
        "repository_id": lambda: _about_repository(claims),
        "environment": lambda: _about_environment(wanted, claims),
        "job_workflow_ref": lambda: _about_workflow(wanted, claims),
    }
    if claim not in known:
        return f"the template does not ask for {claim}: {DEPLOY} to have its trust again"
    return known[claim]()


def _about_subject(wanted: tuple[str, ...], claims: Claims) -> str:
    subject = claims.subject
    if subject is None:
        return (
            "the repository has a sub of its own form: gh api -X PUT .../actions/oidc/"
            "customization/sub -F use_default=true"
        )
    if not subject.environment:
        return _about_environment((), claims)
    if subject.name_id and not any("@" in one for one in wanted):
        return (
            f"sub has ids since the repository was made or renamed: {DEPLOY}, whose trust has both"
        )
    return (
        f"the job is of {subject.repository}: if that is this repository renamed, set "
        f"github.repository, then {DEPLOY}"
    )


def _about_repository(claims: Claims) -> str:
    return (
        f"the token is of {claims.repository or 'a repository'} with another number: if it is the "
        f"right one, set github.repository-id, then {DEPLOY}; a name can be given away, a number "
        "cannot"
    )


def _about_environment(wanted: tuple[str, ...], claims: Claims) -> str:
    names = " or ".join(wanted) or "of github.environments"
    if not claims.environment:
        return f"the job has no environment: give it `environment: {names}` in the workflow"
    return (
        f"the job's environment is {claims.environment}: give it {names}, or add it to "
        f"github.environments, then {DEPLOY}"
    )


def _about_workflow(wanted: tuple[str, ...], claims: Claims) -> str:
    ours, trusted = read_workflow(claims.job_workflow_ref), read_workflow(wanted[0])
    if not ours or not trusted:
        return "the token names no workflow: run the job from a workflow file of the repository"
    if ours.repository != trusted.repository:
        return f"the job stands in a workflow of {ours.repository}: write it into {trusted.file}"
    if ours.file != trusted.file:
        return f"the job stands in {ours.file}: move it, or set github.workflow, then {DEPLOY}"
    return f"the workflow ran at {ours.ref}: run it from {trusted.ref.removeprefix('refs/heads/')}"
