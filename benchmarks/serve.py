"""The service under load: a fixed rate, as fast as it goes, its start, its memory.

    python benchmarks/serve.py --run RUN [--two-stage RUN] [--rate 300] [--seconds 20]

RUN is a run of the cascade, best of the simulated H&M-size shop; the other one of the
two-stage recipe on the same shop. Server and load generator share the machine.

Open loop: requests for random customers leave at fixed times, whether or not the earlier ones
have been answered, over 64 connections; the time to an answer counts from the moment the
request was due, so that a stall is seen by all who wait. Closed loop: `wrk` (a Debian package)
with 16 connections over 10,000 customers. Memory: the server's resident set after each of
several rounds of requests, 100,000 in all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from record import record

CONNECTIONS = 64


@contextmanager
def server(run: Path) -> Iterator[tuple[str, int, int, dict[str, Any]]]:
    """Start the service; yield host, port, process id, and what its start took."""
    command = [sys.executable, "-c", "from hemline.cli import main; main()"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "serve", str(run), "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        found = re.search(r"http://([^:]+):(\d+)", process.stderr.readline())
        assert found
        host, port = found.group(1), int(found.group(2))
        with urllib.request.urlopen(f"http://{host}:{port}/health", timeout=120) as answer:
            json.loads(answer.read())
        first = time.perf_counter() - started
        yield host, port, process.pid, {"first_answer_s": round(first, 2)}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stderr.close()


def resident_mib(pid: int) -> float:
    """Return the resident set of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
) -> int:
    """Send one request on an open connection and read its answer; return the status."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = re.search(r"content-length: (\d+)", head)
    assert length
    await reader.readexactly(int(length.group(1)))
    return int(head.split()[1])


async def open_loop(
    host: str, port: int, paths: list[str], rate: float, seconds: float
) -> tuple[np.ndarray[Any, Any], int]:
    """Send requests at fixed times; return milliseconds to each answer, and errors."""
    due: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
    taken: list[float] = []
    errors = 0
    begin = time.perf_counter() + 0.2

    async def work() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(host, port)
        while True:
            moment, path = await due.get()
            if moment < 0:
                writer.close()
                return
            status = await ask(reader, writer, host, path)
            taken.append((time.perf_counter() - moment) * 1000)
            errors += status != 200

    workers = [asyncio.create_task(work()) for _ in range(CONNECTIONS)]
    for i in range(int(rate * seconds)):
        moment = begin + i / rate
        wait = moment - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        due.put_nowait((moment, random.choice(paths)))
    for _ in workers:
        due.put_nowait((-1.0, ""))
    await asyncio.gather(*workers)
    return np.array(taken), errors


def quantiles(taken: np.ndarray[Any, Any], errors: int) -> dict[str, Any]:
    """Return the figures of an open loop."""
    p50, p95, p99 = np.percentile(taken, [50, 95, 99])
    return {
        "requests": len(taken),
        "errors": errors,
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "p99_ms": round(float(p99), 2),
        "worst_ms": round(float(taken.max()), 1),
    }


def closed_loop(host: str, port: int, paths: list[str], seconds: int) -> dict[str, Any]:
    """Let wrk ask as fast as it can."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "paths.lua"
        listed = ",".join(json.dumps(one) for one in paths)
        script.write_text(
            f"local paths = {{{listed}}}\nlocal i = 0\n"
            "request = function()\n  i = i % #paths + 1\n"
            "  return wrk.format('GET', paths[i])\nend\n"
        )
        command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", str(script)]
        done = subprocess.run(
            [*command, f"http://{host}:{port}"], capture_output=True, text=True, check=True
        )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert rate
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    broken = re.search(r"Socket errors: (.*)", done.stdout)
    return {
        "requests_per_s": float(rate.group(1)),
        "errors": int(failed.group(1)) if failed else 0,
        "socket_errors": broken.group(1) if broken else "none",
    }


def paths_of(run: Path, n: int) -> list[str]:
    """Return the addresses of random customers' recommendations."""
    import hemline

    ids = hemline.open(run).tables.customer_ids
    drawn = random.Random(1).sample(range(len(ids)), min(n, len(ids)))
    return [f"/api/customers/{ids.id(one)}/recommendations" for one in drawn]


def measure(run: Path, rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Measure one run's service."""
    paths = paths_of(run, 10_000)
    with server(run) as (host, port, pid, found):
        asyncio.run(open_loop(host, port, paths, rate / 3, 3))  # first requests map the files in
        taken, errors = asyncio.run(open_loop(host, port, paths, rate, seconds))
        found["open_loop"] = {"rate": rate, **quantiles(taken, errors)}
        if shutil.which("wrk"):
            found["closed_loop"] = closed_loop(host, port, paths, 10)
        memory = [round(resident_mib(pid), 1)]
        for _ in range(rounds):
            if shutil.which("wrk"):
                closed_loop(host, port, paths, 12)
            memory.append(round(resident_mib(pid), 1))
        found["resident_mib"] = memory
        with urllib.request.urlopen(f"http://{host}:{port}/metrics") as answer:
            counted = re.findall(
                r'requests_total\{.*status="200"\} ([\d.e+]+)', answer.read().decode()
            )
        found["requests"] = int(sum(float(one) for one in counted))
    return found


def main() -> None:
    """Measure and write results/serve.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--two-stage", type=Path)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=8)
    asked = parser.parse_args()
    os.environ.pop("HEMLINE_API_KEY", None)
    figures = {"cascade": measure(asked.run, asked.rate, asked.seconds, asked.rounds)}
    bars = {
        "cascade.open_loop.p50_ms": "<= 4",
        "cascade.open_loop.p99_ms": "<= 20",
        "cascade.closed_loop.requests_per_s": ">= 1000",
        "cascade.closed_loop.errors": "<= 0",
        "cascade.first_answer_s": "<= 5",
    }
    if asked.two_stage:
        figures["two-stage"] = measure(asked.two_stage, asked.rate, asked.seconds, 0)
        bars |= {
            "two-stage.open_loop.p50_ms": "<= 20",
            "two-stage.open_loop.p99_ms": "<= 60",
            "two-stage.first_answer_s": "<= 5",
        }
    record("serve", figures, bars=bars)


if __name__ == "__main__":
    main()
