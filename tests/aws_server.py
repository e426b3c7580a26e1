"""AWS on loopback: ministack with its rights enforced, and what a project needs in it.

It enforces the trust of a role (``aud``, ``sub``), the policies of roles and secrets, and SigV4. It
does not verify the signature of a web identity token, nor its age.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ACCOUNT = "000000000000"
REGION = "eu-central-1"
ISSUER = "token.actions.githubusercontent.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/publisher"
SUBJECT = "repo:an-owner/plain-thing:environment:pypi-auto"


@dataclass(frozen=True)
class Aws:
    """A running account; its owner uses ``root``, a job uses ``env``."""

    url: str

    @property
    def env(self) -> dict[str, str]:
        """What leads a program to this account."""
        return {"AWS_ENDPOINT_URL": self.url}

    def root(self, service: str) -> Any:
        """A client of the account's owner."""
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def settle(self, secret: str, subject: str = SUBJECT, name: str = "pypi/plain-thing") -> str:
        """An OIDC provider, a role that trusts one subject, and a secret that it may read.

        :returns: the ARN of the secret.
        """
        iam, provider = self.root("iam"), f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
        iam.create_open_id_connect_provider(
            Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
        )
        iam.create_role(
            RoleName="publisher", AssumeRolePolicyDocument=json.dumps(trust(provider, subject))
        )
        made = self.root("secretsmanager").create_secret(Name=name, SecretString=secret)
        rights = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue"}
        policy = {"Version": "2012-10-17", "Statement": [{**rights, "Resource": made["ARN"]}]}
        iam.put_role_policy(
            RoleName="publisher", PolicyName="read", PolicyDocument=json.dumps(policy)
        )
        return made["ARN"]

    def put(self, text: str, stage: str, name: str = "pypi/plain-thing") -> None:
        """A new version of the secret in a stage; another one leaves it, as AWS does by itself."""
        if stage != "AWSCURRENT":
            self.clear(stage, name)
        self.root("secretsmanager").put_secret_value(
            SecretId=name, SecretString=text, VersionStages=[stage]
        )

    def clear(self, stage: str, name: str = "pypi/plain-thing") -> None:
        """No version of the secret is in a stage."""
        secrets = self.root("secretsmanager")
        stages = secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
        for version in (one for one, among in stages.items() if stage in among):
            secrets.update_secret_version_stage(
                SecretId=name, VersionStage=stage, RemoveFromVersionId=version
            )


def trust(provider: str, subject: str) -> dict[str, Any]:
    """Whom a role lets in: one subject, with a token for AWS."""
    wanted = {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": wanted},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


@contextmanager
def serve_aws(folder: Path, *program: str) -> Iterator[Aws]:
    """An empty account, running inside the ``with`` block.

    :param folder: for what the server says, as ``aws.log``.
    :param program: what Python runs; by default ministack as it is.
    """
    port = _free_port()
    around = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    around |= {"IOT_MTLS_ENABLED": "0"}
    argv = [sys.executable, *(program or ("-m", "ministack"))]
    with (folder / "aws.log").open("wb") as log:
        child = subprocess.Popen(
            argv, stdout=log, stderr=log, env={**os.environ, **around}, start_new_session=True
        )
    try:
        _await(f"http://127.0.0.1:{port}/_ministack/health", child)
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await(url: str, child: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert child.poll() is None, "ministack ended at once: see aws.log"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("ministack does not answer")
