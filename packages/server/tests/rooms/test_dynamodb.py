"""What a table adds to the contract: the original's items, what is wrong with a table, and answers that do not come."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from msgspec.structs import replace
from rooms_table import OWNER_INDEX, RoomsTable
from tcp_proxy import running_proxy

from heliograph_server.errors import RoomExpired, StoreUnavailable
from heliograph_server.identity.signing import SigningKey
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.dynamodb import THREADS, DynamoRoomStore
from heliograph_server.rooms.dynamodb_item import EXPIRED_ITEM_KEPT_S, NEVER
from heliograph_server.rooms.invitations import JoinTokens
from heliograph_server.rooms.model import Policy, RoomChanges
from heliograph_server.rooms.service import EXPIRED_ROOM_KEPT_S, RoomService
from heliograph_server.rooms.store import Position

from .samples import ANN, DEFAULTS, POLICY, a_room

ORIGINAL = {
    "room_id": {"S": "1f0c2a9b"},
    "created_by": {"S": "ann"},
    "token": {"S": "4b0c6f"},
    "expires_at": {"N": "4000007200"},
}
"""An item exactly as the original writes it."""


@pytest.fixture
async def table(aws: str) -> AsyncIterator[RoomsTable]:
    with closing(RoomsTable()) as table:
        await table.create()
        yield table


@pytest.fixture
async def store(table: RoomsTable) -> AsyncIterator[DynamoRoomStore]:
    made = DynamoRoomStore(table.name, DEFAULTS)
    yield made
    await made.close()


def service(store: DynamoRoomStore, now: float, tmp_path: Path) -> RoomService:
    key = SigningKey.load(tmp_path)
    return RoomService(store, lambda: now, max_peers=50, join_tokens=JoinTokens(key, lambda: now))


async def test_a_room_of_the_original_opens_to_its_token_until_it_ends(
    table: RoomsTable, store: DynamoRoomStore, tmp_path: Path
) -> None:
    await table.put(ORIGINAL)
    room, invitation = await service(store, 4_000_000_000, tmp_path).admit("1f0c2a9b", "4b0c6f")
    assert invitation is None
    assert room.owner == ANN
    assert (room.expires_at, room.max_peers, room.created_at) == (4_000_007_200, 50, 0)
    assert (room.name, room.policy) == (None, None)
    with pytest.raises(RoomExpired):
        await service(store, 4_000_007_200, tmp_path).admit("1f0c2a9b", "4b0c6f")


@pytest.mark.parametrize("end", [{}, {"expires_at": {"NULL": True}}])
async def test_a_room_of_the_original_without_an_end_never_ends(
    table: RoomsTable, store: DynamoRoomStore, end: dict[str, Any]
) -> None:
    await table.put({name: value for name, value in ORIGINAL.items() if name != "expires_at"} | end)
    room = await store.get("1f0c2a9b")
    assert room is not None
    assert room.expires_at == NEVER
    assert not await store.delete("1f0c2a9b", expired_before=NEVER)


async def test_a_room_of_the_original_can_be_changed_and_keeps_what_only_the_original_knows(
    table: RoomsTable, store: DynamoRoomStore
) -> None:
    await table.put({**ORIGINAL, "name": {"S": "lab"}, "otp_secret": {"S": "JBSWY3DP"}})
    changed = await store.update("1f0c2a9b", RoomChanges(token="rotated", policy=POLICY))
    assert changed is not None
    assert (changed.token, changed.name, changed.policy) == ("rotated", "lab", POLICY)
    item = await table.item("1f0c2a9b")
    assert item["otp_secret"] == {"S": "JBSWY3DP"}
    assert {name: item[name] for name in ("room_id", "created_by", "expires_at", "name")} == {
        **{name: ORIGINAL[name] for name in ("room_id", "created_by", "expires_at")},
        "name": {"S": "lab"},
    }
    assert await store.delete("1f0c2a9b")


async def test_a_room_of_the_original_is_in_no_list(table: RoomsTable, store: DynamoRoomStore) -> None:
    await table.put(ORIGINAL)
    await store.create(a_room())
    assert await store.owned(ANN, None, limit=10) == [a_room()]


async def test_what_is_written_is_what_the_original_reads(table: RoomsTable, store: DynamoRoomStore) -> None:
    """The way the original reads: the higher level of boto3, and comparisons with what it gives."""
    now = int(time.time())
    await store.create(a_room(expires_at=now + 7200, policy=POLICY))
    resource = boto3.session.Session().resource("dynamodb")
    with closing(resource.meta.client):
        item = (await asyncio.to_thread(resource.Table(table.name).get_item, Key={"room_id": "abcd2345"}))["Item"]
    assert item["token"] == "t" * 32
    assert item["created_by"] == "ann"
    assert not time.time() > item["expires_at"]
    assert now + 7201 > item["expires_at"] > now + 7199
    assert "name" not in item


async def test_the_table_deletes_a_room_after_it_was_said_for_an_hour_that_it_has_expired(
    table: RoomsTable, store: DynamoRoomStore
) -> None:
    assert EXPIRED_ITEM_KEPT_S >= EXPIRED_ROOM_KEPT_S
    await store.create(a_room(expires_at=9_000))
    assert (await table.item("abcd2345"))["delete_after"] == {"N": str(9_000 + EXPIRED_ITEM_KEPT_S)}
    assert await store.expired(2**40, limit=10) == []
    await store.update("abcd2345", RoomChanges(expires_at=19_000))
    item = await table.item("abcd2345")
    assert (item["expires_at"], item["delete_after"]) == ({"N": "19000"}, {"N": str(19_000 + EXPIRED_ITEM_KEPT_S)})
    await store.update("abcd2345", RoomChanges(name="lab"))
    assert (await table.item("abcd2345"))["delete_after"] == item["delete_after"]


async def test_the_same_name_from_another_issuer_is_another_owner(table: RoomsTable, store: DynamoRoomStore) -> None:
    await table.put({**ORIGINAL, "owner_issuer": {"S": "https://elsewhere"}})
    room = await store.get("1f0c2a9b")
    assert room is not None
    assert room.owner == User(issuer="https://elsewhere", subject="ann")


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": None},
        {"token": {"S": ""}},
        {"token": {"N": "4"}},
        {"created_by": None},
        {"expires_at": {"S": "tomorrow"}},
        {"policy": {"S": "{"}},
    ],
)
async def test_an_item_that_is_no_room_admits_nobody(
    table: RoomsTable, store: DynamoRoomStore, wrong: dict[str, dict[str, str] | None]
) -> None:
    item = {**ORIGINAL, **wrong}
    await table.put({name: value for name, value in item.items() if value is not None})
    with pytest.raises(StoreUnavailable) as refusal:
        await store.get("1f0c2a9b")
    assert next(iter(wrong)) in str(refusal.value.__cause__)
    assert "4b0c6f" not in f"{refusal.value} {refusal.value.__cause__}"


@pytest.mark.parametrize(("digits", "read"), [("4000007200.9", 4_000_007_200), ("-5", 0), ("1E+120", 2**53 - 1)])
async def test_any_number_of_a_table_is_read(table: RoomsTable, store: DynamoRoomStore, digits: str, read: int) -> None:
    await table.put({**ORIGINAL, "expires_at": {"N": digits}})
    room = await store.get("1f0c2a9b")
    assert room is not None
    assert room.expires_at == read


@pytest.mark.parametrize("room_id", ["x" * 2049, "\udc80"])
async def test_what_can_be_no_key_is_no_room(store: DynamoRoomStore, room_id: str) -> None:
    assert await store.get(room_id) is None
    assert await store.update(room_id, RoomChanges(name="lab")) is None
    assert not await store.delete(room_id)


async def test_an_owner_of_any_name_may_have_rooms(store: DynamoRoomStore) -> None:
    owner = replace(ANN, subject="ä" * 4_000)
    assert await store.create(a_room(owner=owner))
    assert await store.owned(owner, None, limit=10) == [a_room(owner=owner)]


async def test_a_list_of_more_than_a_megabyte_comes_whole(store: DynamoRoomStore) -> None:
    policy = Policy(signal={f"role {number}": ["x" * 60] * 60 for number in range(8)})
    for number in range(50):
        await store.create(a_room(f"room{number:02}", created_at=number, policy=policy))
    rooms = await store.owned(ANN, Position(48, "z"), limit=45)
    assert [room.created_at for room in rooms] == list(range(48, 3, -1))


async def test_a_creation_whose_answer_is_lost_counts_once(
    aws: str, table: RoomsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_proxy(aws) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        store = DynamoRoomStore(table.name, DEFAULTS)
        proxy.lost = 1
        assert await store.create(a_room())
        assert proxy.lost == 0
        assert not await store.create(a_room())
        await store.close()


class KeptConnections(BaseHTTPRequestHandler):
    """An answer for whatever is asked of a table, on connections that stay open; those of moto end with each answer."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[list[Any]] = []
    requests: ClassVar[list[tuple[str, Any]]] = []

    def setup(self) -> None:
        super().setup()
        self.connections.append(self.client_address)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append((self.headers["X-Amz-Target"], asked))
        answer = json.dumps({"Item": ORIGINAL}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
async def kept(aws: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DynamoRoomStore]:
    KeptConnections.connections.clear()
    KeptConnections.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), KeptConnections) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        store = DynamoRoomStore("rooms", DEFAULTS)
        yield store
        await store.close()
        server.shutdown()


