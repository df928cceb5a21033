"""Anonymous users in a Cognito user pool: made, signed in, recognised and removed.

A pool may hold people as well. A user is taken for one of ours, and so may be removed, only if it has both the prefix
and the mark that this server gives when it makes one.
"""

import secrets
from typing import Any, Final

from msgspec import Struct

from heliograph_server.aws.calls import AwsCallFailed, AwsCalls

__all__ = ["USERNAME_PREFIX", "CognitoUsers", "UserPage"]

USERNAME_PREFIX: Final = "heliograph-anon-"
MARKED_ATTRIBUTE: Final = "name"
"""A standard attribute: every pool has it."""
USERNAME_BYTES: Final = 16
PASSWORD_BYTES: Final = 32
PASSWORD_START: Final = "Aa1!"  # noqa: S105 - random characters follow it
"""One of each kind of character that a pool's password policy may ask for."""

PAGE_SIZE: Final = 60
"""The most that `ListUsers` gives at once."""

_GONE: Final = "UserNotFoundException"

_HINTS: Final = {
    "AccessDeniedException": "the server's AWS role lacks that permission on the user pool",
    "ExpiredTokenException": "the server's AWS credentials have expired",
    "InvalidPasswordException": "the pool's password policy asks for more than a random password has",
    "LimitExceededException": "a quota of the user pool is used up",
    "ResourceNotFoundException": "check COGNITO_REGION, COGNITO_USER_POOL_ID and COGNITO_APP_CLIENT_ID",
    "TooManyRequestsException": "the pool's quota of requests a second is used up",
    "UnrecognizedClientException": "the server's AWS credentials are not valid",
}
"""What an operator may want to know beyond what AWS says; other errors speak for themselves."""


class UserPage(Struct, frozen=True):
    """Some of our users who were made before a time, and where the listing goes on, None at its end."""

    usernames: list[str]
    next_page: str | None


class CognitoUsers:
    """The anonymous users of one pool and app client. Every method raises `AwsCallFailed`."""

    def __init__(self, calls: AwsCalls, user_pool_id: str, app_client_id: str) -> None:
        self._calls = calls
        self._pool = user_pool_id
        self._client = app_client_id
        self._mark = f"Heliograph anonymous user of {app_client_id}"

    def new_name(self) -> str:
        """A name that nobody has."""
        return USERNAME_PREFIX + secrets.token_hex(USERNAME_BYTES)

    async def make(self, username: str) -> str:
        """Sign a user up, confirm it, and return its id token. What was made stays if a later step fails."""
        password = _new_password()
        await self._sign_up(username, password)
        await self._call("admin_confirm_sign_up", UserPoolId=self._pool, Username=username)
        return await self._sign_in(username, password)

    async def sign_in_again(self, username: str) -> str | None:
        """Another id token for a user, with another password; None if it is not one of ours, or has gone."""
        try:
            if await self._find(username) is None:
                return None
            password = _new_password()
            await self._call(
                "admin_set_user_password",
                UserPoolId=self._pool,
                Username=username,
                Password=password,
                Permanent=True,
            )
            return await self._sign_in(username, password)
        except AwsCallFailed as error:
            if error.code == _GONE:
                return None
            raise

    async def _sign_in(self, username: str, password: str) -> str:
        answer = await self._call(
            "initiate_auth",
            ClientId=self._client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
        token = answer.get("AuthenticationResult", {}).get("IdToken")
        if not isinstance(token, str):
            challenge = answer.get("ChallengeName", "something else")
            raise AwsCallFailed(f"the user pool asks for {challenge}, which an anonymous user can't give")
        return token

    async def remove(self, username: str) -> bool:
        """Remove a user if it is one of ours; False if it is not, or has gone."""
        try:
            name = await self._find(username)
            if name is None:
                return False
            await self._call("admin_delete_user", UserPoolId=self._pool, Username=name)
        except AwsCallFailed as error:
            if error.code == _GONE:
                return False
            raise
        return True

    async def made_before(self, before: float, page: str | None) -> UserPage:
        """A page of our users who were made before that time (Unix seconds); `page` is where the last one ended."""
        parameters = {} if page is None else {"PaginationToken": page}
        answer = await self._call(
            "list_users",
            UserPoolId=self._pool,
            Filter=f'username ^= "{USERNAME_PREFIX}"',
            Limit=PAGE_SIZE,
            **parameters,
        )
        usernames = [
            user["Username"]
            for user in answer["Users"]
            if user["UserCreateDate"].timestamp() < before and self._is_ours(user["Username"], user["Attributes"])
        ]
        return UserPage(usernames=usernames, next_page=answer.get("PaginationToken"))

    async def _sign_up(self, username: str, password: str) -> None:
        try:
            await self._call(
                "sign_up",
                ClientId=self._client,
                Username=username,
                Password=password,
                UserAttributes=[{"Name": MARKED_ATTRIBUTE, "Value": self._mark}],
            )
        except AwsCallFailed as error:
            if error.code != "UsernameExistsException":  # a repetition, after an answer that was lost
                raise

    async def _find(self, username: str) -> str | None:
        """What the pool calls a user; None if it is not one of ours."""
        user = await self._call("admin_get_user", UserPoolId=self._pool, Username=username)
        name: str = user["Username"]
        return name if self._is_ours(name, user.get("UserAttributes", [])) else None

    def _is_ours(self, username: str, attributes: list[dict[str, str]]) -> bool:
        marked = {"Name": MARKED_ATTRIBUTE, "Value": self._mark} in attributes
        return username.startswith(USERNAME_PREFIX) and marked

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            return await self._calls.call(operation, **parameters)
        except AwsCallFailed as error:
            hint = _HINTS.get(error.code)
            if hint is None:
                raise
            raise AwsCallFailed(f"{error} ({hint})", error.code) from error


def _new_password() -> str:
    return PASSWORD_START + secrets.token_urlsafe(PASSWORD_BYTES)
