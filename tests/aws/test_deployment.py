"""The dev environment, applied for real on an emulated AWS, and a server that runs from its outputs alone."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from browser import LAUNCH_ARGS, find_browser
from demo_page import DemoPage
from echo import echo_worker
from playwright.async_api import async_playwright
from server_process import running_server

import heliograph

from .client import client
from .role import allows, calls_of, recording
from .terraform import Terraform

pytestmark = pytest.mark.timeout(600)

CLEANED_UP_S: Final = 20
SERVERS_KEY: Final = "key-of-the-server"
"""Tells the server's calls from those of the test."""


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """asyncio on the loop that workers use."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
def deployment(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The environment, applied; destroyed in the end."""
    variables = {
        "aws_region": aws["AWS_DEFAULT_REGION"],
        "docker_image": "heliograph-server:test",
        "allowed_cidr_blocks": ["127.0.0.0/8"],
        "enable_alarms": True,
    }
    terraform = Terraform("dev", tmp_path_factory.mktemp("aws") / "terraform", variables, aws)
    terraform.init()
    terraform.apply()
    try:
        yield terraform
    finally:
        terraform.destroy()
    assert terraform.resources() == []


def test_once_applied_there_is_nothing_left_to_do(deployment: Terraform) -> None:
    assert deployment.resources() != []
    assert deployment.left_to_do() == set()


async def test_a_page_meets_a_worker_through_cognito_and_dynamodb(
    deployment: Terraform, aws: dict[str, str], tmp_path: Path
) -> None:
    outputs = deployment.outputs()
    environment: dict[str, str] = outputs["server_environment"]
    assert environment["HELIOGRAPH_IDENTITY"] == "cognito"
    assert environment["HELIOGRAPH_ROOMS"] == "dynamodb"
    source = tmp_path / "readings.csv"
    source.write_bytes(b"t,v\n0,1.5\n")
    own = {"AWS_ACCESS_KEY_ID": SERVERS_KEY, "HELIOGRAPH_HOST": "127.0.0.1"}
    recording(aws["AWS_ENDPOINT_URL"], "start-recording")
    async with running_server(tmp_path / "data", {**aws, **environment, **own}) as server:
        async with heliograph.Api(server.url) as api:
            owner = await api.sign_in()
            room = await api.create_room(id_token=owner.id_token)
            link = f"{server.url}/#room={room.room_id}&token={room.token}"
            async with echo_worker(link), async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=find_browser(), args=LAUNCH_ARGS)
                page = await DemoPage(await browser.new_page()).open(link)
                await page.connect("Worker-3108")
                await page.chat("hello from the cloud")
                await page.hears(": hello from the cloud")
                await page.send_file(source)
                await page.has_sent(hashlib.sha256(source.read_bytes()).hexdigest())
                assert page.exceptions == []
                await browser.close()
            assert item(aws, outputs["table_name"], room.room_id)["token"]["S"] == room.token
            assert owner.username in users(aws, outputs["cognito_user_pool_id"])
            await api.close_room(room.room_id, id_token=owner.id_token)
        assert item(aws, outputs["table_name"], room.room_id) == {}
        async with asyncio.timeout(CLEANED_UP_S):
            while users(aws, outputs["cognito_user_pool_id"]):  # noqa: ASYNC110 - a user pool announces nothing
                await asyncio.sleep(0.2)
    recording(aws["AWS_ENDPOINT_URL"], "stop-recording")
    calls = calls_of(SERVERS_KEY, recording(aws["AWS_ENDPOINT_URL"], "download-recording"))
    role = client("iam", aws).get_role_policy(RoleName=outputs["role_name"], PolicyName="signaling-server")
    assert {call for call in calls if not allows(role["PolicyDocument"], call)} == set()
    assert {action for action, _ in calls} >= {"dynamodb:PutItem", "dynamodb:GetItem", "cognito-idp:AdminConfirmSignUp"}
    table, pool = f"table/{outputs['table_name']}", f"userpool/{outputs['cognito_user_pool_id']}"
    assert {target.removesuffix("/index/rooms-by-owner") for _, target in calls} == {table, pool}
    assert not allows(role["PolicyDocument"], ("dynamodb:PutItem", f"{table}-of-others"))


def item(aws: dict[str, str], table: str, room_id: str) -> dict[str, Any]:
    answer = client("dynamodb", aws).get_item(TableName=table, Key={"room_id": {"S": room_id}}, ConsistentRead=True)
    found: dict[str, Any] = answer.get("Item", {})
    return found


def users(aws: dict[str, str], pool: str) -> set[str]:
    listed = client("cognito-idp", aws).list_users(UserPoolId=pool)
    return {user["Username"] for user in listed["Users"]}
