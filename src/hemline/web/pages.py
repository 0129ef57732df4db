"""The lookbook: a shop's people look at products, customers and what is recommended to them."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import jinja2
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from hemline.photos.base import photo_path
from hemline.photos.decode import UnusablePhotoError, open_photo
from hemline.recommend.evidence import buyers_of_both
from hemline.recommend.short_reasons import ShortReason, short_reasons, together_rows
from hemline.report.pictures import COLOURS
from hemline.service import Recommended
from hemline.web.api import Shelf, shelf_of
from hemline.web.refusals import Refused
from hemline.web.search import Finder

router = APIRouter(include_in_schema=False)

WIDTH, HEIGHT = 300, 400
"""Pixels of a photo on a page."""

_ATTRIBUTES = (
    ("type", "product_type_name"),
    ("group", "product_group_name"),
    ("colour", "colour_group_name"),
    ("appearance", "graphical_appearance_name"),
    ("department", "department_name"),
    ("section", "section_name"),
    ("index", "index_name"),
    ("garment group", "garment_group_name"),
)
_LATEST = 36
"""Purchases on a customer's page; the rest are counted."""


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("hemline.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["path"] = lambda one: quote(str(one), safe="")
    made.filters["day"] = lambda time: f"{_date(time):%-d %B %Y}"
    return made


_PAGES = _environment()


def page(name: str, status: int = 200, **content: Any) -> HTMLResponse:
    """Return a page made from its template."""
    text = _PAGES.get_template(f"{name}.html").render(**content)
    return HTMLResponse(
        text,
        status_code=status,
        headers={
            # nothing on a page comes from elsewhere, and no name of a product may become a script
            "content-security-policy": "default-src 'self'; img-src 'self'; style-src 'self'; "
            "script-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            "x-content-type-options": "nosniff",
        },
    )


def _date(time: int) -> dt.date:
    return dt.datetime.fromtimestamp(time, dt.UTC).date()


class Shown:
    """What pages show of articles."""

    def __init__(self, shelf: Shelf) -> None:
        self.run = shelf.run
        self.ids = self.run.tables.article_ids

    def card(self, article: int, **more: Any) -> dict[str, Any]:
        """Return one article as a template wants it."""
        code = self.ids.id(article)
        name = self._value("prod_name", article)
        return {
            "id": code,
            "name": name or code,
            "type": self._value("product_type_name", article),
            "department": self._value("department_name", article),
            "colour": self._value("colour_group_name", article),
            **more,
        }

    def attributes(self, article: int) -> list[tuple[str, str]]:
        """Return the attributes that the shop tells of an article."""
        named = ((label, self._value(column, article)) for label, column in _ATTRIBUTES)
        return [(label, value) for label, value in named if value]

    def text(self, article: int) -> str | None:
        """Return the description of an article."""
        found: str | None = self._value("detail_desc", article)
        return found

    def _value(self, column: str, article: int) -> Any:
        return self.run.tables.articles.column(column)[article].as_py()

    def together(self, article: int, n: int = 10) -> list[dict[str, Any]]:
        """Return what is bought together with an article, the most first."""
        rows = together_rows(self.run.bundle)
        if rows is None:
            return []
        indptr, other, _ = rows
        found = other[int(indptr[article]) : int(indptr[article + 1])]
        return [self.card(int(one)) for one in found.tolist() if one != article][:n]

    def reasons(
        self, history: Any, found: Sequence[Recommended]
    ) -> list[tuple[dict[str, Any], str]]:
        """Return each recommended article with its reason in words."""
        places = [self.ids.position(one.article_id) for one in found]
        short = short_reasons(
            self.run.bundle,
            history.before(self.run.as_of),
            places,
            [one.channel for one in found],
        )
        return [
            (self.card(place, rank=one.rank, channel=one.channel), self._said(place, reason))
            for place, one, reason in zip(places, found, short, strict=True)
        ]

    def _said(self, article: int, reason: ShortReason) -> str:
        if reason.purchased is None:
            return {
                "age": "popular at your age",
                "popular": "popular now",
            }.get(reason.kind, "goes with what you bought")
        name = self._value("prod_name", reason.purchased) or self.ids.id(reason.purchased)
        when = f"{_date(reason.time):%B}" if reason.time else ""
        bought = f"the {name} you bought" + (f" in {when}" if when else "")
        if reason.kind == "together":
            return f"bought with {bought} by {self._buyers(article, reason.purchased)}"
        return {
            "bought": "you bought it" + (f" in {when}" if when else " before"),
            "product": f"another colour of {bought}",
            "similar": f"looks like {bought}",
        }[reason.kind]

    def _buyers(self, article: int, purchased: int) -> str:
        everyone, cutoff = self.run.tables.histories, self.run.bundle.cutoff
        [(customers, _)] = buyers_of_both(everyone, article, [purchased], cutoff)
        return "one other" if customers == 1 else f"{customers:,} others"


def _finder(request: Request) -> Finder:
    found: Finder = request.app.state.finder
    return found


@router.get("/", response_class=HTMLResponse)
async def home(request: Request) -> Response:
    """Show what sells, and where to search."""
    shelf = shelf_of(request)
    shown = Shown(shelf)
    popular = await run_in_threadpool(shelf.run.recommend, basket=[], k=12)
    cards = [shown.card(shown.ids.position(one.article_id)) for one in popular]
    buyers = [one for one in _finder(request).some_customers if shelf.run.knows(one)]
    return page("home", cards=cards, customers=buyers, links=_links(shelf))


def _links(shelf: Shelf) -> dict[str, bool]:
    return {
        "leaderboard": (shelf.run.run.path / "comparison.json").exists(),
        "report": (shelf.run.run.path / "report.html").exists(),
    }


@router.get("/search", response_class=HTMLResponse)
async def search(request: Request, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Find products by name, type, colour or id, and customers by the start of their id."""
    shelf = shelf_of(request)
    shown, finder = Shown(shelf), _finder(request)
    articles = await run_in_threadpool(finder.articles, q) if q.strip() else []
    customers = finder.customers(q.strip()) if len(q.strip()) >= 3 else []
    if shelf.run.knows(q.strip()) and q.strip() not in customers:
        customers.insert(0, q.strip())
    cards = [shown.card(one) for one in articles]
    return page("search", q=q, cards=cards, customers=customers, links=_links(shelf))


@router.get("/products/{article}", response_class=HTMLResponse)
async def product(request: Request, article: str) -> Response:
    """Show a product, what looks like it, and what is bought with it."""
    shelf = shelf_of(request)
    shown = Shown(shelf)
    place = shown.ids.position(article)
    similar = [
        shown.card(shown.ids.position(one.article_id), score=one.score)
        for one in shelf.run.similar(article, 10)
    ]
    return page(
        "product",
        article=shown.card(place),
        attributes=shown.attributes(place),
        text=shown.text(place),
        similar=similar,
        together=shown.together(place),
        links=_links(shelf),
    )


@router.get("/customers/{customer}", response_class=HTMLResponse)
async def customer_page(request: Request, customer: str) -> Response:
    """Show what a customer bought, and what is recommended with the reason for each."""
    shelf = shelf_of(request)
    shown = Shown(shelf)
    history = shelf.run.history(customer)
    found = await run_in_threadpool(shelf.run.recommend, customer)
    recommended = await run_in_threadpool(shown.reasons, history, found)
    places = history.rows()[::-1]
    days: dict[int, list[dict[str, Any]]] = {}
    for place in places[:_LATEST].tolist():
        day = int(history.time[place]) // 86_400 * 86_400
        card = shown.card(int(history.article[place]), quantity=int(history.weight[place]))
        days.setdefault(day, []).append(card)
    age = float(history.age[0])
    return page(
        "customer",
        customer=customer,
        age=None if age != age else int(age),
        recommended=recommended,
        days=days,
        more=max(len(places) - _LATEST, 0),
        bought=len(places),
        links=_links(shelf),
    )


@router.get("/basket", response_class=HTMLResponse)
async def basket(
    request: Request,
    article: Annotated[list[str], Query(max_length=100)] = [],  # noqa: B006
    age: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Try a basket: what would be recommended to someone who bought these."""
    shelf = shelf_of(request)
    shown = Shown(shelf)
    years = _age(age)
    held = [shown.card(shown.ids.position(one)) for one in dict.fromkeys(article)]
    names = [one["id"] for one in held]
    found = await run_in_threadpool(shelf.run.recommend, basket=names, age=years)
    history = shelf.run.history(basket=names, age=years)
    reasons = await run_in_threadpool(shown.reasons, history, found)
    results = await run_in_threadpool(_finder(request).articles, q, 12) if q.strip() else []

    def link(articles: Sequence[str]) -> str:
        pairs = [("article", one) for one in articles]
        return "/basket?" + urlencode([*pairs, *([("age", age)] if age else [])])

    return page(
        "basket",
        held=[(one, link([x for x in names if x != one["id"]])) for one in held],
        recommended=[(card, reason, link([*names, card["id"]])) for card, reason in reasons],
        results=[(card, link([*names, card["id"]])) for card in map(shown.card, results)],
        names=names,
        age=age,
        q=q,
        links=_links(shelf),
    )


def _age(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        years = float(text)
    except ValueError:
        years = -1.0
    if not 0 <= years <= 130:
        raise Refused(422, f"age = {text[:40]!r}", "years, from 0 to 130")
    return years


@router.get("/leaderboard", response_class=HTMLResponse)
async def leaderboard(request: Request) -> Response:
    """Show the last comparison of recipes."""
    shelf = shelf_of(request)
    path = shelf.run.run.path / "comparison.json"
    if not path.exists():
        raise Refused(404, "nothing has been compared yet", "hemline compare RUN")
    board = json.loads(path.read_text())
    return page("leaderboard", board=board, links=_links(shelf))


@router.get("/report", response_class=HTMLResponse)
async def report(request: Request) -> Response:
    """Show the report of the run."""
    path = shelf_of(request).run.run.path / "report.html"
    if not path.exists():
        raise Refused(404, "there is no report yet", "hemline report RUN")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return FileResponse(path, media_type="text/html", headers={"content-security-policy": policy})


@router.get("/images/{article}.jpg")
async def image(request: Request, article: str) -> Response:
    """Return an article's photo at the size of a page, or what stands for it."""
    shelf = shelf_of(request)
    place = shelf.run.tables.article_ids.position(article)
    source = (shelf.run.run.source.get("images") or {}).get("path")
    kept = {"cache-control": "public, max-age=3600"}
    if source:
        found = await run_in_threadpool(_scaled, source, article)
        if found is not None:
            return Response(found, media_type="image/jpeg", headers=kept)
    colour = shelf.run.tables.articles.column("perceived_colour_master_name")[place].as_py()
    return Response(_placeholder(colour), media_type="image/svg+xml", headers=kept)


@lru_cache(maxsize=512)
def _scaled(folder: str, article: str) -> bytes | None:
    path = photo_path(Path(folder), article)
    if not path.resolve().is_relative_to(Path(folder).resolve()):
        return None  # an id is the shop's, and may be anything
    try:
        photo = open_photo(path, draft=HEIGHT)
    except UnusablePhotoError:
        return None
    photo.thumbnail((WIDTH, HEIGHT))
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=85)
    return out.getvalue()


@lru_cache(maxsize=64)
def _placeholder(colour: str | None) -> str:
    fill = COLOURS.get((colour or "").lower(), "#c9c9c4")
    dark = int(fill[1:3], 16) + int(fill[3:5], 16) + int(fill[5:7], 16) < 3 * 128
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{fill}"/>'
        f'<text x="50%" y="50%" text-anchor="middle" font-family="sans-serif" font-size="24" '
        f'fill="{"#ffffff" if dark else "#1d1d1f"}">no image</text></svg>'
    )


@router.get("/style.css")
async def style() -> Response:
    """Return the style of all pages."""
    text = files("hemline.web").joinpath("templates", "style.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers={"cache-control": "public, max-age=3600"})


@router.get("/favicon.svg")
async def favicon() -> Response:
    """Return the sign of the pages: a hem."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        '<path d="M1 3h14v9l-3.5-2L8 12l-3.5-2L1 12z" fill="#285e91"/></svg>'
    )
    return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "max-age=86400"})


def error_page(status: int, message: str, hint: str) -> HTMLResponse:
    """Return an error as a page, for those who came by a link."""
    return page("error", status, message=message, hint=hint, links={})
