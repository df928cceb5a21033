"""The table of rooms as whoever sets up the cloud makes it, in an emulator."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any, Final

import boto3

__all__ = ["KEY", "OWNER_INDEX", "RoomsTable"]

KEY: Final[list[dict[str, str]]] = [{"AttributeName": "room_id", "KeyType": "HASH"}]

OWNER_INDEX: Final[dict[str, Any]] = {
    "IndexName": "rooms-by-owner",
    "KeySchema": [
        {"AttributeName": "owner_key", "KeyType": "HASH"},
        {"AttributeName": "owner_position", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "ALL"},
}


class RoomsTable:
    """A table of its own name, and what is in it, in DynamoDB's own words. Reads `AWS_ENDPOINT_URL` when made."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or f"rooms-{uuid.uuid4()}"
        self._dynamodb = boto3.session.Session().client("dynamodb")

    async def create(
        self, *, key: list[dict[str, str]] = KEY, index: dict[str, Any] | None = OWNER_INDEX, ttl: bool = True
    ) -> None:
        """Make it as it should be, or with something wrong with it."""
        schemas = [key] if index is None else [key, index["KeySchema"]]
        names = [part["AttributeName"] for schema in schemas for part in schema]
        await self._call(
            self._dynamodb.create_table,
            KeySchema=key,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
            **({} if index is None else {"GlobalSecondaryIndexes": [index]}),
        )
        if ttl:
            await self._call(
                self._dynamodb.update_time_to_live,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "delete_after"},
            )

    async def put(self, item: dict[str, dict[str, str]]) -> None:
        """Write an item as it is."""
        await self._call(self._dynamodb.put_item, Item=item)

    async def item(self, room_id: str) -> dict[str, dict[str, str]]:
        """The item of a room."""
        answer = await self._call(self._dynamodb.get_item, Key={"room_id": {"S": room_id}}, ConsistentRead=True)
        item: dict[str, dict[str, str]] = answer["Item"]
        return item

    async def delete(self) -> None:
        """Away with all of it."""
        await self._call(self._dynamodb.delete_table)

    def close(self) -> None:
        """Let go of the connection."""
        self._dynamodb.close()

    async def _call(self, method: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        return await asyncio.to_thread(method, TableName=self.name, **parameters)
