"""Running a statement so that Ctrl-C ends it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import ladybug


def run(
    connection: ladybug.Connection, statement: str, parameters: dict[str, Any] | None = None
) -> Any:
    """Run a statement and return its result; an interrupt of the main thread ends it at once.

    The engine does not look at signals while it works. So in the main thread a thread of its
    own runs the statement, and this one waits.
    """
    if threading.current_thread() is not threading.main_thread():
        return connection.execute(statement, parameters)
    found: Future[Any] = Future()
    done = threading.Event()

    def work() -> None:
        try:
            found.set_result(connection.execute(statement, parameters))
        except BaseException as error:
            found.set_exception(error)
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    try:
        done.wait()
    except BaseException:
        while not done.wait(0.05):  # an interrupt that comes too early is forgotten
            connection.interrupt()
        raise
    return found.result()
