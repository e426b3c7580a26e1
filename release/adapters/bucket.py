"""The door to a bucket that speaks S3: AWS's own, or another's by ``AWS_ENDPOINT_URL``.

boto3 finds who we are by its own chain: variables, profile, web identity, the machine's role. It is
imported here only, and comes with the extra ``aws``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from release.errors import CredentialError, FailedError, TryAgainError, UsageError

AGAIN = frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout"})
REFUSED = frozenset(
    {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
)
"""What S3 says of a right that is missing, over, or not ours."""
TRIES = 5


class Bucket:
    """The objects below a prefix of a bucket.

    :param name: the bucket's.
    :param prefix: where the objects lie, empty or ending in a slash.
    :raises UsageError: boto3 is not installed, or knows no region or address to ask.
    """

    def __init__(self, name: str, prefix: str) -> None:
        self.name = name
        self.prefix = prefix
        with _in_our_words(self.name):
            self._client = _client()

    def digests(self) -> dict[str, str]:
        """The objects there are, by name below the prefix, with their ETags.

        The ETag of an object that was put at once is its MD5, but for some kinds of encryption.
        """
        with _in_our_words(self.name):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=self.prefix
            )
            return {
                item["Key"].removeprefix(self.prefix): item["ETag"].strip('"')
                for page in pages
                for item in page.get("Contents", ())
            }

    @staticmethod
    def digest(data: bytes) -> str:
        """What :meth:`digests` tells of an object with this content."""
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def put(self, name: str, data: bytes, kind: str) -> None:
        """Put an object; whoever reads meanwhile gets the old one or the new one, whole.

        :param kind: its media type.
        """
        with _in_our_words(self.name):
            self._client.put_object(
                Bucket=self.name,
                Key=self.prefix + name,
                Body=data,
                ContentType=kind,
                CacheControl="no-cache",
            )

    def delete(self, name: str) -> None:
        """Remove an object."""
        with _in_our_words(self.name):
            self._client.delete_object(Bucket=self.name, Key=self.prefix + name)


@contextmanager
def _in_our_words(bucket: str) -> Iterator[None]:
    """What boto raises, as errors of ours."""
    try:
        from botocore import exceptions as boto
    except ImportError as error:
        raise UsageError(
            "a bucket needs boto3, which is not installed",
            remedy="pip install 'release-warden[aws]'",
        ) from error
    try:
        yield
    except boto.NoRegionError as error:
        remedy = "give boto3 a region, as AWS_DEFAULT_REGION or a profile does"
        raise UsageError(f"{bucket} cannot be reached", why=str(error), remedy=remedy) from error
    except (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.SSOError,
    ) as error:
        remedy = "give boto3 credentials, as AWS_PROFILE or a role of the job does"
        raise CredentialError(
            f"this job has no right to write to the bucket {bucket}",
            why=str(error),
            remedy=remedy,
        ) from error
    except (boto.ConnectionError, boto.HTTPClientError) as error:
        what = f"the bucket {bucket} does not answer"
        raise TryAgainError(what, why=str(error), remedy="run again") from error
    except boto.ClientError as error:
        code = error.response["Error"]["Code"]
        kind = TryAgainError if code in AGAIN else FailedError
        remedy = "see whether it exists, and whether you may list, write and delete in it"
        raise kind(
            f"the bucket {bucket} refused",
            why=str(error),
            remedy=remedy,
            failure="auth" if code in REFUSED else None,
        ) from error
    except boto.BotoCoreError as error:
        remedy = "see whether its name is right"
        raise UsageError(f"{bucket} is no bucket", why=str(error), remedy=remedy) from error


def _client() -> Any:
    import boto3
    from botocore.config import Config

    retries = {"max_attempts": TRIES, "mode": "standard"}
    config = Config(retries=retries, connect_timeout=10, read_timeout=60)
    return boto3.session.Session().client("s3", config=config)
