"""Every error of the service in one shape: {"error": {"code", "message", "hint"}}."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from hemline.errors import HemlineError, UnknownIdError

CODES = {
    400: "bad_request",
    401: "wrong_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    422: "bad_value",
}


class Refused(Exception):  # noqa: N818
    """A request that is answered with an error on purpose."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


def refusal(status: int, message: str, hint: str = "", code: str = "") -> Response:
    """Return an error as JSON."""
    content = {"code": code or CODES.get(status, "error"), "message": message, "hint": hint}
    return Response(
        json.dumps({"error": content}), status_code=status, media_type="application/json"
    )


def answer_errors(app: FastAPI, error_page: Callable[[int, str, str], Response]) -> None:
    """Let the app answer every error that can be foreseen: in the one shape, or as a page.

    Parameters
    ----------
    app : FastAPI
    error_page : callable
        Makes a page of status, message and hint, for a browser that follows a link.
    """

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        if _wants_page(request):
            return error_page(error.status, error.message, error.hint)
        return refusal(error.status, error.message, error.hint)

    @app.exception_handler(UnknownIdError)
    async def unknown(request: Request, error: UnknownIdError) -> Response:
        if _wants_page(request):
            return error_page(404, str(error), "")
        # the error's own hint names an id that is known, which is nobody's business here
        return refusal(404, str(error), "ids are text, with their leading zeros", "unknown_id")

    @app.exception_handler(HemlineError)
    async def hemline(request: Request, error: HemlineError) -> Response:
        return refusal(422, str(error), error.hint or "")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first: Any = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if _wants_page(request):
            return error_page(422, f"{where}: {first['msg']}", "")
        return refusal(422, f"{where}: {first['msg']}", "see /docs for what is asked")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if _wants_page(request):
            return error_page(error.status_code, str(error.detail), "")
        there = "see /docs for what there is"
        hint = {404: there, 405: there, 413: "serve.max_body_kb"}.get(error.status_code, "")
        return refusal(error.status_code, str(error.detail), hint)


def _wants_page(request: Request) -> bool:
    path, accepted = request.url.path, request.headers.get("accept", "")
    return "text/html" in accepted and not path.startswith(("/api/", "/health", "/metrics"))
