"""`python -m bench.files`: a file through the SDK beside the same bytes through a bare aiortc channel, in turn.

Each side is a process of its own, with uvloop. The file's time is `send_file`'s: offer, hashes, and the disk included.
"""

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop
from aiortc import RTCPeerConnection

import heliograph
from bench.raw_channel import NO_SERVERS, as_json, from_json

TESTS: Final = Path(__file__).parents[1] / "tests"
FRAME_BYTES: Final = 65_536
HIGH_BYTES: Final = 1024 * 1024
LOW_BYTES: Final = 256 * 1024
START_LIMIT_S: Final = 30
BLOCK: Final = bytes(range(256)) * 4096


async def raw(size: int) -> float:
    """Seconds from the first byte to the receiver's confirmation of the last."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.raw_channel"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("The receiver is not piped")
    pc = RTCPeerConnection(NO_SERVERS)
    channel = pc.createDataChannel(str(size))
    channel.bufferedAmountLowThreshold = LOW_BYTES
    opened, drained, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    channel.on("open", opened.set)
    channel.on("bufferedamountlow", drained.set)
    channel.on("message", lambda _: done.set())
    await pc.setLocalDescription(await pc.createOffer())
    process.stdin.write(as_json(pc.localDescription).encode() + b"\n")
    await pc.setRemoteDescription(from_json(await process.stdout.readline()))
    await opened.wait()
    started = time.perf_counter()
    for offset in range(0, size, FRAME_BYTES):
        while channel.bufferedAmount > HIGH_BYTES:
            drained.clear()
            await drained.wait()
        channel.send(BLOCK[: min(FRAME_BYTES, size - offset)])
        await asyncio.sleep(0)  # aiortc sends from tasks of its own
    await done.wait()
    took = time.perf_counter() - started
    channel.close()
    await process.wait()
    await pc.close()
    return took


async def file(folder: Path, link: str, id_token: str, size: int) -> tuple[float, int]:
    """Seconds that `send_file` takes, and the receiver's largest memory in bytes."""
    source, inbox = folder / "file.bin", folder / "inbox"
    with source.open("wb") as out:
        for offset in range(0, size, len(BLOCK)):
            out.write(BLOCK[: size - offset])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TESTS / "file_peer.py"), "receive", link, id_token, str(inbox)), stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("The receiver is not piped")
        async with asyncio.timeout(START_LIMIT_S):
            await process.stdout.readline()
        async with heliograph.connect(link, peer="Receiver-1", id_token=id_token) as connection:
            started = time.perf_counter()
            await heliograph.send_file(connection, source)
            took = time.perf_counter() - started
        (inbox / source.name).unlink()
        source.unlink()
        return took, _peak_bytes(process.pid)
    finally:
        process.terminate()
        await process.wait()


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def main(size: int, rounds: int) -> None:
    """Measure in turn, and print."""
    sys.path.insert(0, str(TESTS))
    from server_process import running_server  # noqa: PLC0415 - where the tests have it

    raws, files = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running_server(folder / "server") as server, heliograph.Api(server.url) as api:
            id_token = (await api.sign_in()).id_token
            room = await api.create_room(id_token=id_token)
            link = f"{server.url}/#room={room.room_id}&token={room.token}"
            for number in range(rounds):
                raws.append(size / 1e6 / await raw(size))
                took, peak = await file(folder, link, id_token, size)
                files.append(size / 1e6 / took)
                own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
                print(
                    f"{number + 1}/{rounds}: aiortc {raws[-1]:.1f} MB/s, file {files[-1]:.1f} MB/s;"
                    f" memory at most {own / 1e6:.0f} MB here, {peak / 1e6:.0f} MB at the receiver",
                    flush=True,
                )
    ratio = statistics.median(files) / statistics.median(raws)
    print(f"{size / 1e6:.0f} MB, medians of {rounds}: the file has {ratio:.2f} of aiortc's throughput")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.files", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    uvloop.run(main(options.megabytes * 1_000_000, options.rounds))
