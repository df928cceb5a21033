"""Calls to AWS: answers, refusals, silence, and their bounds."""

import asyncio
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from heliograph_server.aws import calls
from heliograph_server.aws.calls import AwsCallFailed, AwsCalls, AwsNotConfigured, AwsNotInstalled

REGION = "us-east-1"


@pytest.fixture
def cognito(aws: str) -> Iterator[AwsCalls]:
    with closing(AwsCalls("cognito-idp", REGION)) as made:
        yield made


@pytest.fixture
def silent(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An AWS that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield url


async def test_an_answer_comes_back(cognito: AwsCalls, aws: str) -> None:
    name = f"pool-{uuid.uuid4()}"
    made = await cognito.call("create_user_pool", PoolName=name)
    assert made["UserPool"]["Name"] == name
    assert cognito.endpoint_url == aws


async def test_without_an_emulator_it_is_aws_that_is_spoken_to(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with closing(AwsCalls("cognito-idp", "eu-west-3")) as made:
        assert made.endpoint_url == "https://cognito-idp.eu-west-3.amazonaws.com"


async def test_a_region_is_found_where_other_sdks_find_it(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    with closing(AwsCalls("dynamodb")) as made:
        assert made.endpoint_url == "https://dynamodb.eu-north-1.amazonaws.com"


def test_without_a_region_it_says_so(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(AwsNotConfigured, match="dynamodb: You must specify a region"):
        AwsCalls("dynamodb")


def test_an_endpoint_that_is_none_is_named(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    with pytest.raises(AwsNotConfigured, match="nowhere"):
        AwsCalls("dynamodb")


async def test_a_refusal_has_awss_name_for_it_and_says_what_was_asked(cognito: AwsCalls) -> None:
    with pytest.raises(AwsCallFailed, match="cognito-idp describe_user_pool: ResourceNotFoundException: ") as failed:
        await cognito.call("describe_user_pool", UserPoolId="us-east-1_nowhere")
    assert failed.value.code == "ResourceNotFoundException"


async def test_no_credentials_is_a_failed_call(cognito: AwsCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with (
        closing(AwsCalls("cognito-idp", REGION)) as made,
        pytest.raises(AwsCallFailed, match="Unable to locate credentials") as failed,
    ):
        await made.call("describe_user_pool", UserPoolId="us-east-1_nowhere")
    assert failed.value.code == ""


async def test_nobody_there_is_a_failed_call(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "ATTEMPTS", 1)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        with (
            closing(AwsCalls("cognito-idp", REGION)) as made,
            pytest.raises(AwsCallFailed, match="Could not connect") as failed,
        ):
            await made.call("describe_user_pool", UserPoolId="us-east-1_nowhere")
    assert failed.value.code == ""


async def test_a_bug_is_no_failed_call(cognito: AwsCalls) -> None:
    with pytest.raises(AttributeError):
        await cognito.call("no_such_method")


async def test_the_loop_goes_on_while_aws_is_silent_and_the_caller_is_told_in_time(
    silent: str,
) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    with closing(AwsCalls("cognito-idp", REGION, timeout_s=0.2)) as made:
        counting = asyncio.create_task(count_turns())
        with pytest.raises(AwsCallFailed, match="no answer within"):
            await made.call("describe_user_pool", UserPoolId="us-east-1_x")
        counting.cancel()
    assert turns > 5


async def test_too_many_calls_are_refused_at_once(silent: str) -> None:
    with closing(AwsCalls("cognito-idp", REGION, threads=1, max_calls=3)) as made:
        three = [asyncio.create_task(made.call("describe_user_pool", UserPoolId="us-east-1_x")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(AwsCallFailed, match="3 calls are under way"):
            await made.call("describe_user_pool", UserPoolId="us-east-1_x")
        for call in three:
            call.cancel()
        ended = await asyncio.gather(*three, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] * 3


async def test_a_call_that_nobody_waits_for_any_more_is_not_made(cognito: AwsCalls) -> None:
    name = f"pool-{uuid.uuid4()}"
    with closing(AwsCalls("cognito-idp", REGION, threads=1)) as made:
        before = asyncio.create_task(made.call("create_user_pool", PoolName=f"{name}-before"))
        unwanted = asyncio.create_task(made.call("create_user_pool", PoolName=f"{name}-unwanted"))
        await asyncio.sleep(0)
        unwanted.cancel()
        await before
        await made.call("create_user_pool", PoolName=f"{name}-after")
    pools = (await cognito.call("list_user_pools", MaxResults=60))["UserPools"]
    assert {pool["Name"].removeprefix(name) for pool in pools if pool["Name"].startswith(name)} == {
        "-before",
        "-after",
    }


async def test_closing_ends_the_threads(aws: str) -> None:
    made = AwsCalls("cognito-idp", REGION)
    await made.call("list_user_pools", MaxResults=1)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("aws-cognito-idp")]
    assert threads
    made.close()
    made.close()
    for thread in threads:
        await asyncio.to_thread(thread.join, 10)
    assert not any(thread.is_alive() for thread in threads)
    with pytest.raises(AwsCallFailed, match="closed"):
        await made.call("list_user_pools", MaxResults=1)


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(AwsNotInstalled, match=r"pip install 'heliograph-server\[aws\]'"):
        AwsCalls("cognito-idp", REGION)


HANGING = """
import asyncio
from heliograph_server.aws.calls import AwsCalls

async def main():
    made = AwsCalls("cognito-idp", "us-east-1")
    call = asyncio.create_task(made.call("describe_user_pool", UserPoolId="us-east-1_x"))
    await asyncio.sleep(0.5)
    call.cancel()
    print("closing", flush=True)
    made.close()

asyncio.run(main())
"""


def test_a_call_that_hangs_does_not_keep_the_process(silent: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "closing\n"
        try:
            assert process.wait(calls.READ_TIMEOUT_S) == 0
        finally:
            process.kill()
