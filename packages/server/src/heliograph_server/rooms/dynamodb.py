"""Rooms in a DynamoDB table, which servers share with one another, and with the original server if need be.

The table is made by whoever sets up the cloud, not by the server:

    partition key   room_id (S), no sort key
    index           rooms-by-owner: partition key owner_key (S), sort key owner_position (S), projection ALL
    TTL attribute   delete_after (N)
    IAM actions     on the table: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem, DescribeTable, DescribeTimeToLive;
                    on its index (table/NAME/index/rooms-by-owner): dynamodb:Query

The attributes of an item are described in `dynamodb_item`. Items of the original have no `owner_key`: they are in no
list of rooms, and everything else can be done with them. They have no `delete_after` either: as long as the original
writes to the table, its own TTL attribute, `expires_at`, may stay; then an expired room can be gone at once instead of
after a day.
"""

import uuid
from typing import Any, Final

from heliograph_server.aws.calls import AwsCallFailed, AwsCalls
from heliograph_server.errors import StoreUnavailable
from heliograph_server.identity.verifier import User
from heliograph_server.rooms.dynamodb_item import (
    Defaults,
    InvalidItem,
    Item,
    assignments,
    item_of,
    owner_key,
    position_key,
    room_of,
)
from heliograph_server.rooms.model import Room, RoomChanges
from heliograph_server.rooms.store import Position

__all__ = ["OWNER_INDEX", "STORE_TIMEOUT_S", "DynamoRoomStore"]

OWNER_INDEX: Final = "rooms-by-owner"

STORE_TIMEOUT_S: Final = 6.0
"""How long a caller waits, for a thread and for the answer: less than a connection has to register."""

THREADS: Final = 8
"""Calls under way at once, each on a connection that is used again.

A call is a millisecond or two of boto3's own work, of which more threads do no more, and keep the event loop waiting.
"""

MAX_CALLS: Final = 1024
"""Callers that wait, those whose calls are under way included; one more is refused at once."""

MAX_KEY_BYTES: Final = 2048
"""The longest partition key that DynamoDB takes."""

CREATION: Final = "creation"
"""An attribute that tells an item which a call wrote itself from one that was there before."""


