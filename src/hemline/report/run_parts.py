"""The sections of a report about a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hemline.report import shop_charts as charts
from hemline.report.charts import leaderboard_chart
from hemline.report.page import Part


def run_parts(found: dict[str, Any]) -> list[Part]:
    """Return the sections for what a run holds."""
    makers: dict[str, Callable[[Any, dict[str, Any]], Part]] = {
        "backtest": _backtest,
        "recommendations": _recommendations,
        "importance": _importance,
        "channels": _channels,
        "comparison": _comparison,
    }
    return [make(found[name], found) for name, make in makers.items() if name in found]


def _backtest(backtest: dict[str, Any], found: dict[str, Any]) -> Part:
    rows = [
        {"recipe": row["recipe"], "segment": row["segment"], "map": row["map"]}
        for row in backtest["rows"]
    ]
    whole = [row for row in rows if row["segment"] == "all"]
    of_recipe = [
        row for row in rows if row["recipe"] == backtest["recipe"] and row["segment"] != "all"
    ]
    drawings = [charts.svg(charts.bars(whole, "recipe", "map", f"MAP@{backtest['k']}", axis="MAP"))]
    if of_recipe:
        title = f"{backtest['recipe']}: by days since the last purchase"
        drawings.append(charts.svg(charts.bars(of_recipe, "segment", "map", title, axis="MAP")))
    return Part("Backtest", [backtest["title"] + "."], drawings, [_four(backtest["table"])])


def _four(table: list[list[Any]]) -> list[list[Any]]:
    return [[f"{one:.4f}" if isinstance(one, float) else one for one in row] for row in table]


def _recommendations(recommended: dict[str, Any], found: dict[str, Any]) -> Part:
    rows = [
        {"places": label, "channel": one["channel"], "n": one["n"]}
        for label, key in (("all places", "by_channel"), ("first place", "first_by_channel"))
        for one in recommended[key]
    ]
    most: list[list[Any]] = [["most recommended", "times", "share of all places"]]
    most.extend([one["article_id"], one["n"], f"{one['share']:.2%}"] for one in recommended["most"])
    return Part(
        "What is recommended",
        [
            f"{recommended['rows']:,} places, {found['k']} a customer, by the recipe "
            f"{found['recipe']}. {recommended['articles']:,} different articles are recommended to "
            f"someone: {recommended['coverage']:.1%} of the catalogue.",
            "The bars show which channel put an article on its place.",
        ],
        [charts.svg(charts.stacked(rows, "places", "channel", "n", "Places by channel"))],
        [most],
    )


def _importance(importance: list[dict[str, Any]], found: dict[str, Any]) -> Part:
    rows = sorted(importance, key=lambda one: (-one["gain"], one["feature"]))[:25]
    return Part(
        "What the ranker looks at",
        ["Share of the total gain of the trees' splits that used a feature."],
        [charts.svg(charts.bars(rows, "feature", "gain", "Gain by feature", share=True))],
    )


def _channels(report: dict[str, Any], found: dict[str, Any]) -> Part:
    rows = [
        {"channel": one["channel"], "part": part, "share": one[key]}
        for one in report["channels"]
        for part, key in (("recall", "recall"), ("of it, by this channel alone", "unique"))
    ]
    drawn = charts.pairs(rows, "channel", "part", "share", "Recall of the channels")
    table: list[list[Any]] = [["channel", "rows a customer", "recall", "unique", "precision"]]
    table.extend(
        [
            one["channel"],
            one["rows"],
            f"{one['recall']:.2%}",
            "–" if one["unique"] is None else f"{one['unique']:.2%}",
            f"{one['precision']:.3%}",
        ]
        for one in (*report["channels"], report["all"])
    )
    return Part(
        "Channels",
        [
            f"{report['first_day']} to {report['last_day']}: {report['customers']:,} customers "
            f"bought {report['bought']:,} articles. Recall is the share of these that a channel "
            "proposed."
        ],
        [charts.svg(drawn)],
        [table],
    )


def _comparison(board: dict[str, Any], found: dict[str, Any]) -> Part:
    return Part(
        "Comparison",
        [board["title"] + "."],
        [charts.svg(leaderboard_chart(board))],
        [_four(board["table"]), _four(board["segment_table"])],
    )
