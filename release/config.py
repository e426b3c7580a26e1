"""``[tool.release-warden]`` of pyproject.toml: every key, its default and its meaning."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import Annotated, Any, Literal

import msgspec

from release.errors import ConfigError
from release.model.base import sha256

TABLE = "tool.release-warden"

HOLDS_A_USER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@")

REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"
SECRET = r"^[A-Za-z0-9/_+=.@:-]{1,2048}$"  # noqa: S105 # nosec B105 # the form of a name
STACK = r"^[A-Za-z][A-Za-z0-9-]{0,127}$"
"""Forms of names as AWS gives them (IAM, Secrets Manager, CloudFormation API references)."""
REPOSITORY = r"^[A-Za-z0-9-]+/[A-Za-z0-9_.-]+$"
BRANCH = r"^[A-Za-z0-9_./-]+$"
WORKFLOW = r"^[A-Za-z0-9_.-]+\.ya?ml$"

BUILT_IN_SCANNERS = ("osv", "pip-audit", "bandit", "detect-secrets")
"""Others come by the entry points ``release_warden.scanners``."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A table of the configuration."""


Override = Literal["hold", "block"]
"""What a project may make of a rule: wait for a person, or fail the run (exit code 3)."""
Count = Annotated[int, msgspec.Meta(ge=0)]
Days = Annotated[int, msgspec.Meta(ge=0, le=366)]


class Overrides(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden.policy.rules]``: rules that shall be more careful than the preset.

    Nothing here can release, nor turn ``unknown`` into anything else: the rules that are not
    listed (``required-unknown``, ``nothing-owed``) are not for a project to change.
    """

    first_release_is_a_persons: Override | None = None
    adds_worse: Override | None = None
    kill_switch: Override | None = None
    content_identical: Override | None = None
    fingerprint_spent: Override | None = None
    weekly_budget_spent: Override | None = None
    minor_budget_spent: Override | None = None
    removes_critical_high_or_unknown: Override | None = None
    new_critical_or_high: Override | None = None
    removes_medium_or_low: Override | None = None
    resolved_with_a_cause: Override | None = None
    grade_better: Override | None = None
    nothing_to_ship: Override | None = None
    status_only: Override | None = None

    def named(self) -> dict[str, Override]:
        """Those that are set, by the name of the rule."""
        fields = msgspec.structs.fields(type(self))
        given = ((field.encode_name, getattr(self, field.name)) for field in fields)
        return {name: override for name, override in given if override}


POSTURE_ONLY = frozenset({"new-critical-or-high", "resolved-with-a-cause", "grade-better"})
"""The rules that preset ``owed`` does not have."""


class Policy(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden.policy]``: when a release is owed.

    ``preset``: the set of rules.
    ``rules``: by rule, ``hold`` or ``block`` instead of what the preset says.
    ``required``: scanners without whose word the answer is unknown.
    ``releases-per-week``: the budget of automatic releases in seven days.
    ``budget-window-days``: within it at most one automatic release for medium and low findings.
    ``automatic``: the kill switch; ``false`` turns every automatic release into a hold.
    ``vulnerability-gates``: gates that may be red when a release strictly improves security.
    ``waiver-days``: for how long, counted from the first release that needed it; 0 for never.
    """

    preset: Literal["owed", "posture"] = "owed"
    rules: Overrides = Overrides()
    required: tuple[str, ...] = ("osv",)
    releases_per_week: Count = 3
    budget_window_days: Days = 7
    automatic: bool = True
    vulnerability_gates: tuple[str, ...] = ("audit",)
    waiver_days: Days = 14


class RepositoryTable(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden.repositories.NAME]``: a repository of your own.

    ``upload-url``: where files are uploaded to.
    ``simple-url``: its simple API; by default derived from the upload's address.
    """

    upload_url: str
    simple_url: str | None = None


class AwsTable(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden.aws]``: a token in AWS Secrets Manager; nothing of it is secret.

    ``region``: where the secret is, such as ``eu-central-1``.
    ``role-arn``: the role that a job takes on, as ``arn:aws:iam::123456789012:role/NAME``.
    ``secret``: the secret's name or ARN.
    ``stack``: the name of the CloudFormation stack that holds both.
    """

    region: Annotated[str, msgspec.Meta(pattern=REGION)] | None = None
    role_arn: Annotated[str, msgspec.Meta(pattern=ROLE_ARN)] | None = None
    secret: Annotated[str, msgspec.Meta(pattern=SECRET)] | None = None
    stack: Annotated[str, msgspec.Meta(pattern=STACK)] = "release-warden"


