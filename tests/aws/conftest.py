"""An empty AWS for each module, and somebody who looks at it from outside."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from emulator import AWS_ENVIRONMENT, running_moto

REGION: Final = "us-west-1"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An empty AWS, which can note what it is asked: the environment that leads there."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("MOTO_RECORDER_FILEPATH", str(tmp_path_factory.mktemp("moto") / "recording"))
        url = stack.enter_context(running_moto())
        yield {**AWS_ENVIRONMENT, "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": REGION}
