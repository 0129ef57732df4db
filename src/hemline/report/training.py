"""How a model was trained, as pictures: loss, and recall beside accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemline.models.neural import Neural
from hemline.report.charts import write_chart

if TYPE_CHECKING:
    import altair as alt

_POINTS = 2000


def loss_chart(model: Neural[Any], title: str) -> alt.LayerChart:
    """Draw the loss of each step, and its mean of each epoch over it: the paper's figure 4."""
    import altair as alt

    steps = np.asarray(model.batch_loss_, np.float64)
    epochs = np.asarray(model.epoch_loss_, np.float64)
    width = max(-(-len(steps) // _POINTS), 1)
    # many steps are drawn as means, so that the picture stays small
    thin = [float(steps[low : low + width].mean()) for low in range(0, len(steps), width)]
    by_step = [{"step": at * width + 1, "loss": one} for at, one in enumerate(thin)]
    each = len(steps) / len(epochs)
    by_epoch = [{"step": (at + 0.5) * each, "loss": float(one)} for at, one in enumerate(epochs)]
    axis = alt.X("step:Q", title="batch")
    loss = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False))
    line = alt.Chart(alt.InlineData(by_step), title=title).mark_line(color="#9db8d3", strokeWidth=1)
    means = alt.Chart(alt.InlineData(by_epoch)).mark_line(
        color="#35618f", point=alt.OverlayMarkDef(color="#35618f", size=25)
    )
    drawn: alt.LayerChart = (line.encode(x=axis, y=loss) + means.encode(x=axis, y=loss)).properties(
        width=520, height=260
    )
    return drawn


def recall_chart(model: Neural[Any], title: str) -> alt.Chart:
    """Draw recall and accuracy of each epoch: the paper's figure 5."""
    import altair as alt

    rows = [
        {"epoch": at + 1, "value": float(value), "figure": name}
        for name, values in (
            (f"recall@{model.settings.k}", model.epoch_recall_),  # type: ignore[attr-defined]
            ("accuracy", model.epoch_accuracy_),  # type: ignore[attr-defined]
        )
        for at, value in enumerate(np.asarray(values))
    ]
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(rows), title=title)
        .mark_line(point=alt.OverlayMarkDef(size=25))
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("figure:N", title=None, scale=alt.Scale(range=["#c2553f", "#35618f"])),
        )
        .properties(width=520, height=260)
    )
    return drawn


def draw_training(
    model: Neural[Any], folder: Path, *, name: str = "", title: str = "", ending: str = ".svg"
) -> list[Path]:
    """Write loss and, where the model has recorded them, recall and accuracy as pictures.

    Parameters
    ----------
    model : Neural
        Fitted, or loaded from a file.
    folder : Path
        Made where it is not there.
    name : str
        In front of the files' names; the model's own name when empty.
    title : str
        The model's own name when empty.
    ending : str
        .svg, .png, .html or .json.

    Returns
    -------
    list of Path
        NAME-loss.svg, and NAME-recall.svg for models that record recall.
    """
    model.check_fitted()
    folder.mkdir(parents=True, exist_ok=True)
    name, title = name or model.name, title or model.name
    charts: dict[str, Any] = {"loss": loss_chart(model, f"{title}: loss by batch and epoch")}
    if "epoch_recall_" in model.fitted:
        share = model.settings.validation
        where = f"{share:.0%} of the pairs, held out" if share else "the pairs trained on"
        charts["recall"] = recall_chart(model, f"{title}: recall and accuracy on {where}")
    written = []
    for kind, chart in charts.items():
        path = folder / f"{name}-{kind}{ending}"
        write_chart(chart, path)
        written.append(path)
    return written
