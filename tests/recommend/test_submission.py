"""The Kaggle submission, written and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hemline.errors import DataError
from hemline.recommend import output
from hemline.recommend.bundle import Bundle
from hemline.recommend.output import recommend_all, write_recommendations
from hemline.recommend.submission import validate_submission, write_submission
from hemline.shop.ids import IdMap


@pytest.fixture(scope="module")
def table(cascade: Bundle, shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("out") / "recommendations.parquet"
    blocks = recommend_all(cascade, shop.histories, 12, as_of=shop.as_of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "GROUP", 70)
        write_recommendations(
            path, blocks, shop.customers, shop.articles, cascade.recipe.channel_names
        )
    return path


def test_a_line_for_every_customer(cascade: Bundle, shop: Any, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv"
    assert write_submission(table, shop.customers, out) == 300
    found = cascade.recommend(shop.histories, 12, as_of=shop.as_of).articles
    expected = ["customer_id,prediction"] + [
        f"{shop.customers.id(i)},{' '.join(shop.articles.strings(row))}"
        for i, row in enumerate(found)
    ]
    assert out.read_text().splitlines() == expected
    assert validate_submission(out, shop.customers, shop.articles) == 300


@pytest.mark.parametrize("size", [1, 5, 11, 13, 50, 100_000])
def test_row_groups_may_end_anywhere(shop: Any, table: Path, tmp_path: Path, size: int) -> None:
    """Other writers do not keep the rows of a customer together."""
    cut = tmp_path / "cut.parquet"
    some = pq.read_table(table).slice(0, 40 * 12)
    pq.write_table(some, cut, row_group_size=size)
    customers = IdMap.from_strings(shop.customers.strings()[:40], "customer")
    write_submission(table, customers, tmp_path / "one.csv")
    write_submission(cut, customers, tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()


def test_only_customers_of_the_table(shop: Any, table: Path, tmp_path: Path) -> None:
    listed = IdMap.from_strings(shop.customers.strings()[5:200:3], "customer")
    out = tmp_path / "submission.csv"
    assert write_submission(table, listed, out) == len(listed) == 65
    assert validate_submission(out, listed, shop.articles) == 65


def test_a_customer_without_recommendations(shop: Any, table: Path, tmp_path: Path) -> None:
    listed = IdMap.from_strings(["c001", "who"], "customer")
    with pytest.raises(DataError, match="nothing for 1 customers, the first of them 'who'"):
        write_submission(table, listed, tmp_path / "submission.csv")
    assert not (tmp_path / "submission.csv").exists()


def test_ids_with_commas_are_quoted(tmp_path: Path, cascade: Bundle, shop: Any) -> None:
    customers = IdMap.from_strings(['a,"b"', "b"], "customer")
    blocks = recommend_all(cascade, shop.histories.block(0, 2), 12, as_of=shop.as_of)
    path = tmp_path / "r.parquet"
    write_recommendations(path, blocks, customers, shop.articles, cascade.recipe.channel_names)
    write_submission(path, customers, tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text().splitlines()[1].startswith('"a,""b""",0')
    assert validate_submission(tmp_path / "s.csv", customers, shop.articles) == 2


CUSTOMERS = IdMap.from_strings(["ann", "bob"], "customer")
ARTICLES = IdMap.from_strings([f"0{one}" for one in range(10, 20)], "article")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "line 1: the header is None", "customer_id,prediction"),
        ("customer,prediction\n", "line 1: the header is", "customer_id,prediction"),
        ("ann,010 011\nbob\n", "line 3: 1 columns", "two"),
        ("ann,010 011\nbob,011 012,x\n", "line 3: 3 columns", "two"),
        ("ann,010 011\n", "1 customers are missing, the first of them 'bob'", "every customer"),
        ("ann,010 011\nann,012 013\nbob,010 011\n", "line 3: customer 'ann' for the second", "one"),
        ("ann,010 011\neve,012 013\n", "line 3: customer 'eve' is not known", "only"),
        ("ann,010\nbob,010 011\n", "line 2: 1 articles", "has 2"),
        ("ann,010 011 012\nbob,010 011\n", "line 2: 3 articles", "has 2"),
        ("ann,010 010\nbob,010 011\n", "line 2: only 1 different", "twice"),
        ("ann,10 11\nbob,010 011\n", "line 2: article '10' is not known", "did you mean '010'"),
        ("ann,010  011\nbob,010 011\n", "line 2: article '' is not known", "leading zeros"),
        ("ann,\nbob,010 011\n", "line 2: article '' is not known", "leading zeros"),
        ("ann,010 099\nbob,010 011\n", "line 2: article '099' is not known", "leading zeros"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = tmp_path / "submission.csv"
    header = "" if not text or text.startswith("customer") else "customer_id,prediction\n"
    path.write_text(header + text)
    with pytest.raises(DataError, match=message) as error:
        validate_submission(path, CUSTOMERS, ARTICLES, k=2)
    assert hint in error.value.hint


def test_a_good_submission_and_no_submission(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    with pytest.raises(DataError, match="cannot be read"):
        validate_submission(path, CUSTOMERS, ARTICLES, k=2)
    path.write_text("customer_id,prediction\nbob,011 010\nann,019 010\n")
    assert validate_submission(path, CUSTOMERS, ARTICLES, k=2) == 2
    path.write_bytes(b"customer_id,prediction\n\xff\xfe,011 010\n")
    with pytest.raises(DataError, match="cannot be read"):
        validate_submission(path, CUSTOMERS, ARTICLES, k=2)