class DynamoRoomStore:
    """A `RoomStore` in a table. Raises `AwsNotInstalled`, `AwsNotConfigured`.

    A room is read consistently. Only the list of an owner's rooms, which comes from an index, may be a moment old.
    """

    deletes_expired = True

    def __init__(self, table: str, defaults: Defaults) -> None:
        self._table = table
        self._defaults = defaults
        self._calls = AwsCalls("dynamodb", threads=THREADS, max_calls=MAX_CALLS, timeout_s=STORE_TIMEOUT_S)

    async def create(self, room: Room) -> bool:
        """Keep a new room; False if a room with that id exists.

        A call is made again if its answer was lost, and then meets the item that it wrote itself.
        """
        creation = {"S": uuid.uuid4().hex}
        try:
            await self._call(
                "put_item",
                Item={**item_of(room), CREATION: creation},
                ConditionExpression="attribute_not_exists(room_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except _NotSo as present:
            return present.item.get(CREATION) == creation
        return True

    def get_now(self, room_id: str) -> Room | None:  # noqa: ARG002 - whichever it is
        """See `RoomStore.get_now`: the table is elsewhere."""
        return None

    async def get(self, room_id: str) -> Room | None:
        """The room, expired or not."""
        if not _is_key(room_id):
            return None
        answer = await self._call("get_item", Key=_key(room_id), ConsistentRead=True)
        return self._room(answer["Item"]) if "Item" in answer else None

    async def update(self, room_id: str, changes: RoomChanges) -> Room | None:
        """The room as it is after these changes, None if there is none. Only what they name is written."""
        values, removed = assignments(changes)
        if not (values or removed):
            return await self.get(room_id)
        if not _is_key(room_id):
            return None
        sets = ", ".join(f"#{name} = :{name}" for name in values)
        removes = ", ".join(f"#{name}" for name in removed)
        try:
            answer = await self._call(
                "update_item",
                Key=_key(room_id),
                ConditionExpression="attribute_exists(room_id)",
                UpdateExpression=" ".join([f"SET {sets}"] * bool(sets) + [f"REMOVE {removes}"] * bool(removes)),
                ExpressionAttributeNames={f"#{name}": name for name in (*values, *removed)},
                **(
                    {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}}
                    if values
                    else {}
                ),
                ReturnValues="ALL_NEW",
            )
        except _NotSo:
            return None
        return self._room(answer["Attributes"])

    async def delete(self, room_id: str, *, expired_before: int | None = None) -> bool:
        """Forget a room; False if there was none, or none that expired by then."""
        if not _is_key(room_id):
            return False
        condition: dict[str, Any] = {"ConditionExpression": "attribute_exists(room_id)"}
        if expired_before is not None:
            condition = {
                "ConditionExpression": "expires_at < :before",
                "ExpressionAttributeValues": {":before": {"N": str(expired_before)}},
            }
        try:
            await self._call("delete_item", Key=_key(room_id), **condition)
        except _NotSo:
            return False
        return True

    async def owned(self, owner: User, before: Position | None, limit: int) -> list[Room]:
        """That owner's rooms, newest first: those that a Heliograph server made."""
        condition = "owner_key = :owner"
        values = {":owner": {"S": owner_key(owner)}}
        if before is not None:
            condition += " AND owner_position < :before"
            values[":before"] = {"S": position_key(before)}
        rooms: list[Room] = []
        rest: dict[str, Any] = {}
        while len(rooms) < limit:  # an answer has at most a megabyte
            answer = await self._call(
                "query",
                IndexName=OWNER_INDEX,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=limit - len(rooms),
                **rest,
            )
            rooms += [self._room(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            rest = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return rooms

    async def expired(self, before: int, limit: int) -> list[str]:  # noqa: ARG002 - the contract's
        """None: the table itself deletes rooms, by their `delete_after`.

        Nothing is read for it every minute by every server, and none deletes a room whose peers are with another.
        """
        return []

    async def problems(self) -> list[str]:
        """What is wrong with the table as it was set up, a sentence each for the operator."""
        try:
            description = (await self._call("describe_table"))["Table"]
            ttl = (await self._call("describe_time_to_live"))["TimeToLiveDescription"]
        except StoreUnavailable as error:
            return [f"The rooms can't be reached: {error.__cause__}"]
        found = []
        if _keys(description) != ["room_id HASH"]:
            found.append(f"Table {self._table} must have the partition key room_id and no sort key.")
        indexes = {index["IndexName"]: _keys(index) for index in description.get("GlobalSecondaryIndexes", ())}
        if indexes.get(OWNER_INDEX) != ["owner_key HASH", "owner_position RANGE"]:
            found.append(
                f"Table {self._table} needs the global secondary index {OWNER_INDEX} with the partition key owner_key "
                "and the sort key owner_position: rooms can't be listed."
            )
        if ttl["TimeToLiveStatus"] not in {"ENABLED", "ENABLING"}:
            found.append(f"Table {self._table} has no time to live, by delete_after: expired rooms stay for ever.")
        return found

    async def close(self) -> None:
        """Let go of threads and connections. What comes after is refused."""
        self._calls.close()

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One request to the table. Raises `StoreUnavailable`, and `_NotSo` if its condition does not hold."""
        try:
            return await self._calls.call(operation, TableName=self._table, **parameters)
        except AwsCallFailed as error:
            if error.code == "ConditionalCheckFailedException":
                raise _NotSo(error.answer.get("Item", {})) from error
            raise StoreUnavailable("The room store did not answer") from AwsCallFailed(
                f"table {self._table}: {error}", error.code
            )

    def _room(self, item: Item) -> Room:
        try:
            return room_of(item, self._defaults)
        except InvalidItem as error:
            raise StoreUnavailable("The room store holds a room that can't be read") from error


class _NotSo(Exception):
    """The condition of a write does not hold; `item` is what is there, if that was asked for."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


def _key(room_id: str) -> Item:
    return {"room_id": {"S": room_id}}


def _is_key(room_id: str) -> bool:
    """Whether a room could have that id: strangers ask for anything."""
    try:
        return 0 < len(room_id.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        return False


def _keys(description: dict[str, Any]) -> list[str]:
    return [f"{key['AttributeName']} {key['KeyType']}" for key in description["KeySchema"]]
