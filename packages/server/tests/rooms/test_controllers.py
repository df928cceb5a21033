"""The original's two calls about rooms, with the real hub behind them."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from heliograph_protocol import CloseCode
from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.local import LocalIdentity
from heliograph_server.identity.verifier import User
from heliograph_server.ops.limits import AddressLimiter
from heliograph_server.problems import EXCEPTION_HANDLERS
from heliograph_server.rooms.controllers import RoomsController
from heliograph_server.rooms.memory import MemoryRoomStore
from heliograph_server.rooms.model import Room
from heliograph_server.rooms.service import ROOM_TTL_S, RoomService
from heliograph_server.settings import Settings
from heliograph_server.signaling.hub import Hub

REMOVED = {"status": "peer deleted successfully"}
NO_PEER = {"status": "peer not found"}
NO_ROOM = {"status": "room not found"}


class Link:
    """A connection that notes how it was closed."""

    def __init__(self) -> None:
        self.closed: list[int] = []

    def send(self, frame: bytes) -> bool:
        return True

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)


class FailingStore(MemoryRoomStore):
    """A store that can be made to fail."""

    failing = False
    on_delete: Callable[[], object] = staticmethod(lambda: None)

    async def create(self, room: Room) -> bool:
        self._check()
        return await super().create(room)

    async def get(self, room_id: str) -> Room | None:
        self._check()
        return await super().get(room_id)

    async def delete(self, room_id: str) -> bool:
        self._check()
        self.on_delete()
        return await super().delete(room_id)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The room store did not answer") from OSError("disk /dev/sdz")


class House:
    """The parts behind the controllers, and a client in front of them."""

    def __init__(self, data_dir: Path, settings: Settings) -> None:
        self.identity = LocalIdentity(data_dir, time.time)
        self.store = FailingStore()
        self.rooms = RoomService(self.store, time.time, max_peers=100)
        self.hub = Hub()
        parts: dict[str, Any] = {
            "identity": self.identity,
            "rooms": self.rooms,
            "hub": self.hub,
            "settings": settings,
            "limiter": AddressLimiter(settings.signin_limit, time.monotonic),
        }
        self.client = AsyncTestClient(
            Litestar(
                [RoomsController],
                dependencies={name: provide(part) for name, part in parts.items()},
                exception_handlers=EXCEPTION_HANDLERS,
                logging_config=None,
            )
        )

    def bearer(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.identity.mint(name, 60)}"}

    async def room_of(self, name: str) -> str:
        return (await self.rooms.create(user(name))).room_id

    def join(self, room_id: str, peer_id: str, name: str) -> Link:
        link = Link()
        self.hub.join(room_id, peer_id, user=user(name), role="peer", link=link, max_peers=100)
        return link

    async def delete(self, name: str | None, body: Any) -> httpx.Response:
        headers = {} if name is None else self.bearer(name)
        return await self.client.post("/delete-peers-and-room", json=body, headers=headers)


def user(name: str) -> User:
    return User(issuer="heliograph", subject=name)


def provide(part: Any) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path, Settings(signin_limit=0))
    async with made.client:
        yield made


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path, Settings(signin_limit=0, legacy_open_delete=True))
    async with made.client:
        yield made


async def test_a_room_is_created_for_its_caller(house: House) -> None:
    answer = await house.client.post("/create-room", headers=house.bearer("ann"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    created = answer.json()
    assert set(created) == {"room_id", "token", "expires_at"}
    assert abs(created["expires_at"] - (time.time() + ROOM_TTL_S)) < 30
    assert (await house.rooms.admit(created["room_id"], created["token"])).owner == user("ann")


@pytest.mark.parametrize("body", [b"{}", b"nonsense"])
async def test_the_body_of_create_room_does_not_matter(house: House, body: bytes) -> None:
    answer = await house.client.post("/create-room", headers=house.bearer("ann"), content=body)
    assert answer.status_code == 200


async def test_a_slash_at_the_end_makes_no_difference(house: House) -> None:
    assert (await house.client.post("/create-room/", headers=house.bearer("ann"))).status_code == 200


@pytest.mark.parametrize("path", ["/create-room", "/delete-peers-and-room"])
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "nonsense"])
async def test_without_a_valid_bearer_there_is_nothing(house: House, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await house.client.post(path, headers=headers, json={"peer_id": "Worker-1"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "INVALID_ID_TOKEN"


async def test_the_scheme_may_be_written_in_any_case(house: House) -> None:
    token = house.identity.mint("ann", 60)
    answer = await house.client.post("/create-room", headers={"Authorization": f"bearer  {token}"})
    assert answer.status_code == 200


async def test_rooms_of_one_address_are_limited(tmp_path: Path) -> None:
    house = House(tmp_path, Settings(signin_limit=2))
    async with house.client as client:
        statuses = [(await client.post("/create-room", headers=house.bearer("ann"))).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_a_store_that_fails_is_a_503_that_tells_nothing(house: House) -> None:
    house.store.failing = True
    answer = await house.client.post("/create-room", headers=house.bearer("ann"))
    assert answer.status_code == 503
    assert answer.json()["code"] == "STORE_UNAVAILABLE"
    assert "sdz" not in answer.text


async def test_the_creator_ends_the_room_and_everyones_stay_in_it(house: House) -> None:
    room_id, other = await house.room_of("ann"), await house.room_of("ann")
    links = [house.join(room_id, "Worker-1", "bob"), house.join(room_id, "Client-1", "cid")]
    elsewhere = house.join(other, "Worker-2", "bob")
    answer = await house.delete("ann", {"peer_id": "Worker-1"})
    assert (answer.status_code, answer.json()) == (200, REMOVED)
    assert [link.closed for link in links] == [[CloseCode.REMOVED]] * 2
    assert elsewhere.closed == []
    assert await house.rooms.find(room_id) is None
    assert await house.rooms.find(other) is not None
    assert not house.hub.occupied(room_id)


async def test_a_peers_own_user_removes_that_peer_alone(house: House) -> None:
    room_id = await house.room_of("ann")
    own, neighbour = house.join(room_id, "Worker-1", "bob"), house.join(room_id, "Client-1", "cid")
    assert (await house.delete("bob", {"peer_id": "Worker-1"})).json() == REMOVED
    assert own.closed == [CloseCode.REMOVED]
    assert neighbour.closed == []
    assert house.hub.member(room_id, "Worker-1") is None
    assert await house.rooms.find(room_id) is not None


async def test_with_its_last_peer_the_room_goes_too(house: House) -> None:
    room_id = await house.room_of("ann")
    house.join(room_id, "Worker-1", "bob")
    assert (await house.delete("bob", {"peer_id": "Worker-1", "room_id": room_id})).json() == REMOVED
    assert await house.rooms.find(room_id) is None


@pytest.mark.parametrize("named", [True, False])
async def test_a_stranger_removes_nothing(house: House, named: bool) -> None:
    room_id = await house.room_of("ann")
    link = house.join(room_id, "Worker-1", "bob")
    answer = await house.delete("eve", {"peer_id": "Worker-1"} | ({"room_id": room_id} if named else {}))
    assert answer.status_code == 403
    assert answer.json()["code"] == "NOT_PERMITTED"
    assert link.closed == []
    assert await house.rooms.find(room_id) is not None


async def test_of_one_id_in_several_rooms_the_call_means_the_callers(house: House) -> None:
    anns, eves, third = await house.room_of("ann"), await house.room_of("eve"), await house.room_of("dan")
    in_anns, in_eves = house.join(anns, "Worker-1", "bob"), house.join(eves, "Worker-1", "bob")
    own = house.join(third, "Worker-1", "ann")
    assert (await house.delete("ann", {"peer_id": "Worker-1"})).json() == REMOVED
    assert in_anns.closed == own.closed == [CloseCode.REMOVED]
    assert in_eves.closed == []
    assert await house.rooms.find(eves) is not None


async def test_a_room_id_picks_one_of_several(house: House) -> None:
    one, other = await house.room_of("ann"), await house.room_of("ann")
    links = house.join(one, "Worker-1", "bob"), house.join(other, "Worker-1", "bob")
    assert (await house.delete("ann", {"peer_id": "Worker-1", "room_id": other})).json() == REMOVED
    assert [link.closed for link in links] == [[], [CloseCode.REMOVED]]


async def test_the_creator_ends_a_named_room_without_such_a_peer_in_it(house: House) -> None:
    room_id = await house.room_of("ann")
    link = house.join(room_id, "Client-1", "cid")
    assert (await house.delete("ann", {"peer_id": "Worker-1", "room_id": room_id})).json() == NO_PEER
    assert link.closed == [CloseCode.REMOVED]
    assert await house.rooms.find(room_id) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"peer_id": "Worker-9"}, NO_PEER),
        ({"peer_id": "Worker-9", "room_id": None}, NO_PEER),
        ({"peer_id": "Worker-1", "room_id": "zzzzzzzz"}, NO_ROOM),
        ({"peer_id": "Worker-1", "room_id": ""}, NO_ROOM),
        ({"peer_id": "Worker-9", "more": [1]}, NO_PEER),
    ],
)
async def test_what_is_not_there_is_no_error(house: House, body: dict[str, Any], status: dict[str, str]) -> None:
    link = house.join(await house.room_of("ann"), "Worker-1", "bob")
    answer = await house.delete("ann", body)
    assert (answer.status_code, answer.json()) == (200, status)
    assert link.closed == []


async def test_a_stranger_asking_for_an_absent_peer_of_a_room_ends_nothing(house: House) -> None:
    room_id = await house.room_of("ann")
    assert (await house.delete("eve", {"peer_id": "Worker-9", "room_id": room_id})).json() == NO_PEER
    assert await house.rooms.find(room_id) is not None


async def test_a_peer_whose_room_has_left_the_store_is_still_its_users(house: House) -> None:
    room_id = await house.room_of("ann")
    link = house.join(room_id, "Worker-1", "bob")
    await house.rooms.delete(room_id)
    assert (await house.delete("eve", {"peer_id": "Worker-1"})).status_code == 403
    assert (await house.delete("bob", {"peer_id": "Worker-1"})).json() == REMOVED
    assert link.closed == [CloseCode.REMOVED]


@pytest.mark.parametrize(
    "body", [{}, {"peer_id": ""}, {"peer_id": None}, {"peer_id": 7}, {"peer_id": ["a"]}, [], "Worker-1", None, 5]
)
async def test_without_a_peer_id_the_request_is_bad(house: House, body: Any) -> None:
    answer = await house.delete("ann", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "INVALID_MESSAGE"
    assert " " in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"peer_id":"\xff"}', b"[" * 10_000])
async def test_a_body_that_is_no_json_is_bad(house: House, content: bytes) -> None:
    answer = await house.client.post("/delete-peers-and-room", content=content, headers=house.bearer("ann"))
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_MESSAGE"


async def test_a_body_of_the_wrong_content_type_is_read_as_json(house: House) -> None:
    headers = {**house.bearer("ann"), "Content-Type": "text/plain"}
    answer = await house.client.post("/delete-peers-and-room", content=b'{"peer_id":"x"}', headers=headers)
    assert (answer.status_code, answer.json()) == (200, NO_PEER)


async def test_a_body_that_is_too_big_is_not_read(house: House) -> None:
    answer = await house.delete("ann", {"peer_id": "a" * 20_000})
    assert answer.status_code == 413
    assert answer.json()["code"] == "MESSAGE_TOO_BIG"


async def test_nobody_is_put_out_when_the_store_fails(house: House) -> None:
    room_id = await house.room_of("ann")
    link = house.join(room_id, "Worker-1", "bob")
    house.store.failing = True
    assert (await house.delete("ann", {"peer_id": "Worker-1"})).status_code == 503
    assert link.closed == []


@pytest.mark.parametrize("caller", ["ann", "bob"])
async def test_who_registers_while_the_room_goes_is_put_out_with_it(house: House, caller: str) -> None:
    room_id = await house.room_of("ann")
    house.join(room_id, "Worker-1", "bob")
    late: list[Link] = []
    house.store.on_delete = lambda: late.append(house.join(room_id, "Client-1", "cid"))
    assert (await house.delete(caller, {"peer_id": "Worker-1"})).json() == REMOVED
    assert [link.closed for link in late] == [[CloseCode.REMOVED]]
    assert not house.hub.occupied(room_id)


async def test_the_description_of_the_calls_names_their_problems_and_their_bearer(house: House) -> None:
    paths = house.client.app.openapi_schema.to_schema()["paths"]
    for path in ("/create-room", "/delete-peers-and-room"):
        operation = paths[path]["post"]
        assert operation["security"] == [{"bearer": []}]
        assert set(operation["responses"]) >= {"200", "401", "503"}
        assert list(operation["responses"]["401"]["content"]) == ["application/problem+json"]


async def test_the_original_took_anyones_word(open_house: House) -> None:
    room_id = await open_house.room_of("ann")
    links = [open_house.join(room_id, "Worker-1", "bob"), open_house.join(room_id, "Client-1", "cid")]
    answer = await open_house.delete(None, {"peer_id": "Worker-1"})
    assert (answer.status_code, answer.json()) == (200, REMOVED)
    assert [link.closed for link in links] == [[CloseCode.REMOVED]] * 2
    assert await open_house.rooms.find(room_id) is None
    assert (await open_house.delete(None, {"peer_id": "Worker-1"})).json() == NO_PEER
    assert (await open_house.delete(None, {"peer_id": "Worker-1", "room_id": room_id})).json() == NO_ROOM


async def test_the_original_took_the_named_room_alone(open_house: House) -> None:
    one, other = await open_house.room_of("ann"), await open_house.room_of("dan")
    links = open_house.join(one, "Worker-1", "bob"), open_house.join(other, "Worker-1", "bob")
    assert (await open_house.delete(None, {"peer_id": "Worker-1", "room_id": other})).json() == REMOVED
    assert [link.closed for link in links] == [[], [CloseCode.REMOVED]]


async def test_creating_a_room_needs_a_user_even_so(open_house: House) -> None:
    assert (await open_house.client.post("/create-room")).status_code == 401
