"""What is checked before a request is looked at: its size; and what is counted after it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import HTTPException
from prometheus_client import CollectorRegistry, Counter, Histogram

from hemline.web.refusals import refusal

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Meters:
    """Counters of the service, for Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "hemline_requests", "Requests answered", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "hemline_request_seconds",
            "Seconds to the answer",
            ["route"],
            registry=registry,
            buckets=(0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2),
        )
        self.purchases = Counter(
            "hemline_purchases", "Purchases written to the log", registry=registry
        )


class Gate:
    """Refuses bodies that are too large, counts and times every answer.

    Plain ASGI: a framework's middleware costs more than a recommendation.
    """

    def __init__(self, app: Any, meters: Meters, max_body: int) -> None:
        self.app, self.meters, self.max_body = app, meters, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def counted(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self._announced(scope) > self.max_body:
                await self._too_large(scope, receive, counted)
                return
            await self.app(scope, self._limited(receive), counted)
        finally:
            # the route, not the path: an id in a label would be a counter for each customer
            route = getattr(scope.get("route"), "path", "none")
            self.meters.requests.labels(route, str(status)).inc()
            self.meters.seconds.labels(route).observe(time.perf_counter() - started)

    def _announced(self, scope: Scope) -> int:
        for name, value in scope["headers"]:
            if name == b"content-length":
                return int(value) if value.isdigit() else 0
        return 0

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = refusal(413, "the request is too large", f"at most {self.max_body // 1024} KiB")
        response.headers["connection"] = "close"
        await response(scope, receive, send)  # type: ignore[arg-type]

    def _limited(self, receive: Receive) -> Receive:
        read = 0

        async def limited() -> dict[str, Any]:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.max_body:
                # a body that was not announced, or longer than announced
                raise HTTPException(413, "the request is too large")
            return message

        return limited
