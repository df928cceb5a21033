"""Identity as the settings want it: whose tokens count, who makes users, and what has to be done meanwhile.

What only some of it needs is imported only then: boto3 and an HTTP client are slow to import.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from heliograph_server.identity.local import ISSUER, LocalIdentity
from heliograph_server.identity.options import cognito_issuer
from heliograph_server.identity.trusted import TrustedIssuers
from heliograph_server.identity.verifier import Issuer, SignIn, User
from heliograph_server.settings import Settings

if TYPE_CHECKING:
    from heliograph_server.identity.cognito import CognitoIdentity
    from heliograph_server.identity.documents import Documents
    from heliograph_server.identity.remote_issuer import RemoteIssuer
    from heliograph_server.identity.remote_keys import RemoteKeys

__all__ = ["Identity", "issuer_problems", "original_issuer"]


class Identity:
    """Raises `KeyFileError`, `AwsUnusable`. `here` names the users who have a peer on this server."""

    def __init__(self, settings: Settings, *, here: Callable[[], Iterable[User]]) -> None:
        self._keys: list[RemoteKeys] = []
        self._duties: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._closing = AsyncExitStack()
        self._leaving: list[Callable[[User], None]] = []
        self._documents: Documents | None = None
        issuers: list[Issuer] = []
        makers: list[SignIn] = []
        jwks: dict[str, Any] = {"keys": []}
        for kind in settings.identity:
            match kind:
                case "local":
                    local = LocalIdentity(settings.data_dir, time.time, settings.signing_key)
                    issuers.append(local)
                    makers.append(local)
                    jwks = local.jwks()
                case "cognito":
                    cognito = self._cognito(settings, here)
                    issuers.append(cognito)
                    makers.append(cognito)
                case "oidc":
                    issuers += self._oidc(settings)
        self.provider = TrustedIssuers(issuers, makers[0] if makers and settings.anonymous_signin else None, jwks)

    def left(self, user: User) -> None:
        """A user has gone for good, from one room at least."""
        for leave in self._leaving:
            leave(user)

    @property
    def keys_known(self) -> bool:
        """Whether the keys of every issuer have been fetched since the start: no token can be verified before."""
        return all(keys.known for keys in self._keys)

    async def problems(self) -> list[str]:
        """What is wrong with the issuers as they are now, a sentence each for the operator."""
        for keys in self._keys:
            await keys.fetch()
        return [keys.problem for keys in self._keys if keys.problem is not None]

    async def run(self) -> None:
        """Keep keys fresh and remove users for as long as this is awaited."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for duty in self._duties:
                    tasks.create_task(duty())
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self._closing.aclose()

    def _cognito(self, settings: Settings, here: Callable[[], Iterable[User]]) -> "CognitoIdentity":
        from heliograph_server.aws.calls import AwsCalls  # noqa: PLC0415
        from heliograph_server.identity.cognito import CognitoIdentity  # noqa: PLC0415

        calls = AwsCalls("cognito-idp", settings.cognito_region)
        cognito = CognitoIdentity(
            calls,
            self._fetcher(),
            region=settings.cognito_region,
            user_pool_id=settings.cognito_user_pool_id,
            app_client_id=settings.cognito_app_client_id,
            here=here,
            clock=time.time,
            monotonic=time.monotonic,
        )
        self._trust(cognito.remote)
        self._duties.append(cognito.cleanup.run)
        self._leaving.append(cognito.left)
        self._closing.callback(calls.close)
        return cognito

    def _oidc(self, settings: Settings) -> Iterable[Issuer]:
        from heliograph_server.identity.oidc import oidc_issuer  # noqa: PLC0415

        for issuer, audiences in settings.oidc_audiences.items():
            remote = oidc_issuer(issuer, audiences, self._fetcher(), clock=time.time, monotonic=time.monotonic)
            self._trust(remote)
            yield remote

    def _fetcher(self) -> "Documents":
        """The one HTTP client, made when somebody asks for it."""
        from heliograph_server.identity.documents import Documents  # noqa: PLC0415

        if self._documents is None:
            self._documents = Documents()
            self._closing.push_async_callback(self._documents.close)
        return self._documents

    def _trust(self, remote: "RemoteIssuer") -> None:
        self._keys.append(remote.keys)
        self._duties.append(remote.keys.keep_fresh)


def original_issuer(settings: Settings) -> str:
    """Whose users own the rooms that do not say whose: the original knew one Cognito user pool and nobody else."""
    if "cognito" in settings.identity:
        return cognito_issuer(settings.cognito_region, settings.cognito_user_pool_id)
    return ISSUER


async def issuer_problems(settings: Settings) -> list[str]:
    """What is wrong with the issuers elsewhere, a sentence each for the operator. Raises `AwsUnusable`."""
    elsewhere = tuple(kind for kind in settings.identity if kind != "local")  # which would make itself a key
    identity = Identity(replace(settings, identity=elsewhere), here=lambda: ())
    try:
        return await identity.problems()
    finally:
        await identity.close()
