"""Calls to AWS off the event loop.

boto3 waits, so it waits in a bounded number of threads of its own. They are daemons: a call that hangs does not keep a
process that was told to end. boto3 is an optional part of the installation, imported only when something here is made.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from msgspec import Struct

__all__ = ["AwsCallFailed", "AwsCalls", "AwsNotConfigured", "AwsNotInstalled", "AwsUnusable"]

CONNECT_TIMEOUT_S: Final = 2
READ_TIMEOUT_S: Final = 5
ATTEMPTS: Final = 3
"""Of one call, the first included; botocore waits longer before each, and only repeats what may go better then."""
CALL_TIMEOUT_S: Final = 15.0
"""A call with its repetitions, unless chosen otherwise. Whoever asked is told then; the thread ends with its own
time-outs."""
THREADS: Final = 8
MAX_CALLS: Final = 256
"""Under way and waiting for a thread; whoever asks for one more is refused."""

SESSION_VARIABLES: Final = {"region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)}
"""botocore's own entry has the second name only."""

NOT_INSTALLED: Final = "boto3 is not installed, which AWS needs: pip install 'heliograph-server[aws]'"


class AwsUnusable(Exception):
    """AWS was chosen, and can't be spoken to at all. The text is one sentence for the operator."""


class AwsNotInstalled(AwsUnusable):
    """The part of the installation that speaks to AWS is missing."""


class AwsNotConfigured(AwsUnusable):
    """boto3 lacks something without which it can't begin, such as a region."""


class AwsCallFailed(Exception):
    """AWS did not do what it was asked, or did not answer. The text is for the operator's log alone.

    `code` is the name that AWS has for the error, such as `ThrottlingException`; empty if AWS was not reached.
    `answer` is all that AWS said with it.
    """

    def __init__(self, message: str, code: str = "", answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.answer = answer or {}


class _Call(Struct, frozen=True):
    work: Callable[[], dict[str, Any]]
    future: Future[dict[str, Any]]


class AwsCalls:
    """One AWS service in one region, spoken to from the event loop. Raises `AwsNotInstalled`, `AwsNotConfigured`.

    Credentials, and an emulator in the place of AWS (`AWS_ENDPOINT_URL`), are found where boto3 finds them; so is the
    region if none is given, and in `AWS_REGION` too, which other SDKs of AWS read and boto3 does not.
    """

    def __init__(
        self,
        service: str,
        region: str | None = None,
        *,
        threads: int = THREADS,
        max_calls: int = MAX_CALLS,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        try:
            import boto3  # noqa: PLC0415 - slow, and not always installed
            import botocore.session  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        except ImportError as error:
            raise AwsNotInstalled(NOT_INSTALLED) from error
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=threads,
        )
        try:
            session = boto3.session.Session(botocore_session=botocore.session.Session(SESSION_VARIABLES))
            self._client = session.client(service, region_name=region, config=config)
        except (BotoCoreError, ValueError) as error:  # `ValueError` is what it says of a bad `AWS_ENDPOINT_URL`
            raise AwsNotConfigured(f"AWS can't be used for {service}: {error}") from error
        self._service = service
        self._timeout_s = timeout_s
        self._closed = False
        self._refusal = ClientError
        self._no_answer = BotoCoreError
        self._max_calls = max_calls
        self._calls_open = 0
        self._waiting: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=_work, args=(self._waiting,), name=f"aws-{service}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def endpoint_url(self) -> str:
        """Where the service is: AWS, or what stands in for it."""
        return str(self._client.meta.endpoint_url)

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the boto3 client, such as `get_item`, and return its answer. Raises `AwsCallFailed`."""
        if self._closed:
            raise AwsCallFailed(f"{self._service} {operation}: the calls were closed")
        if self._calls_open >= self._max_calls:
            raise AwsCallFailed(f"{self._service} {operation}: {self._max_calls} calls are under way already")
        method = getattr(self._client, operation)
        future: Future[dict[str, Any]] = Future()
        self._calls_open += 1
        try:
            self._waiting.put(_Call(lambda: method(**parameters), future))
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(future)
        except self._refusal as error:
            problem = error.response.get("Error", {})
            code = str(problem.get("Code", ""))
            said = problem.get("Message", "")
            raise AwsCallFailed(f"{self._service} {operation}: {code}: {said}", code, error.response) from error
        except self._no_answer as error:
            raise AwsCallFailed(f"{self._service} {operation}: {error}") from error
        except TimeoutError as error:
            raise AwsCallFailed(f"{self._service} {operation}: no answer within {self._timeout_s:.0f} s") from error
        finally:
            self._calls_open -= 1

    def close(self) -> None:
        """Refuse further calls, and let the threads end, each after the call that it is in."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._waiting.put(None)
        threading.Thread(target=self._end, name=f"aws-{self._service}-end", daemon=True).start()

    def _end(self) -> None:
        for thread in self._threads:
            thread.join()
        self._client.close()


def _work(waiting: queue.SimpleQueue[_Call | None]) -> None:
    """A thread's life. Whoever stopped waiting for its call has cancelled the future."""
    while (call := waiting.get()) is not None:
        if not call.future.set_running_or_notify_cancel():
            continue
        try:
            result = call.work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
            call.future.set_exception(error)
        else:
            call.future.set_result(result)
