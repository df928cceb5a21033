"""Whatever is killed in the middle of a transfer, the file arrives: the short form of `nox -s soak_files`."""

from pathlib import Path

import pytest
from killed_transfers import VICTIMS, killed_transfers

SIZE = 8_000_000


@pytest.mark.timeout(180)
async def test_a_file_arrives_whatever_is_killed(tmp_path: Path) -> None:
    ends = [end async for end in killed_transfers(tmp_path, size=SIZE, victims=list(VICTIMS), seed=1)]
    assert [victim for victim, *_ in ends] == list(VICTIMS)