class GithubTable(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden.github]``: which jobs may publish.

    ``repository``: as ``owner/name``.
    ``repository-id``: its number, which stays when it is renamed.
    ``environments``: of the jobs that upload.
    ``workflow``: the file below ``.github/workflows`` that they stand in.
    ``branch``: the default branch.
    ``gates``: the nox sessions that a change has to pass; by default those of a release.
    ``pages``: whether GitHub Pages serves the status site.
    ``code-scanning``: whether findings are shown as code scanning alerts.
    ``private``: whether the repository can only be read with a token: jobs that hold none then
    read a mirror, which a step of its own makes.
    """

    repository: Annotated[str, msgspec.Meta(pattern=REPOSITORY)] | None = None
    repository_id: Annotated[int, msgspec.Meta(gt=0)] | None = None
    environments: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=255)], ...] = (
        "pypi-auto",
        "pypi-manual",
    )
    workflow: Annotated[str, msgspec.Meta(pattern=WORKFLOW)] = "release.yml"
    branch: Annotated[str, msgspec.Meta(pattern=BRANCH)] = "main"
    gates: tuple[str, ...] | None = None
    pages: bool = False
    code_scanning: bool = True
    private: bool = False


class Config(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden]``.

    ``repository``: where releases go: ``local`` (the embedded index), ``testpypi``, ``pypi``, a
    name below ``repositories``, or the address that takes uploads.
    ``repositories``: repositories of your own, by name.
    ``credential``: where the right to upload comes from: what twine finds (``keyboard``), PyPI's
    trusted publishing, or a token in AWS Secrets Manager.
    ``aws``: where that token is.
    ``github``: which jobs may publish.
    ``remote``: the git remote that shares the ledger and takes tags and branches, such as
    ``origin``; by default none.
    ``commit``: whether release commits are brought to the remote's default branch: ``none``, by a
    fast-forward (``push``), or by a pull request where that is not possible (``pull-request``).
    ``branches``: where releases may come from, such as ``main`` or ``1.*``; by default anywhere.
    ``gates``: nox sessions that must be green; by default lint, types and tests where they exist.
    ``index-url``: the simple index that dependencies come from; by default PyPI's.
    ``osv-url``: the OSV API.
    ``osv-archive``: an archive or folder of OSV records, or an archive's address, that stands in
    when the API does not answer.
    ``beside``: what is looked at beside what users get, shown, and never a cause.
    ``pythons``: the Python versions to look at, as ``"3.12"``; by default all that
    ``Requires-Python`` admits and that are not past their end of life.
    ``version-files``: further files that tell the project's version, and change with it.
    ``publish-code-findings``: name findings in the project's own code in what is meant for others
    (pages, reports, exports); by default they are counted only. Secrets are always counted only.
    ``scanners``: what a scan runs; ``osv``, on which decisions rest, is always among them.
    ``fix``: what an automatic run does where an edit of our requirements would free users:
    nothing, propose it on a branch, or release it.
    ``alerts``: who is told when something is wrong: ``github`` (issues), ``apprise``, or a target
    that is plugged in; by default nobody.
    ``forge``: where pull requests and releases are made; by default nowhere.
    ``forge-url``: the forge's API; by default that of github.com, or ``GITHUB_API_URL``.
    ``status-url``: where the status site is served; the badges of a README lead there.
    ``scan-every-hours``: how often scans are expected; one that is half as late again is missed.
    ``heartbeat-url``: asked for after each good scan and check, so that a service outside notices
    when they stop; ``RELEASE_WARDEN_HEARTBEAT_URL`` goes first.
    """

    repository: str = "local"
    branches: tuple[str, ...] = ()
    gates: tuple[str, ...] | None = None
    index_url: str | None = None
    osv_url: str = "https://api.osv.dev"
    osv_archive: str | None = None
    pythons: tuple[str, ...] = ()
    version_files: tuple[str, ...] = ()
    publish_code_findings: bool = False
    scanners: tuple[str, ...] = ("osv",)
    beside: tuple[Literal["floor", "dev"], ...] = ("floor", "dev")
    status_url: str | None = None
    scan_every_hours: Annotated[int, msgspec.Meta(ge=1, le=48)] = 24
    heartbeat_url: str | None = None
    policy: Policy = Policy()
    repositories: dict[str, RepositoryTable] = {}
    commit: Literal["none", "push", "pull-request"] = "none"
    fix: Literal["off", "propose", "release"] = "off"
    remote: str | None = None
    alerts: tuple[str, ...] = ()
    forge: Literal["github"] | None = None
    forge_url: str | None = None
    credential: Literal["keyboard", "trusted-publishing", "aws"] = "keyboard"
    aws: AwsTable = AwsTable()
    github: GithubTable = GithubTable()

    @property
    def digest(self) -> str:
        """The sha256 of what the configuration says."""
        return sha256(msgspec.json.encode(self, order="sorted"))


