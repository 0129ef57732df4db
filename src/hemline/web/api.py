"""The API: recommendations, what is similar, why, and new purchases."""

from __future__ import annotations

import hmac
import json
import os
import time as clock
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from hemline.live import LiveRecommender, Mask
from hemline.purchase_log import NewPurchase
from hemline.web.refusals import Refused

router = APIRouter(prefix="/api")


class Basket(BaseModel):
    """An anonymous basket: what is in it, and for whom."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"articles": ["0108775015"], "age": 34, "k": 12}]},
    )

    articles: list[str] = Field(max_length=1000, description="article ids; may be empty")
    age: float | None = Field(None, ge=0, le=130, description="years, where it is known")
    k: int | None = Field(None, ge=1, description="how many")
    departments: list[str] = Field(
        [], max_length=500, description="numbers; only articles of these"
    )
    exclude: list[str] = Field([], max_length=10_000, description="article ids to leave out")
    in_stock: bool = Field(False, description="only what is in stock")


class Purchase(BaseModel):
    """A purchase that has just been made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "customer": "00000dbacae5abe5e23885899a1fa44253a17956c6d1c3d25f88aa139fdfc657",
                    "article": "0108775015",
                    "price": 19.99,
                    "quantity": 1,
                }
            ]
        },
    )

    customer: str = Field(min_length=1, max_length=256)
    article: str = Field(min_length=1, max_length=256)
    time: int | None = Field(None, description="seconds since 1970-01-01 UTC; now when left out")
    price: float | None = Field(None, ge=0, allow_inf_nan=False)
    channel: int = Field(0, ge=0, le=127)
    quantity: int = Field(1, ge=1, le=10_000)


class Shelf:
    """The run that is served, with what a request needs besides."""

    def __init__(self, run: LiveRecommender) -> None:
        self.run = run
        self.serve = run.config.serve
        self._stock: tuple[int, Mask] | None = None

    def stock(self) -> Mask:
        """Return what is in stock; the file is read again when it has changed."""
        if not self.serve.stock:
            raise Refused(422, "this server knows no stock", "set serve.stock to a file of ids")
        path = Path(self.serve.stock)
        changed = path.stat().st_mtime_ns if path.exists() else -1
        if self._stock is None or self._stock[0] != changed:
            self._stock = changed, self.run.read_stock(path)
        return self._stock[1]

    def mask(self, departments: list[str], exclude: list[str], in_stock: bool) -> Mask | None:
        """Return the articles that a request allows; None for all."""
        stock = self.stock() if in_stock else None
        return self.run.mask(departments=departments, exclude=exclude, stock=stock)

    def k(self, k: int | None) -> int:
        """Return how many articles, refused outside of what the server gives."""
        if k is None:
            return self.run.config.k
        if not 1 <= k <= self.serve.max_k:
            raise Refused(422, f"k = {k}", f"from 1 to {self.serve.max_k}")
        return k

    def authorise(self, key: str | None) -> None:
        """Refuse a request without the server's key."""
        right = os.environ.get(self.serve.key_env, "")
        if not right:
            raise Refused(
                403, "this server takes no purchases", f"start it with {self.serve.key_env} set"
            )
        if key is None or not hmac.compare_digest(key.encode(), right.encode()):
            raise Refused(401, "the key is missing or wrong", "send it as the header X-API-Key")


def shelf_of(request: Request) -> Shelf:
    """Return what the app serves, up to date with the log."""
    shelf: Shelf = request.app.state.shelf
    shelf.run.follow()
    return shelf


def _answer(content: Any) -> Response:
    # json.dumps is faster than a response model that checks what was made here
    return Response(json.dumps(content, ensure_ascii=False), media_type="application/json")


Departments = Annotated[
    list[str], Query(alias="department", description="number; only articles of these")
]
Exclude = Annotated[list[str], Query(description="article id to leave out")]
InStock = Annotated[bool, Query(description="only what is in stock")]


@router.get("/customers/{customer}/recommendations", summary="Recommend to a customer")
async def recommendations(
    request: Request,
    customer: str,
    k: Annotated[int | None, Query(description="how many")] = None,
    department: Departments = [],  # noqa: B006 (FastAPI copies it)
    exclude: Exclude = [],  # noqa: B006
    in_stock: InStock = False,
) -> Response:
    """Return what is recommended to a customer, best first.

    The same answer as `hemline recommend` and the batch give for the same purchases.
    """
    shelf = shelf_of(request)
    wanted, among = shelf.k(k), shelf.mask(department, exclude, in_stock)
    # here and not in a thread: for a millisecond or two of work, threads that wait for one
    # interpreter answer fewer requests (two stages: 320 a second in threads, 530 so)
    found = shelf.run.recommend(customer, k=wanted, among=among)
    return _answer({"customer": customer, "recommendations": [one._asdict() for one in found]})


@router.post("/recommendations", summary="Recommend for a basket")
async def basket(request: Request, asked: Annotated[Basket, Body()]) -> Response:
    """Return what is recommended to someone who just bought these articles."""
    shelf = shelf_of(request)
    wanted = shelf.k(asked.k)
    among = shelf.mask(asked.departments, asked.exclude, asked.in_stock)
    found = shelf.run.recommend(basket=asked.articles, age=asked.age, k=wanted, among=among)
    return _answer({"recommendations": [one._asdict() for one in found]})


@router.get("/articles/{article}/similar", summary="What looks like an article")
async def similar(
    request: Request, article: str, k: Annotated[int | None, Query(description="how many")] = None
) -> Response:
    """Return the visually most similar articles; none for an article without a photo."""
    shelf = shelf_of(request)
    found = shelf.run.similar(article, None if k is None else shelf.k(k))
    return _answer({"article": article, "similar": [one._asdict() for one in found]})


@router.get("/explain", summary="Why an article is recommended")
async def explain(request: Request, customer: str, article: str) -> Response:
    """Return the purchases and counts that lead from a customer to an article."""
    shelf = shelf_of(request)
    found = await run_in_threadpool(shelf.run.explain, article, customer=customer)
    return _answer(found.to_json())


@router.post("/purchases", summary="A purchase has been made", status_code=201)
async def purchases(
    request: Request,
    made: Annotated[Purchase | list[Purchase], Body()],
    x_api_key: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Write purchases down; when this is answered they are on the disk.

    The next question, to any worker, knows them. A request sent again with the same
    `Idempotency-Key` is not written twice.
    """
    shelf = shelf_of(request)
    shelf.authorise(x_api_key)
    now = int(clock.time())
    each = made if isinstance(made, list) else [made]
    new = [
        NewPurchase(
            one.customer,
            one.article,
            max(now, shelf.run.as_of) if one.time is None else one.time,
            one.price,
            one.channel,
            one.quantity,
        )
        for one in each
    ]
    written = await run_in_threadpool(shelf.run.add, new, idempotency_key)
    request.app.state.meters.purchases.inc(written)
    return Response(
        json.dumps({"written": written}), status_code=201, media_type="application/json"
    )
