"""ICE servers for a caller, with credentials for TURN that end by themselves.

The credentials are those of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00, section 2.2): whoever knows
the shared secret can check them, and no list of users is kept.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from heliograph_protocol import IceServer
from heliograph_server.settings import Settings

__all__ = ["IceServers"]

USER_ID_CHARS: Final = 24


class IceServers:
    """The STUN and TURN servers of the settings. `clock` gives Unix seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._stun_urls = list(settings.stun_urls)
        self._turn_urls = list(settings.turn_urls)
        self._secret = settings.turn_secret.encode()
        self._clock = clock
        self.ttl_s = settings.turn_ttl_s
        """How long credentials are good for new allocations, and to refresh one."""

    def for_user(self, name: str) -> list[IceServer]:
        """The servers, with fresh credentials of that user's for TURN."""
        servers = []
        if self._stun_urls:
            servers.append(IceServer(urls=self._stun_urls))
        if self._turn_urls:
            username = f"{int(self._clock()) + self.ttl_s}:{_user_id(name)}"
            digest = hmac.digest(self._secret, username.encode(), "sha1")
            servers.append(
                IceServer(urls=self._turn_urls, username=username, credential=base64.b64encode(digest).decode())
            )
        return servers


def _user_id(name: str) -> str:
    """The same for the same user, so that a TURN server can count what each one takes; but not the name.

    STUN messages carry it unencrypted, and a name may be an e-mail address.
    """
    return hashlib.sha256(name.encode()).hexdigest()[:USER_ID_CHARS]
