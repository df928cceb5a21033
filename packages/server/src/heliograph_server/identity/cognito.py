"""Amazon Cognito: anonymous users in a user pool, and the verification of all id tokens that the pool issues."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from heliograph_server.aws.calls import AwsCallFailed, AwsCalls
from heliograph_server.errors import IdentityUnavailable, InvalidIdToken, NotPermitted
from heliograph_server.identity.claims import Claims
from heliograph_server.identity.cleanup import Cleanup
from heliograph_server.identity.cognito_users import USERNAME_PREFIX, CognitoUsers
from heliograph_server.identity.documents import Documents
from heliograph_server.identity.jwks import InvalidKeySet, KeySet
from heliograph_server.identity.options import cognito_issuer
from heliograph_server.identity.remote_issuer import RemoteIssuer
from heliograph_server.identity.remote_keys import RemoteKeys
from heliograph_server.identity.tokens import SignedToken
from heliograph_server.identity.verifier import SignedIn, User

__all__ = ["MAX_REMEMBERED", "SIGN_IN_TIMEOUT_S", "CognitoIdentity"]

SIGN_IN_TIMEOUT_S: Final = 20.0
"""The three calls of a sign-in together."""

MAX_REMEMBERED: Final = 100_000
"""Anonymous users whose names are kept in mind; of the others, the daily sweep takes care."""

NO_USER: Final = "The identity provider can't make an anonymous user now"

ID_TOKEN: Final = "id"  # noqa: S105 - no password
RS256: Final = frozenset({"RS256"})


class CognitoIdentity:
    """An `Issuer` and a `SignIn`. `clock` gives Unix seconds, `monotonic` seconds; `here` is who has a peer.

    The keys come from where boto3 speaks to Cognito, an emulator included.
    """

    def __init__(
        self,
        calls: AwsCalls,
        documents: Documents,
        *,
        region: str,
        user_pool_id: str,
        app_client_id: str,
        here: Callable[[], Iterable[User]],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        issuer = cognito_issuer(region, user_pool_id)
        url = f"{calls.endpoint_url.removesuffix('/')}/{user_pool_id}/.well-known/jwks.json"

        async def fetch() -> KeySet:
            try:
                return KeySet(await documents.fetch(url), RS256)
            except InvalidKeySet as error:
                raise InvalidKeySet(f"{url}: {error}") from error

        self.users = CognitoUsers(calls, user_pool_id, app_client_id)
        keys = RemoteKeys(issuer, fetch, monotonic)
        self.remote = RemoteIssuer(issuer, frozenset({app_client_id}), keys, clock, self._seen)
        self.cleanup = Cleanup(self.users, lambda: {self._username(user) for user in here()}, clock)
        self._usernames: OrderedDict[str, str] = OrderedDict()
        """Of anonymous users, by subject; the one unseen for longest first."""

    @property
    def issuer(self) -> str:
        """What its tokens have as `iss`."""
        return self.remote.issuer

    def verify_now(self, token: SignedToken) -> User | None:
        """See `Issuer.verify_now`."""
        return self.remote.verify_now(token)

    async def verify(self, token: SignedToken) -> User:
        """See `Issuer.verify`."""
        return await self.remote.verify(token)

    async def renew(self, token: SignedToken) -> SignedIn:
        """See `SignIn.renew`."""
        username = self._username(await self.remote.verify(token))
        if username is None:
            raise NotPermitted("Only the id tokens of anonymous users are renewed")
        try:
            async with asyncio.timeout(SIGN_IN_TIMEOUT_S):
                renewed = await self.users.sign_in_again(username)
        except (AwsCallFailed, TimeoutError) as error:
            raise IdentityUnavailable("The identity provider can't renew an id token now") from error
        if renewed is None:
            raise InvalidIdToken("The anonymous user of that id token was removed, sign in again")
        return SignedIn(id_token=renewed, username=username)

    async def sign_in(self) -> SignedIn:
        """See `SignIn.sign_in`."""
        username = self.users.new_name()
        id_token = None
        try:
            async with asyncio.timeout(SIGN_IN_TIMEOUT_S):
                id_token = await self.users.make(username)
        except AwsCallFailed as error:
            raise IdentityUnavailable(NO_USER) from error
        except TimeoutError as error:
            raise IdentityUnavailable(NO_USER) from error
        finally:
            if id_token is None:
                self.cleanup.gone(username)  # it may be there, half made
        return SignedIn(id_token=id_token, username=username)

    def left(self, user: User) -> None:
        """A user has gone for good, from one room at least."""
        username = self._username(user)
        if username is not None:
            self.cleanup.gone(username)

    def _username(self, user: User) -> str | None:
        """Of an anonymous user of ours whose token was seen here."""
        return self._usernames.get(user.subject) if user.issuer == self.issuer else None

    def _seen(self, user: User, claims: Claims) -> None:
        """A token of the pool proves that. Raises `InvalidIdToken` if it is a token of another kind."""
        if claims.token_use != ID_TOKEN:
            raise InvalidIdToken("That token is no id token")
        if claims.username is not None and claims.username.startswith(USERNAME_PREFIX):
            self._remember(user.subject, claims.username)

    def _remember(self, subject: str, username: str) -> None:
        self._usernames[subject] = username
        self._usernames.move_to_end(subject)
        if len(self._usernames) > MAX_REMEMBERED:
            self._usernames.popitem(last=False)
