"""ministack, and the two types that its CloudFormation lacks: OIDCProvider and ResourcePolicy.

Run as a program. Each is what the template asks for, done by ministack's own services.
"""

from __future__ import annotations

import json

from ministack.app import main
from ministack.core.responses import get_account_id
from ministack.services import iam, secretsmanager
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS


def make_provider(logical_id, props, stack_name):
    asked = {"Url": [props["Url"]]}
    asked |= {f"ClientIDList.member.{n}": [one] for n, one in enumerate(props["ClientIdList"], 1)}
    status, _, body = iam._create_oidc_provider(asked)
    if status != 200:
        raise ValueError(body)
    host = props["Url"].removeprefix("https://")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    return arn, {"Arn": arn}


def make_policy(logical_id, props, stack_name):
    if props["SecretId"].startswith("refused/"):  # as AWS says where a right is missing
        raise ValueError("User: ada is not authorized to perform secretsmanager:PutResourcePolicy")
    status, _, body = secretsmanager._put_resource_policy(
        {"SecretId": props["SecretId"], "ResourcePolicy": json.dumps(props["ResourcePolicy"])}
    )
    if status != 200:
        raise ValueError(body)
    return props["SecretId"], {"Id": props["SecretId"]}


def delete_policy(physical_id, props):
    secretsmanager._delete_resource_policy({"SecretId": physical_id})


if __name__ == "__main__":
    _RESOURCE_HANDLERS["AWS::IAM::OIDCProvider"] = {"create": make_provider}
    _RESOURCE_HANDLERS["AWS::SecretsManager::ResourcePolicy"] = {
        "create": make_policy,
        "update": lambda physical_id, old, props, stack: make_policy("", props, stack),
        "delete": delete_policy,
    }
    main()
