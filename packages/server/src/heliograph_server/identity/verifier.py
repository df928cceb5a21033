"""What the rest of the server knows of identity: a user, and a way from a token to one."""

from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct

from heliograph_server.identity.tokens import SignedToken

__all__ = ["IdentityProvider", "Issuer", "SignIn", "SignedIn", "User"]


class User(Struct, frozen=True):
    """A caller who has proved who it is. Two users are the same if issuer and subject are."""

    issuer: str
    subject: str


class SignedIn(Struct, frozen=True):
    """The answer to an anonymous sign-in: a JWT and the new user's name."""

    id_token: Annotated[
        str, Meta(description="A JWT; a secret", examples=["eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm9uLXgifQ.c2lnbmF0dXJl"])
    ]
    username: Annotated[str, Meta(examples=["anon-Zm9yIGV4YW1wbGUgb25seQ"])]


class Issuer(Protocol):
    """Someone whose id tokens prove who a caller is."""

    @property
    def issuer(self) -> str:
        """What its tokens have as `iss`."""

    def verify_now(self, token: SignedToken) -> User | None:
        """The user whom its token proves; None if that can't be said without waiting. Raises `InvalidIdToken`."""

    async def verify(self, token: SignedToken) -> User:
        """The user whom its token proves. Raises `InvalidIdToken`, `IdentityUnavailable`."""


class SignIn(Protocol):
    """Makes anonymous users."""

    @property
    def issuer(self) -> str:
        """What their tokens have as `iss`."""

    async def sign_in(self) -> SignedIn:
        """Make one. Raises `IdentityUnavailable`."""

    async def renew(self, token: SignedToken) -> SignedIn:
        """Another token for the user of this one. Raises `NotPermitted` if it made no such user, or as `verify`."""


class IdentityProvider(Protocol):
    """All that the rest of the server asks of identity."""

    async def sign_in(self) -> SignedIn:
        """Make an anonymous user. Raises `NotPermitted` if this server makes none, `IdentityUnavailable`."""

    async def renew(self, id_token: str) -> SignedIn:
        """Another token for the same anonymous user. Raises as `verify`, or `NotPermitted` for everyone else's."""

    def verify_now(self, id_token: str) -> User | None:
        """The user whom the token proves; None if that can't be said without waiting. Raises `InvalidIdToken`."""

    async def verify(self, id_token: str) -> User:
        """The user whom the token proves. Raises `InvalidIdToken`, `IdentityUnavailable`."""

    def jwks(self) -> dict[str, Any]:
        """The public keys of an issuer of our own (RFC 7517), an empty set if there is none."""
