"""The talk's table: precision@5 of ALS by confidence weights, without and with its leak.

    python benchmarks/talk_table.py --data DIR [--min-article N]

DIR holds `hm-sample/` in the Kaggle layout: 1,364 customers of H&M. So few leave nothing of
the talk's 5/5 k-core, which is why an article needs 2 customers here unless N says otherwise.
The talk's own dates for its weights are used. Informational: there is no bar.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from hemline.blocks import silent
from hemline.config import Config
from hemline.evaluate.holdout import TALK_WEIGHTS, talk_table
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Tables
from record import record


def main() -> None:
    """Ingest, make the table, print it and write results/talk_table.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with hm-sample/")
    parser.add_argument("--min-article", type=int, default=2)
    chosen = parser.parse_args()
    config = Config.of({"als": {"min_article": chosen.min_article}})
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.from_folder(chosen.data / "hm-sample", config.ingest)
        ingest(shop, config, Path(folder), silent)
        histories = Tables.open(Path(folder)).histories
        started = time.perf_counter()
        found = talk_table(histories, config, weights=TALK_WEIGHTS)
        seconds = time.perf_counter() - started
    for part in found.parts:
        print(part.title)
        for label, *values in part.table():
            cells = (f"{one:.1%}" if isinstance(one, float) else one for one in values)
            print(f"  {label:<50}" + "".join(f"{one:>10}" for one in cells))
        print(f"  {part.note}\n")
    record(
        "talk_table",
        {
            "shop": "hm-sample",
            "k_core": f"{config.als.min_customer}/{config.als.min_article}",
            "repeats": found.repeats,
            "customers": found.customers,
            "articles": found.articles,
            "factors": config.als.factors,
            "seconds": round(seconds, 1),
            **{
                part.name: {kind: one.plain() for kind, one in part.precision.items()}
                for part in found.parts
            },
        },
    )


if __name__ == "__main__":
    main()
