"""What the rest of the server knows of identity: a user, and a way from a token to one."""

from typing import Any, Protocol

from msgspec import Struct

__all__ = ["IdentityProvider", "SignedIn", "User"]


class User(Struct, frozen=True):
    """A caller who has proved who it is. Two users are the same if issuer and subject are."""

    issuer: str
    subject: str


class SignedIn(Struct, frozen=True):
    """The answer to an anonymous sign-in: a JWT and the new user's name."""

    id_token: str
    username: str


class IdentityProvider(Protocol):
    """An issuer of anonymous users and a verifier of their tokens."""

    async def sign_in(self) -> SignedIn:
        """Make an anonymous user. Raises `IdentityUnavailable`."""

    async def verify(self, id_token: str) -> User:
        """The user whom the token proves. Raises `InvalidIdToken`, `IdentityUnavailable`."""

    def jwks(self) -> dict[str, Any]:
        """The public keys of an issuer of our own (RFC 7517), an empty set if there is none."""
