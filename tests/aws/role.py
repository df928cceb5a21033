"""What a server asked of the emulated AWS, and whether the role of the instance would have allowed it."""

import base64
import json
import re
import urllib.request
from fnmatch import fnmatchcase
from typing import Any, Final

__all__ = ["Call", "allows", "calls_of", "recording"]

TIMEOUT_S: Final = 10
SERVICES: Final = {"DynamoDB_20120810": "dynamodb", "AWSCognitoIdentityProviderService": "cognito-idp"}
FOR_ANYONE: Final = {"cognito-idp:SignUp", "cognito-idp:InitiateAuth"}
"""Calls that AWS takes without credentials: no role allows or denies them."""

Call = tuple[str, str]
"""An action, and the end of the ARN of what it is done to."""


def recording(url: str, what: str) -> str:
    """Tell moto's recorder to `start-recording` or `stop-recording`, or ask it for `download-recording`."""
    method = "GET" if what.startswith("download") else "POST"
    request = urllib.request.Request(f"{url}/moto-api/recorder/{what}", data=None, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        text: str = answer.read().decode()
        return text


def calls_of(access_key: str, recorded: str) -> set[Call]:
    """The calls that somebody with this key made and that need a permission."""
    calls = set()
    for line in recorded.splitlines():
        request = json.loads(line)
        headers = request["headers"]
        if not re.search(rf"Credential={access_key}/", headers.get("Authorization", "")):
            continue
        service, _, operation = headers["X-Amz-Target"].partition(".")
        body = json.loads(base64.b64decode(request["body"]) if request["body_encoded"] else request["body"])
        if f"{SERVICES[service]}:{operation}" in FOR_ANYONE:
            continue
        index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
        target = f"table/{body['TableName']}{index}" if "TableName" in body else f"userpool/{body['UserPoolId']}"
        calls.add((f"{SERVICES[service]}:{operation}", target))
    return calls


def allows(policy: dict[str, Any], call: Call) -> bool:
    """Whether a policy of plain `Allow` statements has one for this call."""
    action, target = call
    return any(
        action in statement["Action"]
        and any(fnmatchcase(target, name.split(":", 5)[-1]) for name in statement["Resource"])
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow" and "Condition" not in statement
    )
