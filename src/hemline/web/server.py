"""Running the service: one process or several, on this machine's loopback by default."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hemline.errors import ConfigError
from hemline.runs import RunFolder
from hemline.web.app import RUN_VARIABLE


def serve(
    run: Path | str,
    changes: dict[str, Any] | None = None,
    *,
    told: Callable[[str], None] = lambda text: None,
) -> None:
    """Serve a run until the process is ended.

    Parameters
    ----------
    run : path
    changes : dict, optional
        Settings, by their dotted name.
    told : callable
        Is called with the address once it is bound.

    Raises
    ------
    ConfigError
        The address or the port cannot be bound.
    RunError
        There is no run, or it has no bundle.
    """
    import uvicorn

    config = RunFolder.open(run).config.replaced(changes or {}).serve
    RunFolder.open(run).folder("train")  # a clear message here rather than in every worker
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((config.host, config.port))
        bound.listen(2048)  # who comes while the run is being opened waits, and is answered
    except OSError as error:
        raise ConfigError(
            f"{config.host}:{config.port} cannot be bound: {error.strerror or error}",
            hint="another program may have the port; --port 0 takes any that is free",
        ) from None
    shown = f"[{config.host}]" if ":" in config.host else config.host
    told(f"http://{shown}:{bound.getsockname()[1]}")
    os.environ[RUN_VARIABLE] = json.dumps([str(Path(run).resolve()), changes or {}])
    with tempfile.TemporaryDirectory(prefix="hemline-metrics-") as folder:
        if config.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        settings = uvicorn.Config(
            "hemline.web.app:served",
            factory=True,
            workers=config.workers,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=30,
        )
        if config.workers == 1:
            uvicorn.Server(settings).run(sockets=[bound])
            return
        from uvicorn.supervisors import Multiprocess

        Multiprocess(settings, sockets=[bound]).run()
