"""One side of a file transfer, as a process that can be killed: python file_peer.py receive|send LINK ID_TOKEN PATH

SIGUSR1 cuts its paths. The sender tries again until the file is there, and then prints where it went on last.
"""

import asyncio
import signal
import sys

import uvloop

import heliograph
from heliograph.testing import cut_path

RECEIVER = "Receiver-1"
ATTEMPTS = 60
PAUSE_S = 0.5


async def receive(link: str, id_token: str, path: str) -> None:
    worker = heliograph.Worker(link, peer_id=RECEIVER, id_token=id_token)
    async with worker, heliograph.receive_files(worker, into=path) as files:
        print("ready", flush=True)
        async for file in files:
            print(f"received {file.sha256}", flush=True)


async def send(link: str, id_token: str, path: str) -> None:
    for _ in range(ATTEMPTS):
        try:
            async with heliograph.connect(link, peer=RECEIVER, peer_id="Sender-1", id_token=id_token) as connection:
                asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: cut_path(connection))
                sent = await heliograph.send_file(connection, path)
                print(f"sent {sent.sha256} {sent.resumed_at}", flush=True)
                return
        except heliograph.HeliographError as error:
            print(f"again: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            await asyncio.sleep(PAUSE_S)
    raise SystemExit("It did not arrive")


uvloop.run({"receive": receive, "send": send}[sys.argv[1]](*sys.argv[2:]))
