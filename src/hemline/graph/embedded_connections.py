"""Connections to the embedded engine: as many as queries at one time, and the memory they keep."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import ladybug


@dataclass(eq=False)
class Held:
    """A connection that someone asks."""

    connection: ladybug.Connection
    asked_before: bool = False
    keep: bool = True


class Connections:
    """Connections of one database, for any number of threads.

    A connection keeps the plans of its queries, each with the memory that it took last. So an
    idle one is taken before another is opened, the one that was used last first, and all are
    closed, each as soon as nobody asks it, when a query finds no memory.
    """

    def __init__(self, database: ladybug.Database, threads: int) -> None:
        self._database = database
        self._threads = threads
        self._idle: list[Held] = []
        self._busy: set[Held] = set()
        self._lock = threading.Condition()
        self._closed = False

    def take(self) -> Held:
        """Return a connection that nobody else has."""
        with self._lock:
            if self._idle:
                found = self._idle.pop()
            else:
                found = Held(ladybug.Connection(self._database, num_threads=self._threads))
            self._busy.add(found)
        return found

    def give_back(self, held: Held, *, keep: bool = True) -> None:
        """Let others have the connection, or close it and with it the memory of its plans."""
        held.asked_before = True
        with self._lock:
            keep = keep and held.keep and not self._closed
            if keep:
                self._busy.discard(held)
                self._idle.append(held)
        if not keep:
            held.connection.close()
            with self._lock:
                self._busy.discard(held)
                self._lock.notify_all()

    @contextmanager
    def use(self) -> Iterator[ladybug.Connection]:
        """Have a connection for a while."""
        held = self.take()
        try:
            yield held.connection
        finally:
            self.give_back(held)

    def free(self, seconds: float) -> bool:
        """Let go of the memory of all plans, waiting so long for those who ask something.

        Return whether there was anything to let go of.
        """
        with self._lock:
            idle, self._idle = self._idle, []
            busy = set(self._busy)
            for one in busy:
                one.keep = False
        for one in idle:
            one.connection.close()
        with self._lock:
            self._lock.wait_for(lambda: not busy & self._busy, seconds)
        return bool(idle or busy)

    def close(self) -> None:
        """Close all; what is being asked is interrupted."""
        with self._lock:
            self._closed = True
            every = [*self._idle, *self._busy]
            self._idle.clear()
        for one in every:
            one.connection.close()