def parse(pyproject: str) -> Config:
    """Read the configuration out of a pyproject.toml.

    :param pyproject: the file's text.
    :raises ConfigError: no TOML, an unknown key (with a guess at the one meant), a wrong value.
    """
    try:
        table = tomllib.loads(pyproject).get("tool", {}).get("release-warden", {})
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "pyproject.toml is no TOML", why=str(error), remedy="mend the file, then run again"
        ) from error
    _refuse_unknown_keys(table, Config, TABLE)
    policy = table.get("policy", {})
    _refuse_unknown_keys(policy, Policy, f"{TABLE}.policy")
    _refuse_unknown_keys(policy.get("rules", {}), Overrides, f"{TABLE}.policy.rules")
    _refuse_unknown_keys(table.get("aws", {}), AwsTable, f"{TABLE}.aws")
    _refuse_unknown_keys(table.get("github", {}), GithubTable, f"{TABLE}.github")
    repositories = table.get("repositories", {})
    for name, one in repositories.items() if isinstance(repositories, dict) else ():
        _refuse_unknown_keys(one, RepositoryTable, f"{TABLE}.repositories.{name}")
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"a value of [{TABLE}] has the wrong type",
            why=str(error),
            remedy="see docs/configuration.md for every key with its type",
        ) from error
    _refuse_idle_rules(config.policy)
    _refuse_passwords(config)
    return config


def _refuse_passwords(config: Config) -> None:
    """No address holds a credential: this file is committed, and goes into every sdist."""
    for key in ("index_url", "osv_url", "osv_archive", "forge_url", "status_url", "heartbeat_url"):
        if HOLDS_A_USER.match(getattr(config, key) or ""):
            raise ConfigError(
                f"the address in {key.replace('_', '-')} holds a user or a password",
                why="pyproject.toml is committed, and goes into every sdist",
                remedy="change that password; write the new one into ~/.netrc "
                "(docs/configuration.md)",
            )


def _refuse_idle_rules(policy: Policy) -> None:
    idle = sorted(POSTURE_ONLY & policy.rules.named().keys()) if policy.preset == "owed" else []
    if idle:
        raise ConfigError(
            f"preset 'owed' has no rule {idle[0]!r}",
            why=f"[{TABLE}.policy.rules] sets it, and it would never fire",
            remedy='remove it, or set preset = "posture"',
        )


def _refuse_unknown_keys(table: Any, kind: type[Settings], where: str) -> None:
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    if not isinstance(table, dict):
        raise ConfigError(f"[{where}] is no table", remedy=f"write it as a table [{where}]")
    for key in table:
        if key not in known:
            guess = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"unknown key {key!r} in [{where}]",
                why=f"did you mean {guess[0]!r}?"
                if guess
                else f"known keys: {', '.join(sorted(known))}",
                remedy="correct or remove the key",
            )
