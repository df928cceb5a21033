"""AWS as somebody else sees it."""

from typing import Any

import boto3

__all__ = ["client"]


def client(service: str, aws: dict[str, str]) -> Any:
    """A client of the emulated AWS, with other credentials than the server's."""
    return boto3.session.Session().client(
        service,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=aws["AWS_DEFAULT_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )
