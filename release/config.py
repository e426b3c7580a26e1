"""``[tool.release-warden]`` of pyproject.toml: every key, its default and its meaning."""

from __future__ import annotations

import difflib
import tomllib
from typing import Any, Literal

import msgspec

from release.errors import ConfigError
from release.model.base import sha256

TABLE = "tool.release-warden"


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A table of the configuration."""


class Policy(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden.policy]``: when a release is owed.

    ``required``: scanners without whose word the answer is unknown.
    ``releases-per-week``: the budget of automatic releases in seven days.
    ``budget-window-days``: within it at most one automatic release for medium and low findings.
    ``automatic``: the kill switch; ``false`` turns every automatic release into a hold.
    """

    preset: Literal["owed"] = "owed"
    required: tuple[str, ...] = ("osv",)
    releases_per_week: int = 3
    budget_window_days: int = 7
    automatic: bool = True


class Config(Settings, frozen=True, kw_only=True):
    """``[tool.release-warden]``.

    ``repository``: where releases go; ``local`` is the embedded index.
    ``gates``: nox sessions that must be green; by default lint, types and tests where they exist.
    ``index-url``: the simple index that dependencies come from; by default PyPI's.
    ``osv-url``: the OSV API.
    ``pythons``: the Python versions to look at, as ``"3.12"``; by default all that
    ``Requires-Python`` admits and that are not past their end of life.
    ``version-files``: further files that tell the project's version, and change with it.
    ``fix``: what an automatic run does where an edit of our requirements would free users:
    nothing, propose it on a branch, or release it.
    ``remote``: the git remote that branches are pushed to; by default none.
    ``forge``: where pull requests and releases are made; by default nowhere.
    ``forge-url``: the forge's API; by default that of github.com, or ``GITHUB_API_URL``.
    """

    repository: str = "local"
    gates: tuple[str, ...] | None = None
    index_url: str | None = None
    osv_url: str = "https://api.osv.dev"
    pythons: tuple[str, ...] = ()
    version_files: tuple[str, ...] = ()
    policy: Policy = Policy()
    fix: Literal["off", "propose", "release"] = "off"
    remote: str | None = None
    forge: Literal["github"] | None = None
    forge_url: str | None = None

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
    _refuse_unknown_keys(table.get("policy", {}), Policy, f"{TABLE}.policy")
    try:
        return msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"a value of [{TABLE}] has the wrong type",
            why=str(error),
            remedy="see docs/configuration.md for every key with its type",
        ) from error


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
