"""Leading zeros: given back where it is certain that they are missing, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hemline.shop.source import Shop


def ids(bench: Any) -> list[str]:
    return [one["article_id"] for one in bench.rows("articles")]


def frame(*columns: Any) -> pa.Table:
    names = ["customer_id", "article_id", "t_dat"]
    return pa.table(dict(zip(names, [*columns, ["2020-01-01"] * len(columns[0])], strict=True)))


def test_purchases_that_lost_zeros_get_them_back(bench: Any) -> None:
    text = bench.purchases.replace(",0", ",", 1).replace(",0100000002,", ",100000002,")
    plain = bench.ingest(bench.shop()) and bench.out
    summary = bench.ingest(bench.shop(text.replace(",.05", ",0.05")))
    bench.same(plain, bench.out)
    assert summary["purchases"]["article_ids_padded"] == 4
    assert "  4 article ids were given their leading zeros back" in summary["lines"]
    numbers = bench.table(
        bench.purchases, article_id=pa.int64(), price=pa.float64(), sales_channel_id=pa.int8()
    )
    articles, customers = bench.table(bench.articles), bench.table(bench.customers)
    for kind in (pa.int64(), pa.float64(), pa.decimal128(20, 0)):
        column = numbers.column("article_id").cast(kind)
        bench.ingest(Shop(numbers.set_column(2, "article_id", column), articles, customers))
        bench.same(plain, bench.out)


def test_an_id_that_is_unknown_with_its_zeros_too_is_rejected(bench: Any) -> None:
    bench.ingest(bench.shop(f"{bench.header}2020-01-01,a,0100000002,1,1\n2020-01-01,a,77,1,1\n"))
    assert bench.rejects()[0][1:] == (3, "unknown article", "2020-01-01,a,77,1,1")


def test_hm_tables_that_lost_all_zeros_are_known_by_their_product_codes(bench: Any) -> None:
    articles = pa.table({"article_id": [108775015, 959461001], "product_code": [108775, 959461]})
    summary = bench.ingest(Shop(frame(["a"], [108775015]), articles))
    assert ids(bench) == ["0108775015", "0959461001"]
    assert [one["product_code"] for one in bench.rows("articles")] == ["0108775", "0959461"]
    assert summary["articles"]["ids_padded"] == 2
    assert summary["purchases"]["article_ids_padded"] == 1


def test_ids_of_another_file_show_what_the_table_lost(bench: Any, tmp_path: Path) -> None:
    articles = pa.table({"article_id": [8775015, 959461001]})
    purchases = frame(["a", "a"], ["0008775015", "0959461001"])
    summary = bench.ingest(Shop(purchases, articles))
    assert ids(bench) == ["0008775015", "0959461001"]
    assert summary["purchases"]["article_ids_padded"] == 0
    both_lost = frame(["a"], [8775015])
    photos = tmp_path / "images" / "000"
    photos.mkdir(parents=True)
    (photos / "0008775015.jpg").touch()
    bench.ingest(Shop(both_lost, articles, images=tmp_path / "images"))
    assert ids(bench) == ["0008775015", "0959461001"]
    vectors = tmp_path / "vectors"
    vectors.mkdir()
    np.save(vectors / "vectors.npy", np.ones((1, 2), np.float32))
    (vectors / "article_ids.txt").write_text("0959461001\n")
    bench.ingest(Shop(both_lost, articles, vectors=vectors))
    assert ids(bench) == ["0008775015", "0959461001"]
    # photos of other articles prove nothing
    (vectors / "article_ids.txt").write_text("0000000001\n")
    bench.ingest(Shop(both_lost, articles, vectors=vectors))
    assert ids(bench) == ["8775015", "959461001"]


def test_a_table_that_lost_some_zeros_is_padded_to_its_longest(bench: Any) -> None:
    articles = pa.table({"article_id": ["0012", "0123", "45", "6789"]})
    summary = bench.ingest(Shop(frame(["a", "b"], ["45", "12"]), articles))
    assert ids(bench) == ["0012", "0045", "0123", "6789"]
    assert summary["articles"]["ids_padded"] == 1
    assert summary["purchases"]["article_ids_padded"] == 2


def test_numbers_of_different_lengths_stay_as_they_are(bench: Any) -> None:
    articles = pa.table({"article_id": [1, 2, 10, 300]})
    summary = bench.ingest(Shop(frame(["a", "b"], ["1", "300"]), articles))
    assert ids(bench) == ["1", "10", "2", "300"]
    assert summary["articles"]["ids_padded"] == 0


def test_ids_with_letters_stay_as_they_are(bench: Any) -> None:
    bench.ingest(Shop(frame(["a"], ["7"]), pa.table({"article_id": ["x007", "7"]})))
    assert ids(bench) == ["7", "x007"]


def test_customers_get_zeros_back_only_where_that_makes_them_known(bench: Any) -> None:
    customers = pa.table({"customer_id": ["0012", "0345"]})
    purchases = frame(["12", "345", "0012", "77", "x"], ["a"] * 5)
    summary = bench.ingest(Shop(purchases, customers=customers))
    assert [one["customer_id"] for one in bench.rows("customers")] == ["0012", "0345", "77", "x"]
    assert summary["purchases"]["customer_ids_padded"] == 2
    assert summary["purchases"]["customers_added"] == 2
    assert [one[0] for one in bench.bought()] == ["0012", "0345", "77", "x"]


def test_text_that_is_no_ascii_sorts_by_its_bytes(bench: Any) -> None:
    found = ["z", "é", "ß", "Z", "😀", "\uffee"]
    bench.ingest(Shop(frame(found, ["a"] * len(found))))
    wanted = sorted(found, key=str.encode)
    assert [one["customer_id"] for one in bench.rows("customers")] == wanted