async def test_an_admission_is_one_consistent_read(kept: DynamoRoomStore, tmp_path: Path) -> None:
    await service(kept, 4_000_000_000, tmp_path).admit("1f0c2a9b", "4b0c6f")
    ((target, asked),) = KeptConnections.requests
    assert target == "DynamoDB_20120810.GetItem"
    assert asked == {"TableName": "rooms", "Key": {"room_id": {"S": "1f0c2a9b"}}, "ConsistentRead": True}


async def test_connections_are_used_again(kept: DynamoRoomStore) -> None:
    for _ in range(5):
        await asyncio.gather(*(kept.get("1f0c2a9b") for _ in range(10 * THREADS)))
    assert len(KeptConnections.requests) == 50 * THREADS
    assert 1 <= len(KeptConnections.connections) <= THREADS


async def test_a_table_as_it_should_be_has_no_problems(store: DynamoRoomStore) -> None:
    assert await store.problems() == []


async def test_what_is_wrong_with_a_table_is_said(aws: str) -> None:
    with closing(RoomsTable()) as table:
        store = DynamoRoomStore(table.name, DEFAULTS)
        (problem,) = await store.problems()
        assert table.name in problem
        assert "ResourceNotFoundException" in problem
        with pytest.raises(StoreUnavailable, match=r"^The room store did not answer$") as refusal:
            await store.get("abcd2345")
        assert f"table {table.name}: " in str(refusal.value.__cause__)
        await table.create(index=None, ttl=False)
        no_index, no_ttl = await store.problems()
        assert "rooms-by-owner" in no_index
        assert "delete_after" in no_ttl
        await table.delete()
        await table.create(key=OWNER_INDEX["KeySchema"], index=None)
        assert "room_id" in (await store.problems())[0]
        await store.close()


async def test_a_closed_store_is_unavailable(table: RoomsTable) -> None:
    store = DynamoRoomStore(table.name, DEFAULTS)
    await store.close()
    for call in (
        store.get("a"),
        store.create(a_room()),
        store.delete("a"),
        store.update("a", RoomChanges(name="b")),
        store.owned(ANN, None, 1),
    ):
        with pytest.raises(StoreUnavailable):
            await call
