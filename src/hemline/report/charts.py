"""Charts as files: drawn here, with no browser and no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hemline.errors import ConfigError

if TYPE_CHECKING:
    import altair as alt

Format = Literal["svg", "png", "html", "json"]
FORMATS: tuple[Format, ...] = ("svg", "png", "html", "json")


def leaderboard_chart(content: dict[str, Any]) -> alt.LayerChart:
    """Draw a comparison: one bar a recipe, the mean MAP, with the standard deviation over folds.

    Parameters
    ----------
    content : dict
        What `Leaderboard.to_json` returns.
    """
    import altair as alt

    rows = [
        {
            "recipe": row["recipe"],
            "MAP": row["map"],
            "low": row["map"] - (row["map_sd"] or 0),
            "high": row["map"] + (row["map_sd"] or 0),
            "label": f"{row['map']:.4f}",
        }
        for row in content["rows"]
    ]
    base = alt.Chart(alt.InlineData(rows), title=content["title"]).encode(
        y=alt.Y("recipe:N", sort=[row["recipe"] for row in rows], title=None)
    )
    bars = base.mark_bar(color="#35618f", height=14).encode(
        x=alt.X("MAP:Q", title=f"MAP@{content['k']}", scale=alt.Scale(zero=True))
    )
    spread = base.mark_rule(color="#1b1b1b", strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
    text = base.mark_text(align="left", dx=6).encode(x="high:Q", text="label:N")
    drawn: alt.LayerChart = (bars + spread + text).properties(width=480, height=alt.Step(26))
    return drawn


def write_chart(chart: alt.TopLevelMixin, path: Path) -> None:
    """Write a chart as .svg, .png, .html (with its scripts inside) or .json (Vega-Lite).

    Raises
    ------
    ConfigError
        The file's name ends otherwise.
    """
    ending = path.suffix.lstrip(".").lower()
    for kind in FORMATS:
        if kind == ending:
            chart.save(path, format=kind, inline=kind == "html")
            return
    raise ConfigError(f"{path}: no kind of picture", hint=f".{', .'.join(FORMATS)}")
