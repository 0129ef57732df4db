"""The H&M paper's experiment on the first 10,000 rows of the transactions: its tables and ours.

python benchmarks/paper.py --data DIR

What `hemline paper DIR/hm-first-10k` prints, kept as JSON.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from hemline.config import Config
from hemline.evaluate.paper import paper_experiment
from hemline.evaluate.paper_tables import PAPER_TABLE_3
from hemline.shop.first_rows import first_rows
from hemline.shop.ingest import ingest
from hemline.shop.source import Shop
from hemline.shop.tables import Tables
from record import record


def main() -> None:
    """Run the experiment and write results/paper.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with hm-first-10k/")
    shop = Shop.from_folder(parser.parse_args().data / "hm-first-10k")
    config = Config()
    with tempfile.TemporaryDirectory() as work:
        ingest(first_rows(shop, 20_000), config, Path(work) / "ingest")
        table, _ = paper_experiment(
            Tables.open(Path(work) / "ingest").histories, config,
            told=lambda name, epoch: print(name, epoch, flush=True),
        )  # fmt: skip
    content = table.to_json()
    models = {}
    for name, one in table.models.items():
        models[name] = {
            key: round(value, 5) for key, value in vars(one).items() if isinstance(value, float)
        }
        if one.epochs:
            models[name]["last_loss"] = round(one.epochs[-1][0], 5)
            seconds = sum(taken for _, taken in one.epochs) / len(one.epochs)
            models[name]["seconds_an_epoch"] = round(seconds, 3)
    kept = (
        "rows", "train_rows", "test_rows", "dropped_unknown", "dropped_bought", "n_test",
        "customers", "articles", "test_customers", "negatives_per_row", "constant_mae",
        "constant_rmse",
    )  # fmt: skip
    record(
        "paper",
        {
            **{name: content[name] for name in kept},
            "models": models,
            "test_rows_alone": content["test_rows_alone"]["drawing lots"],
            "paper": {**PAPER_TABLE_3, "fit_seconds": 486.4585, "predict_seconds": 0.0179},
        },
    )


if __name__ == "__main__":
    main()
