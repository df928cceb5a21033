"""Peers that stay for longer than an id token lasts, before a real server."""

import asyncio
import time
from http import HTTPStatus
from typing import Any

import pytest

import heliograph
from heliograph.cli.identities import Identities, StoredIdentity
from heliograph.signaling import identity
from heliograph_server.identity.keyfile import KEY_FILE
from heliograph_server.identity.local import TOKEN_LIFE_S, LocalIdentity

from .events import next_of

LEFT_S = 12
"""In which a token that is about to end has to be used, and renewed."""
LIMIT_S = 30


def minted(server: Any, subject: str, *, age_s: float = 0) -> str:
    """An id token of the server's, a day's life of which so much is over."""
    return LocalIdentity(server._data_dir, lambda: time.time() - age_s).mint(subject, TOKEN_LIFE_S)


async def until_ended(api: heliograph.Api, token: str) -> None:
    """Wait until the server does not take a token any more."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                async for _ in api.rooms(id_token=token):
                    pass
            except heliograph.ApiError as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    return
                raise
            await asyncio.sleep(0.2)


async def test_a_worker_goes_on_after_its_id_token_has_ended_and_so_does_its_room(
    mortal_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = mortal_server
    monkeypatch.setattr(identity, "SOONEST_S", 0.1)
    old = minted(server, "anon-ann", age_s=TOKEN_LIFE_S - LEFT_S)
    async with heliograph.Api(server.url) as api:
        room = await api.create_room(id_token=old)
        where: dict[str, Any] = {"room": room.room_id, "token": room.token}
        async with heliograph.Worker(server.url, peer_id="Worker-1", id_token=old, keep_room=True, **where) as worker:
            events = worker.events()
            await next_of(heliograph.Registered, events)
            await until_ended(api, old)
            new = worker.id_token
            assert new is not None
            assert new != old
            await server.stop(kill=True)
            await next_of(heliograph.Disconnected, events)
            await server.start()
            assert (await next_of(heliograph.Registered, events)).room_id == room.room_id
            assert worker.id_token == new
            async with heliograph.connect(server.url, peer="Worker-1", **where) as connection:
                assert connection.is_connected
            extended = await api.update_room(room.room_id, id_token=new, ttl_s=7200)
            assert extended.expires_at > time.time()


async def test_a_source_is_asked_when_the_server_takes_the_token_no_more(mortal_server: Any) -> None:
    server, asked = mortal_server, []

    async def source() -> str:
        asked.append(minted(server, "ann"))
        return asked[-1]

    room = await heliograph.create_room(server.url)
    where: dict[str, Any] = {"room": room.room_id, "token": room.token}
    async with heliograph.Worker(server.url, peer_id="Worker-1", id_token=source, **where) as worker:
        events = worker.events()
        await next_of(heliograph.Registered, events)
        assert (len(asked), worker.id_token) == (1, asked[0])
        await server.stop(kill=True)
        await next_of(heliograph.Disconnected, events)
        (server._data_dir / KEY_FILE).unlink()
        await server.start()
        await next_of(heliograph.Registered, events)
        assert (len(asked), worker.id_token) == (2, asked[1])


async def test_a_token_of_somebody_known_is_not_renewed_and_counts_to_its_end(
    server: Any, room: heliograph.Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(identity, "SOONEST_S", 0.1)
    caplog.set_level("INFO", logger="heliograph.signaling.identity")
    given = minted(server, "ann", age_s=TOKEN_LIFE_S - 3600)
    async with heliograph.connect(server.url, room=room.room_id, token=room.token, id_token=given) as session:
        async with asyncio.timeout(LIMIT_S):
            while "identity.not_renewed" not in caplog.text:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.02)
        assert session.id_token == given
        assert await session.peers() == []
    assert given not in caplog.text


async def test_renewing_over_http(server: Any) -> None:
    async with heliograph.Api(server.url) as api:
        first = await api.sign_in()
        room = await api.create_room(id_token=first.id_token)
        renewed = await api.renew(id_token=first.id_token)
        assert renewed.username == first.username
        assert (await api.room(room.room_id, id_token=renewed.id_token)).token == room.token
        with pytest.raises(heliograph.ApiError) as refused:
            await api.renew(id_token=minted(server, "ann"))
        assert refused.value.status == 403


async def test_the_command_renews_the_login_that_it_has_stored(server: Any, tmp_path: Any) -> None:
    identities = Identities(tmp_path)
    for subject, age_s, changes in (
        ("anon-x", 60, False),
        ("anon-y", TOKEN_LIFE_S - 600, True),
        ("ann", 80_000, False),
    ):
        old = minted(server, subject, age_s=age_s)
        identities.put(server.url, StoredIdentity(id_token=old, username=subject, expires_at=int(time.time()) + 600))
        token = await identities.lasting(server.url)
        stored = identities.get(server.url)
        assert stored is not None
        assert stored.id_token == token
        assert (token != old) == changes
        assert stored.username == subject
    nowhere = "http://127.0.0.1:9"
    identities.put(nowhere, StoredIdentity(id_token=old, username="ann"))
    assert await identities.lasting(nowhere) == old
    identities.put(server.url, StoredIdentity(id_token=old, username="ann", expires_at=1))
    with pytest.raises(heliograph.ConfigurationError, match="has expired"):
        await identities.lasting(server.url)
