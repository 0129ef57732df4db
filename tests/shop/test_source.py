"""Finding a shop's files, and noticing when they have changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hemline.config import Ingest
from hemline.shop.source import Shop, fingerprint


def test_the_kaggle_layout_is_found(bench: Any) -> None:
    folder = bench.shop()
    assert Shop.from_folder(folder).images is None
    for name in ("images", "vectors", "photos"):
        (folder / name).mkdir()
    shop = Shop.from_folder(str(folder))
    assert shop.purchases == folder / "transactions_train.csv"
    assert shop.articles == folder / "articles.csv"
    assert shop.customers == folder / "customers.csv"
    assert (shop.images, shop.vectors) == (folder / "images", folder / "vectors")
    assert Shop.from_folder(folder, Ingest(images="photos")).images == folder / "photos"


def test_files_are_told_by_path_size_and_time(bench: Any) -> None:
    folder = bench.shop()
    first = fingerprint(Shop.from_folder(folder))
    assert first == fingerprint(Shop.from_folder(folder))
    assert json.loads(json.dumps(first)) == first
    (folder / "articles.csv").write_text(bench.articles)
    os.utime(folder / "articles.csv", ns=(1, 1))
    assert fingerprint(Shop.from_folder(folder)) != first
    (folder / "customers.csv").unlink()
    assert fingerprint(Shop.from_folder(folder))["customers"] is None


def test_frames_are_told_by_their_values(bench: Any, tmp_path: Path) -> None:
    table = bench.table(bench.purchases)
    first = fingerprint(Shop(table))
    assert fingerprint(Shop(bench.table(bench.purchases))) == first
    assert fingerprint(Shop(table.slice(1))) != first
    frame = table.to_pandas()
    assert fingerprint(Shop(frame)) == fingerprint(Shop(pd.DataFrame(frame)))
    pq.write_table(table, tmp_path / "a.parquet")
    one = fingerprint(Shop(tmp_path))
    pq.write_table(pa.concat_tables([table, table]), tmp_path / "b.parquet")
    assert fingerprint(Shop(tmp_path)) != one
