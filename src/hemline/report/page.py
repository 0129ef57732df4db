"""A report as one HTML file: everything inside, nothing fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hemline.report import shop_charts as charts
from hemline.report.facts import SEASONS, Rows


@dataclass(frozen=True)
class Part:
    """A section of the page: a heading, sentences, charts as SVG, tables."""

    heading: str
    sentences: list[str]
    drawings: list[str] = field(default_factory=list)
    tables: list[list[list[Any]]] = field(default_factory=list)


def render(title: str, facts: dict[str, Any], run: dict[str, Any] | None = None) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    title : str
    facts : dict
        What `shop_facts` counted.
    run : dict, optional
        What `run_facts` found, for a run.
    """
    parts = shop_parts(facts)
    if run:
        from hemline.report.run_parts import run_parts

        parts.extend(run_parts(run))
    page: str = _template().render(title=title, overview=_tiles(facts["overview"]), parts=parts)
    return page


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hemline.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["said"] = said
    return environment.get_template("report.html")


def said(value: Any) -> str:
    """Put a value as a person reads it: 1,364, 21.1, 0.0376, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _tiles(overview: dict[str, Any]) -> list[tuple[str, str]]:
    tiles = [
        (said(overview["customers"]), "customers"),
        (said(overview["customers_with_purchases"]), "of them bought something"),
        (said(overview["articles"]), "articles"),
        (said(overview["articles_sold"]), "of them ever sold"),
        (said(overview["units"]), "units sold"),
    ]
    if overview["first_day"]:
        tiles.append((overview["first_day"], f"to {overview['last_day']}"))
    return tiles


def shop_parts(facts: dict[str, Any]) -> list[Part]:
    """Return the sections about the shop that its data allows."""
    makers = {
        "counts": _counts,
        "popular": _popular,
        "time": _time,
        "seasons": _seasons,
        "ages": _ages,
        "club": _club,
        "prices": _prices,
        "repeats": _repeats,
        "lifetimes": _lifetimes,
        "quality": _quality,
    }
    return [make(facts[name]) for name, make in makers.items() if name in facts]


def _counts(found: dict[str, Any]) -> Part:
    drawings, rows = [], [["", "mean", "sd", "median", "most"]]
    for name, label in (("customer", "per customer"), ("product", "per article")):
        one = found[name]
        bins: Rows = [
            {
                "bin": str(b["from"]) if b["from"] == b["to"] else f"{b['from']:,}–{b['to']:,}",
                "n": b["n"],
            }
            for b in one["bins"]
        ]
        drawings.append(
            charts.svg(
                charts.columns(bins, "bin", "n", f"Purchases {label}", x="purchases", y=f"{name}s")
            )
        )
        rows.append([label, one["mean"], one["sd"], one["median"], one["most"]])
    return Part(
        "How much is bought",
        [
            f"A customer who bought anything made {said(found['customer']['mean'])} purchases on "
            f"average, half of them {said(found['customer']['median'])} or fewer. Identical rows "
            "of the files are one purchase here, as they are one edge of the graph."
        ],
        drawings,
        [rows],
    )


def _popular(found: dict[str, Any]) -> Part:
    drawings = []
    for level, both in found.items():
        drawings.append(
            charts.svg(
                charts.bars(both["sales"], "name", "units", f"{level.capitalize()} by units sold")
            )
        )
        drawings.append(
            charts.svg(
                charts.bars(
                    both["catalogue"], "name", "articles", f"{level.capitalize()} by articles"
                )
            )
        )
    first = next(iter(found.values()))
    return Part(
        "What sells",
        [
            f"Most sold: {first['sales'][0]['name']}. What fills the catalogue is not always what "
            "fills the till: both orders stand side by side."
        ]
        if first["sales"]
        else [],
        drawings,
    )


def _time(found: dict[str, Any]) -> Part:
    weeks = [one for one in found["weeks"] if one["whole"]] or found["weeks"]
    best = max(weeks, key=lambda one: one["units"])
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    weekdays = [
        {"day": names[one["weekday"]], "units": one["units"] / one["days"]}
        for one in found["weekdays"]
    ]
    months = [
        {"month": f"{one['year']}-{one['month']:02}", "units": one["units"]}
        for one in found["months"]
    ]
    return Part(
        "When it sells",
        [
            f"The best week began on {best['monday']}: {said(best['units'])} units. "
            "Weeks that the data holds only in part are left out of the line."
        ],
        [
            charts.svg(charts.line(weeks, "monday", "units", "Units by week", y="units")),
            charts.svg(charts.columns(months, "month", "units", "By month", x="", y="units")),
            charts.svg(
                charts.columns(weekdays, "day", "units", "By weekday", x="", y="units a day")
            ),
        ],
    )


def _seasons(found: dict[str, Any]) -> Part:
    return Part(
        "Seasons",
        [
            f"Seasons are those of the northern year ({', '.join(SEASONS)}; winter is December to "
            "February). A mark far from the others of its line is a seasonal taste."
        ],
        [
            charts.svg(charts.by_season(rows, f"{title.capitalize()} by season"))
            for title, rows in found.items()
        ],
    )


def _ages(found: dict[str, Any]) -> Part:
    rows: list[list[Any]] = [
        ["age", "buys more than others", "share of the group's units", "times"]
    ]
    rows.extend(
        [one["group"], one["name"], f"{one['share']:.1%}", f"{one['lift']:.2f}"]
        for one in found["types"]
    )
    drawn = [
        charts.svg(
            charts.columns(found["histogram"], "age", "customers", "Customers by age", x="", y="")
        )
    ]
    return Part(
        "Ages",
        ["“Times” is how much larger the share is in the group than among all who buy."],
        drawn,
        [rows] if len(rows) > 1 else [],
    )


def _club(found: dict[str, Any]) -> Part:
    titles = {"club_member_status": "Club status", "fashion_news_frequency": "Fashion news"}
    tables = [
        [
            [title, "customers", "purchases each"],
            *([one["name"], one["customers"], one["purchases"]] for one in found[name]),
        ]
        for name, title in titles.items()
    ]
    return Part("Club and news", [], [], tables)


def _prices(found: dict[str, Any]) -> Part:
    bins = [{"bin": said(one["from"]), "units": one["units"]} for one in found["bins"]]
    drawings = [
        charts.svg(
            charts.columns(bins, "bin", "units", "Units by price", x="price, from", y="units")
        )
    ]
    if found["groups"]:
        drawings.append(
            charts.svg(
                charts.bars(found["groups"], "name", "price", "Mean price of a unit", axis="price")
            )
        )
    return Part(
        "Prices",
        [
            f"Mean price of a purchase {said(found['mean'])}, median {said(found['median'])}, in "
            "the unit of the shop's files. Bins grow by the same proportion."
        ],
        drawings,
    )


def _repeats(found: dict[str, Any]) -> Part:
    days = [
        {"days": "20+" if one["days"] == 20 else str(one["days"]), "customers": one["customers"]}
        for one in found["days_with_purchases"]
    ]
    drawn = charts.columns(
        days, "days", "customers", "Customers by days with a purchase", x="days", y="customers"
    )
    sentences = []
    if found["same_article"] is not None:
        sentences.append(
            f"{found['same_article']:.1%} of purchases are of an article that the customer had "
            "bought on an earlier day."
        )
    if found["other_of_product"] is not None:
        sentences.append(
            f"{found['other_of_product']:.1%} of a customer's articles are another colour of a "
            "product that the customer has."
        )
    return Part("Coming back", sentences, [charts.svg(drawn)])


def _lifetimes(found: dict[str, Any]) -> Part:
    short = sum(one["articles"] for one in found["weeks"] if one["weeks"] < 8)
    all_ = sum(one["articles"] for one in found["weeks"]) or 1
    fifth = next(one["units"] for one in found["concentration"] if one["articles"] == 0.2)
    return Part(
        "How long articles live",
        [
            f"{short / all_:.0%} of the articles sold for less than eight weeks from their first "
            f"sale to their last; the best-selling fifth makes {fifth:.0%} of the units."
        ],
        [
            charts.svg(
                charts.columns(
                    found["weeks"],
                    "weeks",
                    "articles",
                    "Articles by weeks from first to last sale",
                    x="weeks (104: two years and more)",
                    y="articles",
                )
            ),
            charts.svg(charts.concentration(found["concentration"], "Few articles, most sales")),
        ],
    )


def _quality(found: dict[str, Any]) -> Part:
    rows: list[list[Any]] = [
        ["", ""],
        ["customers without an age", found["customers_without_age"]],
        ["customers without a purchase", found["customers_without_purchase"]],
        ["articles never sold", found["articles_never_sold"]],
        *([f"articles without {name}", n] for name, n in found["articles_missing"].items() if n),
    ]
    tables = [rows]
    if found["rejects"]:
        tables.append(
            [
                ["file", "rejected because", "rows"],
                *([one["file"], one["reason"], one["rows"]] for one in found["rejects"]),
            ]
        )
    return Part("Quality of the data", found["lines"], [], tables)
