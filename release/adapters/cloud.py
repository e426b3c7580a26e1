"""The door to an AWS account, with the rights of the person at the keyboard.

Their credentials come by boto3's own chain (environment, profile, single sign-on). What a job does
with the role alone is :mod:`release.adapters.aws`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from release.adapters.aws import INSTALL, in_our_words, is_installed, settings
from release.errors import BlockedError
from release.ship.stack import Account

LOGIN = "log in (aws sso login, or AWS_PROFILE=NAME), then run again"


class Cloud:
    """An account in one region.

    :param region: such as ``eu-central-1``.
    :raises BlockedError: boto3 is not installed, or there are no credentials.
    """

    def __init__(self, region: str) -> None:
        if not is_installed():
            raise BlockedError(
                "boto3 is not installed",
                why="the aws tasks speak to AWS by it, and the base install does without",
                remedy=INSTALL,
            )
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            self._session = boto3.Session(region_name=region)
            found = self._session.get_credentials()
        except BotoCoreError as error:  # a profile that is not there, a login that has ended
            raise BlockedError(
                "no AWS credentials", why=str(error), remedy=LOGIN, failure="auth"
            ) from None
        if found is None:
            raise BlockedError("no AWS credentials were found", remedy=LOGIN, failure="auth")
        self.region = region
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client, made once.

        :param service: as boto3 calls it, such as ``iam``.
        """
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=settings())
        return self._clients[service]

    @cached_property
    def caller(self) -> str:
        """The user or role that we are, as policies name it: for a session, its role.

        :raises AwsError: the credentials are not good.
        """
        with in_our_words("see who we are"):
            arn: str = self.client("sts").get_caller_identity()["Arn"]
        kind, _, rest = arn.split(":", 5)[5].partition("/")
        if kind != "assumed-role":
            return arn
        with in_our_words("look at our own role"):  # whose path the session's name lacks
            role = self.client("iam").get_role(RoleName=rest.split("/")[0])
        return str(role["Role"]["Arn"])

    @cached_property
    def account(self) -> Account:
        """Where we are."""
        _, partition, _, _, number, _ = self.caller.split(":", 5)
        return Account(partition=partition, number=number, region=self.region)
