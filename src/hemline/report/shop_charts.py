"""The charts of a report: from plain values to Vega-Lite, drawn as SVG without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemline.report.facts import SEASONS, Rows

if TYPE_CHECKING:
    import altair as alt

ACCENT = "#3b78b4"
SECOND = "#c8743a"
WIDTH = 330
_SEASON_COLOURS = ("#5b8db8", "#6fa55c", "#d9a441", "#b0603f")
_GREY = "#7f7f7f"
"""Readable on a light page and on a dark one, as are all colours here."""


def svg(chart: alt.TopLevelMixin) -> str:
    """Draw a chart as one `<svg>` element."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(_styled(chart).to_dict())
    return drawn


def _styled(chart: Any) -> Any:
    return (
        chart.configure(background="transparent", font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_GREY,
            titleColor=_GREY,
            gridColor=_GREY,
            gridOpacity=0.2,
            domainColor=_GREY,
            tickColor=_GREY,
            titleFontWeight="normal",
            labelLimit=220,
        )
        .configure_title(color=_GREY, anchor="start", fontSize=13, fontWeight="normal")
        .configure_legend(labelColor=_GREY, titleColor=_GREY)
    )


def bars(
    rows: Rows, name: str, value: str, title: str, *, axis: str | None = None, share: bool = False
) -> alt.Chart:
    """Draw one horizontal bar a row, in the order given."""
    import altair as alt

    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), title=title, width=WIDTH, height=alt.Step(20))
        .mark_bar(color=ACCENT, height={"band": 0.75})
        .encode(
            y=alt.Y(f"{name}:N", sort=None, title=None),
            x=alt.X(
                f"{value}:Q", title=axis, axis=alt.Axis(format="%" if share else "~s", tickCount=5)
            ),
        )
    )
    return drawn


def columns(
    rows: Rows, place: str, value: str, title: str, *, x: str, y: str, log: bool = False
) -> alt.Chart:
    """Draw one column a row, in the order given; `place` names the columns."""
    import altair as alt

    scale = alt.Scale(type="log") if log else alt.Scale(zero=True)
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), title=title, width=WIDTH, height=180)
        .mark_bar(color=ACCENT)
        .encode(
            x=alt.X(
                f"{place}:O", sort=None, title=x, axis=alt.Axis(labelOverlap=True, labelAngle=0)
            ),
            y=alt.Y(f"{value}:Q", title=y, scale=scale, axis=alt.Axis(format="~s", tickCount=5)),
        )
    )
    return drawn


def line(rows: Rows, day: str, value: str, title: str, *, y: str) -> alt.Chart:
    """Draw a line over days, given as text like 2020-09-22."""
    import altair as alt

    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), title=title, width=2 * WIDTH, height=200)
        .mark_area(line={"color": ACCENT}, color=ACCENT, opacity=0.3)
        .encode(
            x=alt.X(f"{day}:T", title=None),
            y=alt.Y(f"{value}:Q", title=y, axis=alt.Axis(format="~s", tickCount=5)),
        )
    )
    return drawn


def by_season(rows: Rows, title: str) -> alt.Chart:
    """Draw what share of each season's sales a name has: a mark for each season on one line."""
    import altair as alt

    names = list(dict.fromkeys(row["name"] for row in rows))
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), title=title, width=WIDTH, height=alt.Step(20))
        .mark_point(filled=True, size=70, opacity=0.9)
        .encode(
            y=alt.Y("name:N", sort=names, title=None),
            x=alt.X("share:Q", title="share of the season's units", axis=alt.Axis(format="%")),
            color=alt.Color(
                "season:N",
                sort=list(SEASONS),
                scale=alt.Scale(domain=list(SEASONS), range=list(_SEASON_COLOURS)),
                title=None,
            ),
            shape=alt.Shape("season:N", sort=list(SEASONS), scale=alt.Scale(domain=list(SEASONS))),
        )
    )
    return drawn


def concentration(rows: Rows, title: str) -> alt.Chart:
    """Draw which share of the sales the best-selling articles make."""
    import altair as alt

    points = [{"articles": 0.0, "units": 0.0}, *rows]
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(points), title=title, width=WIDTH, height=200)
        .mark_line(color=ACCENT, point={"color": ACCENT})
        .encode(
            x=alt.X(
                "articles:Q",
                title="share of the articles sold, the best-selling first",
                axis=alt.Axis(format="%"),
            ),
            y=alt.Y("units:Q", title="share of the units", axis=alt.Axis(format="%")),
        )
    )
    return drawn


def stacked(rows: Rows, name: str, part: str, value: str, title: str) -> alt.Chart:
    """Draw one bar a name, parted into shares that add up to one."""
    import altair as alt

    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), title=title, width=2 * WIDTH, height=alt.Step(26))
        .mark_bar(height={"band": 0.75})
        .encode(
            y=alt.Y(f"{name}:N", sort=None, title=None),
            x=alt.X(
                f"{value}:Q", stack="normalize", title=None, axis=alt.Axis(format="%", tickCount=5)
            ),
            color=alt.Color(
                f"{part}:N", sort=None, scale=alt.Scale(scheme="tableau10"), title=None
            ),
        )
    )
    return drawn


def pairs(rows: Rows, name: str, part: str, value: str, title: str) -> alt.LayerChart:
    """Draw two bars on one line a name: the whole, and a part of it over it."""
    import altair as alt

    parts = list(dict.fromkeys(row[part] for row in rows))
    drawn: Any = alt.layer(
        *(
            alt.Chart(alt.InlineData([row for row in rows if row[part] == one]))
            .mark_bar(color=colour, height={"band": height})
            .encode(
                y=alt.Y(f"{name}:N", sort=None, title=None),
                x=alt.X(f"{value}:Q", title=None, axis=alt.Axis(format="%", tickCount=5)),
            )
            for one, colour, height in zip(parts, (ACCENT, SECOND), (0.75, 0.35), strict=False)
        ),
        title=alt.TitleParams(title, subtitle=f"thick: {parts[0]}; thin: {parts[-1]}"),
    )
    found: alt.LayerChart = drawn.properties(width=WIDTH, height=alt.Step(22))
    return found
