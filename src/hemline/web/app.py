"""The app that a server runs: one run, its API, its health."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from hemline import __version__
from hemline.live import LiveRecommender
from hemline.runs import RunFolder
from hemline.web import api, pages
from hemline.web.limits import Gate, Meters
from hemline.web.refusals import answer_errors
from hemline.web.search import Finder

RUN_VARIABLE = "HEMLINE_SERVED_RUN"
"""Tells a worker process which run it serves."""


def create_app(run: Path | str, changes: dict[str, Any] | None = None) -> FastAPI:
    """Return the app for a run.

    Parameters
    ----------
    run : path
        A run whose stage `train` is done.
    changes : dict, optional
        Settings of `serve`, by their dotted name.

    Raises
    ------
    RunError
        There is no run, or it has no bundle.
    """
    opened = LiveRecommender(RunFolder.open(run))
    opened.config = opened.config.replaced(changes or {})
    opened.open_all()
    registry = CollectorRegistry(auto_describe=True)
    meters = Meters(registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if "log" in opened.__dict__:
            opened.log.close()

    app = FastAPI(
        title="Hemline",
        version=__version__,
        description="Recommendations of a fashion shop, and the reasons for them.",
        lifespan=lifespan,
    )
    app.state.shelf = api.Shelf(opened)
    app.state.meters = meters
    app.include_router(api.router)
    answer_errors(app, pages.error_page)
    app.include_router(pages.router)
    app.state.finder = Finder(opened)
    app.add_middleware(Gate, meters=meters, max_body=opened.config.serve.max_body_kb * 1024)

    @app.get("/health", summary="Is the server ready?")
    async def health(request: Request) -> Response:
        shelf = api.shelf_of(request)
        content = {
            "status": "ok",
            "version": __version__,
            "recipe": shelf.run.bundle.recipe.name,
            "customers": len(shelf.run.tables.customer_ids),
            "articles": len(shelf.run.tables.article_ids),
            "as_of": shelf.run.as_of,
        }
        return Response(json.dumps(content), media_type="application/json")

    @app.get("/metrics", summary="Counters, for Prometheus")
    async def metrics() -> Response:
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            whole = CollectorRegistry()
            multiprocess.MultiProcessCollector(whole)  # type: ignore[no-untyped-call]
            return Response(generate_latest(whole), media_type="text/plain; version=0.0.4")
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    return app


def served() -> FastAPI:
    """Return the app of a worker process: of the run, and with the settings, its parent names."""
    run, changes = json.loads(os.environ[RUN_VARIABLE])
    return create_app(run, changes)
