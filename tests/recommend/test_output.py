"""The Parquet file of everyone's recommendations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from hemline import schema
from hemline.errors import DataError
from hemline.recommend import output
from hemline.recommend.base import Recommendations
from hemline.recommend.bundle import Bundle
from hemline.recommend.output import recommend_all, write_recommendations
from hemline.shop.ids import IdMap


def write(path: Path, bundle: Bundle, shop: Any, *, threads: int = 1, block: int = 4096) -> Any:
    blocks = recommend_all(
        bundle, shop.histories, 12, as_of=shop.as_of, threads=threads, block=block
    )
    return write_recommendations(
        path, blocks, shop.customers, shop.articles, bundle.recipe.channel_names
    )


def test_the_table_holds_every_row_in_order(cascade: Bundle, shop: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "recommendations.parquet"
    summary = write(path, cascade, shop)
    table = schema.read(path, schema.RECOMMENDATIONS)
    assert table.schema.equals(schema.RECOMMENDATIONS)
    found = cascade.recommend(shop.histories, 12, as_of=shop.as_of)
    assert table.num_rows == 300 * 12
    assert table["customer_id"].to_pylist() == np.repeat(shop.customers.strings(), 12).tolist()
    assert table["rank"].to_pylist() == list(range(1, 13)) * 300
    assert table["article_id"].to_pylist() == shop.articles.strings(found.articles.ravel())
    np.testing.assert_array_equal(table["score"].to_numpy(), found.scores.ravel())
    names = cascade.recipe.channel_names
    assert table["channel"].to_pylist() == [names[one] for one in found.channels.ravel()]
    assert summary["customers"] == 300
    assert summary["rows"] == 3600
    assert summary["customers_short"] == 0
    assert summary["rows_by_channel"]["popular"] == int((found.channels == 4).sum())


def test_bytes_do_not_depend_on_threads_or_blocks(
    cascade: Bundle, shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "GROUP", 64)  # several row groups, not at the blocks' bounds
    written = []
    for threads, block in ((1, 300), (2, 7), (2, 100)):
        path = tmp_path / f"{threads}-{block}.parquet"
        write(path, cascade, shop, threads=threads, block=block)
        written.append(path.read_bytes())
    assert pq.ParquetFile(path).num_row_groups == 5
    assert written[0] == written[1] == written[2]


def test_rows_with_fewer_are_written_as_they_are(tmp_path: Path) -> None:
    customers = IdMap.from_strings(["a", "b", "c"], "customer")
    articles = IdMap.from_strings(["01", "02"], "article")
    found = Recommendations(
        np.array([[1, 0, -1], [-1, -1, -1], [0, -1, -1]], np.int32),
        np.array([[2, 1, -np.inf], [-np.inf] * 3, [1, -np.inf, -np.inf]], np.float32),
        np.array([[0, 1, -1], [-1, -1, -1], [1, -1, -1]], np.int8),
    )
    path = tmp_path / "few.parquet"
    summary = write_recommendations(path, [found], customers, articles, ["x", "y"])
    assert summary == {
        "customers": 3,
        "rows": 3,
        "rows_by_channel": {"x": 1, "y": 2},
        "customers_short": 3,
    }
    assert pq.read_table(path).to_pylist() == [
        {"customer_id": "a", "rank": 1, "article_id": "02", "score": 2.0, "channel": "x"},
        {"customer_id": "a", "rank": 2, "article_id": "01", "score": 1.0, "channel": "y"},
        {"customer_id": "c", "rank": 1, "article_id": "01", "score": 1.0, "channel": "y"},
    ]


def test_no_customer_at_all(cascade: Bundle, shop: Any, tmp_path: Path) -> None:
    nobody = IdMap(np.zeros(0, "S1"), "customer")
    blocks = recommend_all(cascade, shop.histories.block(0, 0), 12, as_of=shop.as_of)
    names = cascade.recipe.channel_names
    summary = write_recommendations(tmp_path / "none", blocks, nobody, shop.articles, names)
    assert summary["rows"] == 0
    assert schema.read(tmp_path / "none", schema.RECOMMENDATIONS).num_rows == 0


@pytest.mark.parametrize("n", [299, 301])
def test_ids_must_fit(cascade: Bundle, shop: Any, tmp_path: Path, n: int) -> None:
    ids = IdMap.from_strings([f"c{one:03}" for one in range(n)], "customer")
    blocks = recommend_all(cascade, shop.histories, 12, as_of=shop.as_of)
    with pytest.raises(DataError, match=f"{n} ids"):
        write_recommendations(
            tmp_path / "r", blocks, ids, shop.articles, cascade.recipe.channel_names
        )
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_former_file(cascade: Bundle, shop: Any, tmp_path: Path) -> None:
    path = tmp_path / "recommendations.parquet"
    write(path, cascade, shop)
    before = path.read_bytes()

    def failing() -> Iterator[Recommendations]:
        yield cascade.recommend(shop.histories.block(0, 100), 12, as_of=shop.as_of)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_recommendations(
            path, failing(), shop.customers, shop.articles, cascade.recipe.channel_names
        )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_progress_counts_customers(cascade: Bundle, shop: Any) -> None:
    told: list[tuple[int, int]] = []
    blocks = recommend_all(
        cascade, shop.histories, 12, as_of=shop.as_of, threads=2, block=128,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert [len(one) for one in blocks] == [128, 128, 44]
    assert told == [(0, 300), (128, 300), (256, 300), (300, 300)]
