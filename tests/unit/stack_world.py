"""The stack's template filled in for one repository, and the claims of its jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from release.config import AwsTable, Config, GithubTable
from release.ship.claims import Claims
from release.ship.stack import PROVIDER_HOST, Account, Documents, documents, parameters
from release.ship.template import Setting, fill_in, read_template
from release.ship.trust import expected_claims

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template((ROOT / "cloudformation" / "release-token.yaml").read_text())
HERE = Account(partition="aws", number="123456789012", region="eu-central-1")
IAM = f"arn:aws:iam::{HERE.number}"
ADMINISTRATOR = f"{IAM}:user/ada"
PROVIDER = f"{IAM}:oidc-provider/{PROVIDER_HOST}"
SECRET = f"arn:aws:secretsmanager:{HERE.region}:{HERE.number}:secret:release-warden/token-AbCdEf"
ROLE = f"{IAM}:role/release-warden-UploadRole-1"
AGE_ROLE = f"{IAM}:role/release-warden-AgeRole-1"
START_ROLE = f"{IAM}:role/release-warden-StartRole-1"
KEY = f"arn:aws:kms:{HERE.region}:{HERE.number}:key/0a1b"
TOPIC = f"arn:aws:sns:{HERE.region}:{HERE.number}:alarms"
MACHINE = f"arn:aws:states:{HERE.region}:{HERE.number}:stateMachine:age"
MAIN = "refs/heads/main"
GITHUB = GithubTable(repository="acme/paperboy", repository_id=4711)
CONFIG = Config(github=GITHUB, aws=AwsTable(region=HERE.region))
ARNS = {
    "Provider": PROVIDER, "UploadRole": ROLE, "AgeRole": AGE_ROLE, "StartRole": START_ROLE,
    "Key": KEY, "Token": SECRET, "Alarms": TOPIC, "AgeWatch": MACHINE,
    "Boundary": f"{IAM}:policy/release-warden-Boundary-1",
}  # fmt: skip


def made(**changed: str) -> dict[str, Any]:
    """The resources, with some parameters changed."""
    arns = {name: ARNS.get(name, f"arn:aws:made:::{name}") for name in TEMPLATE.resources}
    roles = {name: arns[name].rpartition("/")[2] for name in arns if name.endswith("Role")}
    given = parameters(CONFIG, MAIN) | {"AdministratorArn": ADMINISTRATOR} | changed
    setting = Setting(
        parameters=given,
        pseudo=HERE.pseudo,
        names=arns | roles,
        attributes={f"{name}.Arn": arn for name, arn in arns.items()},
    )
    return fill_in(TEMPLATE, setting)


def made_documents(**changed: str) -> Documents:
    """The policies that protect the token."""
    return documents(made(**changed))


def job(environment: str = "pypi-auto", *, with_ids: bool = False) -> Claims:
    """The claims of a job that is to be trusted."""
    return expected_claims(GITHUB, environment, MAIN, with_ids=with_ids)
