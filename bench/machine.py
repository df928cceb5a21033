"""The machine under the benchmarks: which core does what, and what a process costs. Linux only."""

import os
import platform
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

__all__ = [
    "SERVER_CORE",
    "busy_seconds",
    "cpu_seconds",
    "describe",
    "load_cores",
    "open_files",
    "pin",
    "pin_all",
    "prefer",
    "raise_file_limit",
    "resident_bytes",
    "running_us",
    "stolen_seconds",
    "waiting_seconds",
]

SERVER_CORE: Final = 0
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
PACKAGES: Final = ("picows", "uvloop", "uvicorn", "litestar", "msgspec", "websockets", "aiortc")


def load_cores() -> set[int]:
    """The cores that the load may use: all that this process may, but the server's."""
    cores = os.sched_getaffinity(0) - {SERVER_CORE}
    if not cores:
        raise SystemExit("The benchmarks need two cores: one for the server, one for the load.")
    return cores


def pin(cores: set[int]) -> None:
    """Keep this process, and those that it starts, on these cores."""
    os.sched_setaffinity(0, cores)


def pin_all(pid: int, cores: set[int]) -> None:
    """Keep another process, with all threads that it has now, on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def prefer(pid: int = 0, *, restless: bool = False) -> None:
    """Let a process, and those that it starts, run before all ordinary ones, if the system lets us (root).

    It is this process if none is named. One that never sleeps or shares its core is better `restless`, the first of the
    ordinary ones: Linux stops a real-time process for 50 ms of a second that is all its own, and lets one wait for up
    to 100 ms for another on the same core. The slowest messages would show either.
    """
    with suppress(PermissionError):
        if restless:
            os.setpriority(os.PRIO_PROCESS, pid, -20)
        else:
            os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def raise_file_limit() -> None:
    """Let this process, and those that it starts, have as many open files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid: int) -> float:
    """What a process, with all its threads, has had of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def busy_seconds() -> float:
    """What all processes together have had of all cores, since the start."""
    user, nice, system, _, _, irq, softirq, *_ = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) * TICK_S


def running_us(pid: int) -> float:
    """What a process, with all its threads, has had of the processor, in microseconds: finer than `cpu_seconds`."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text("ascii").split()[0]) for thread in threads) / 1000


def waiting_seconds(pid: int) -> float:
    """For how long a process' first thread could have run, and something else had its core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9


def resident_bytes(pid: int) -> int:
    """The resident set of a process, from the kernel's own count."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("The kernel does not say how much is resident")


def open_files(pid: int) -> int:
    """How many file descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def stolen_seconds() -> float:
    """What the hypervisor gave to other machines, over all cores, since the start."""
    return int(Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[8]) * TICK_S


def describe(more: Mapping[str, str], *, restless: bool = False) -> dict[str, str]:
    """What has to be said beside a figure, with what only some have. For `restless` processes see `prefer`."""
    preferred = "the first of the ordinary (niceness -20)" if restless else "real-time (SCHED_RR)"
    cpus = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    cpu = cpus[0].partition(":")[2].strip() if cpus else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**30:.0f} GiB",
        "scheduling": preferred if os.geteuid() == 0 else "ordinary",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "Python": platform.python_version() + (" (the system's)" if sys.base_prefix == "/usr" else ""),
        **{name: version(name) for name in PACKAGES},
        **more,
    }
