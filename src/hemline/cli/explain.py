"""`hemline explain`: why an article, as sentences, a picture, JSON, or queries that check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemline.cli.app import AsJson, Run, app
from hemline.cli.printing import print_json
from hemline.cli.progress import plain


@app.command()
def explain(
    run: Run,
    article: Annotated[str, typer.Option(help="Article id.", metavar="ID")],
    customer: Annotated[str | None, typer.Option(help="Customer id.", metavar="ID")] = None,
    basket: Annotated[
        list[str] | None,
        typer.Option(help="Article id of an anonymous basket; may be repeated.", metavar="ID"),
    ] = None,
    age: Annotated[float | None, typer.Option(help="Age of the basket's owner.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw it into this file, as SVG.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
    cypher: Annotated[
        bool, typer.Option("--cypher", help="Print the queries that check each number.")
    ] = False,
) -> None:
    """Explain why an article is recommended to a customer, or what would speak for it.

    Needs no graph; `--cypher` prints the queries that find every number in one.
    """
    from hemline.recommend.explanation_checks import cypher as checks
    from hemline.recommend.explanation_picture import picture as drawn
    from hemline.service import Recommender

    found = Recommender.open(run).explain(article, customer=customer, basket=basket, age=age)
    if picture is not None:
        picture.write_text(drawn(found), encoding="utf-8")
        plain(f"{picture}: drawn")
    if as_json:
        print_json(found.to_json())
    elif cypher:
        print(checks(found), end="")
    elif picture is None:
        for one in found.sentences:
            print(one)
