"""What a shop will take before anything is run."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hemline.cli.app import AsJson, app
from hemline.cli.printing import print_json
from hemline.cli.progress import plain, seconds


@app.command()
def plan(
    customers: Annotated[int, typer.Option(help="Rows of the customer table.", metavar="N")],
    articles: Annotated[int, typer.Option(help="Rows of the product table.", metavar="M")],
    purchases: Annotated[int, typer.Option(help="Rows of the purchases.", metavar="P")],
    executors: Annotated[
        int, typer.Option(help="Also on so many Spark executors.", metavar="n")
    ] = 0,
    recipe: Annotated[str, typer.Option(help="A recipe's name.")] = "cascade",
    vectors: Annotated[
        int, typer.Option(help="Numbers in the vector of a photo; 0: no photos.", metavar="D")
    ] = 2048,
    trained_on: Annotated[
        int, typer.Option(help="als.max_customers; 0: train on all.", metavar="N")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what memory, time and disk a shop will take, here and on a cluster."""
    from hemline.planning import Cost, Sizes
    from hemline.planning import plan as planned
    from hemline.planning.estimate import total

    sizes = Sizes(customers, articles, purchases, dimensions=vectors, trained_on=trained_on)
    found = planned(sizes, recipe, executors)
    if as_json:
        print_json(found.to_json())
        return
    table = Table(box=None, pad_edge=False)
    names = ["time", "memory", "disk", "spill"]
    names += [f"time on {executors}", "each"] if found.there else []
    for name in ("stage", *names):
        table.add_column(name, justify="left" if name == "stage" else "right", no_wrap=True)

    def row(here: Cost, there: Cost | None) -> None:
        cells = [seconds(here.seconds)]
        cells += [_gib(one) for one in (here.peak_gib, here.disk_gib, here.spill_gib)]
        cells += [seconds(there.seconds), _gib(there.peak_gib)] if there else []
        table.add_row(here.stage, *cells)

    there = found.there or (None,) * len(found.here)
    for one, other in zip(found.here, there, strict=True):
        row(one, other)
    row(total(found.here), total(found.there) if found.there else None)
    Console().print(table)
    machine = found.machine
    plain(
        f"fitted to what {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB took on {found.measured}: within {found.within:.0%} of it; "
        "another machine differs"
    )
    if total(found.here).peak_gib > machine["memory_gib"]:
        plain(f"one such machine has too little memory: {machine['memory_gib']} GiB")
    if found.there:
        plain(_verdict(executors, found.spark_pays_from, customers))


def _verdict(executors: int, pays_from: float | None, customers: int) -> str:
    size = f"{executors} executor" + ("s" if executors > 1 else "")
    if pays_from is None:
        return f"Spark on {size} is not faster than one machine at any size"
    said = f"Spark on {size} is faster from {pays_from:,.3g} million such customers on"
    return said + ("" if customers >= pays_from * 1e6 else ": not for this shop")


def _gib(value: float) -> str:
    return f"{value:,.1f} GiB" if value >= 0.05 else "-"
