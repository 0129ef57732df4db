"""New files merged into tables give what reading old and new files together gives."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hemline import schema
from hemline.config import Config
from hemline.errors import ConfigError, DataError, EmptyTableError, TooManyRejectsError
from hemline.shop.addition import Addition, digest_of, find_addition, keep, label_of
from hemline.shop.ids import IdMap
from hemline.shop.ingest import ingest
from hemline.shop.known import Known
from hemline.shop.merged_rows import Merging, batch_of, joined, ordered, rows_of
from hemline.shop.merging import CONCERNED, merge
from hemline.shop.source import Shop
from hemline.shop.tables import Tables

HEADS = {
    "articles": "article_id,product_code,prod_name",
    "customers": "customer_id,FN,Active,club_member_status,age",
    "purchases": "t_dat,customer_id,article_id,price,sales_channel_id",
}
Parts = dict[str, list[list[str]]]
"""For each table the lines of the shop's own file, then those of every addition."""

CONFIG = Config.of({"threads": 1, "ingest": {"max_reject_share": 1.0}})


class Shops:
    """Writes parts of a shop and the whole of it, and merges the one and ingests the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def fresh(self) -> Path:
        self.count += 1
        return self.folder / str(self.count)

    def shop(self, lines: dict[str, list[str]]) -> Shop:
        folder = self.fresh()
        folder.mkdir(parents=True)
        found = {}
        for name, rows in lines.items():
            if rows or name == "purchases":
                found[name] = folder / f"{name}.csv"
                found[name].write_text("\n".join([HEADS[name], *rows]) + "\n")
        return Shop(**found)

    def part(self, parts: Parts, at: int) -> Shop:
        return self.shop({name: every[at] for name, every in parts.items()})

    def whole(self, parts: Parts, upto: int | None = None) -> Path:
        joined = {
            name: [row for one in every[:upto] for row in one] for name, every in parts.items()
        }
        out = self.fresh()
        ingest(self.shop(joined), CONFIG, out)
        return out

    def additions(self, parts: Parts, accepted: bool = True) -> list[Addition]:
        found = []
        for at in range(1, len(parts["purchases"])):
            shop = self.part(parts, at)
            found.append(Addition(digest_of(shop), at, label_of(shop), shop, accepted=accepted))
        return found

    def merged(self, before: Path, additions: list[Addition], config: Config = CONFIG) -> Path:
        out = self.fresh()
        merge(before, additions, config, out)
        return out


@pytest.fixture
def shops(tmp_path: Path) -> Shops:
    return Shops(tmp_path)


def same(one: Path, other: Path, *, but: tuple[str, ...] = ()) -> None:
    """Assert that two folders hold the same bytes, but for how the files were called."""
    names = {str(file.relative_to(one)) for file in one.rglob("*.*")} - {CONCERNED}
    assert names == {str(file.relative_to(other)) for file in other.rglob("*.*")} - {CONCERNED}
    for name in sorted(names - {"ingest.json", "rejects.parquet"}):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    rejects = [
        Counter(
            tuple(value for name, value in row.items() if name not in ("file", "line"))
            for row in pq.read_table(at / "rejects.parquet").to_pylist()
        )
        for at in (one, other)
    ]
    assert rejects[0] == rejects[1]
    first, second = (counts(at) for at in (one, other))
    for found in (first, second):
        for name in but:
            found.get("customers", {}).pop(name, None)
    assert first == second


def counts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "ingest.json").read_text())
    found.pop("update", None)
    for name in ("articles", "customers", "purchases"):
        found.get(name, {}).pop("source", None)
    return found


ARTICLES = [f"{one:010d}" for one in (11, 108775015, 120, 2000000001, 35, 4, 900000009)]
CUSTOMERS = ["aa", "b", "bb", "c1", "c2", "ccc", "zz"]


@st.composite
def parts(draw: st.DrawFn) -> Parts:
    """A shop that comes in parts: an article may be bought before it is listed."""
    n = draw(st.integers(1, 3))
    listed: Parts = {
        "articles": [[] for _ in range(n + 1)],
        "customers": [[] for _ in range(n + 1)],
    }
    first: dict[str, int] = {}
    for one in ARTICLES[:-1]:
        first[one] = 0 if one == ARTICLES[3] else draw(st.integers(0, n))
        name = draw(st.sampled_from(["shirt", "", "coat"]))
        listed["articles"][first[one]].append(f"{one},{one[:7]},{name}")
    for one in CUSTOMERS:
        part = 0 if one == "bb" else draw(st.integers(0, n + 1))
        if part <= n:
            row = draw(st.sampled_from([",,,", "1.0,,ACTIVE,33", ",1.0,PRE-CREATE,200", "x,,,24"]))
            listed["customers"][part].append(f"{one},{row}")
    rows: list[list[str]] = [["2020-09-01,bb,2000000001,0.01,2"]]
    for part in range(n + 1):
        known = [one for one in ARTICLES[:-1] if first[one] <= part]
        anything = [*ARTICLES[:-1], *(one.lstrip("0") for one in ARTICLES[:-1])]
        purchase = st.builds(
            "{},{},{},{},{}".format,
            st.sampled_from(["2020-09-01", "2020-09-02", "2020-08-30", "never"]),
            st.sampled_from([*CUSTOMERS, "new", ""]),
            st.sampled_from([*anything, ARTICLES[-1], "unknown"]),
            st.sampled_from(["", "0.01", "0.5", "-1"]),
            st.sampled_from(["", "1", "2", "x"]),
        )
        drawn = draw(st.lists(purchase, min_size=0, max_size=12))
        if part:
            drawn.append(f"2020-09-0{part},{draw(st.sampled_from(CUSTOMERS))},{known[0]},0.02,1")
            rows.append(drawn)
        else:
            rows[0] += drawn
    return {**listed, "purchases": rows}


@settings(
    max_examples=8,
    phases=[Phase.generate],  # an example takes seconds
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(parts=parts())
def test_a_merge_equals_a_rebuild(parts: Parts, tmp_path: Path) -> None:
    shops = Shops(tmp_path / str(len(list(tmp_path.iterdir()))))
    base, whole = shops.whole(parts, 1), shops.whole(parts)
    additions = shops.additions(parts)
    together = shops.merged(base, additions)
    same(together, whole)
    for one in additions:
        base = shops.merged(base, [one])
    same(base, whole)
    assert (base / CONCERNED).read_bytes() == (together / CONCERNED).read_bytes()


WAITS: Parts = {
    "articles": [
        ["0000000001,0000000,coat"],
        ["0000000002,0000000,hat"],
        ["0000000003,0000000,cap", "0000000004,0000000,tie"],
    ],
    "customers": [["b,,,,30"], [], []],
    "purchases": [
        [
            "2020-09-01,b,0000000001,0.1,1",
            "2020-09-01,b,0000000002,0.2,2",
            "2020-09-01,b,0000000002,0.2,2",
            "2020-09-01,a,3,,",  # a customer whom nobody knows as long as nothing lists the article
            "2020-09-01,b,0000000009,0.1,1",
        ],
        ["2020-09-02,c,0000000004,0.4,1", "2020-09-02,b,0000000001,0.1,1"],
        ["2020-09-03,b,0000000001,0.1,1"],
    ],
}


def test_purchases_that_waited_for_their_article_are_taken(shops: Shops) -> None:
    base, whole = shops.whole(WAITS, 1), shops.whole(WAITS)
    rejects = pq.read_table(base / "rejects.parquet").to_pylist()
    assert {one["article_id"] for one in rejects} == {"0000000002", "3", "0000000009"}
    first, second = shops.additions(WAITS)
    one = shops.merged(base, [first])
    assert Tables.open(one).summary["update"]["readmitted"] == 2
    assert Tables.open(one).customer_ids.strings(np.load(one / CONCERNED)) == ["b"]
    same(one, shops.whole(WAITS, 2))
    two = shops.merged(one, [second])
    told = Tables.open(two).summary
    assert told["update"]["readmitted"] == 2
    assert Tables.open(two).customer_ids.strings(np.load(two / CONCERNED)) == ["a", "b", "c"]
    assert told["purchases"]["rejects"] == {"unknown article": 1}
    assert told["purchases"]["article_ids_padded"] == 1
    same(two, whole)
    same(shops.merged(base, [first, second]), whole)


def test_what_waits_is_not_delivered_again_with_its_article(shops: Shops) -> None:
    again: Parts = {**WAITS, "purchases": [WAITS["purchases"][0], WAITS["purchases"][0][:3], []]}
    base = shops.whole(again, 1)
    with pytest.raises(DataError, match="already, 1 of them waiting for articles") as raised:
        shops.merged(base, shops.additions(again, accepted=False)[:1])
    assert "any purchases that the articles come with" in str(raised.value.hint)
    out = shops.merged(base, shops.additions(again)[:1])
    same(out, shops.whole(again, 2))
    assert Tables.open(out).summary["update"]["there_before"] == 2


def test_the_customers_concerned_are_those_of_the_last_update(shops: Shops) -> None:
    parts: Parts = {
        "purchases": [
            ["2020-09-01,b,1,0.1,1", "2020-09-01,d,1,0.1,1"],
            ["2020-09-02,d,2,0.1,1"],
            ["2020-09-03,c,1,0.1,1", "2020-09-03,a,3,0.1,1", "2020-09-03,b,3,0.1,1"],
        ]
    }
    base = shops.whole(parts, 1)
    out = shops.merged(base, shops.additions(parts))
    tables = Tables.open(out)
    assert tables.customer_ids.strings(np.load(out / CONCERNED)) == ["a", "b", "c"]
    assert tables.article_ids.strings() == ["1", "2", "3"]
    told = tables.summary["update"]
    assert (told["number"], told["additions"], told["purchases"]) == (2, 1, 3)
    assert (told["customers"], told["first_day"], told["last_day"]) == (
        3,
        "2020-09-03",
        "2020-09-03",
    )
    same(out, shops.whole(parts))


def test_a_changed_row_takes_the_place_of_the_earlier_one(shops: Shops) -> None:
    parts: Parts = {
        "articles": [["0000000001,0000000,coat", "0000000002,0000000,hat"], []],
        "customers": [["a,1.0,,ACTIVE,30", "b,,,,"], ["b,,,LEFT CLUB,44", "a,1,,ACTIVE,30.0"]],
        "purchases": [["2020-09-01,a,0000000001,0.1,1"], ["2020-09-02,d,0000000002,0.2,1"]],
    }
    base = shops.whole(parts, 1)
    articles = shops.fresh()
    articles.mkdir()
    # without a product code: that of the earlier row stays
    (articles / "a.csv").write_text("article_id,prod_name\n0000000002,cap\n0000000003,\n")
    shop = shops.part(parts, 1)
    shop = Shop(shop.purchases, articles / "a.csv", shop.customers)
    out = shops.merged(base, [Addition("x", 1, "x", shop)])
    tables = Tables.open(out)
    assert tables.articles.select(["article_id", "product_code", "prod_name"]).to_pylist() == [
        {"article_id": "0000000001", "product_code": "0000000", "prod_name": "coat"},
        {"article_id": "0000000002", "product_code": "0000000", "prod_name": "cap"},
        {"article_id": "0000000003", "product_code": None, "prod_name": None},
    ]
    assert tables.customers.column("age").to_pylist() == [30, 44, None]
    assert tables.customers.column("club_member_status").to_pylist() == [
        "ACTIVE", "LEFT CLUB", "NOT_ACTIVE",
    ]  # fmt: skip
    customers, articles_ = tables.summary["customers"], tables.summary["articles"]
    assert (customers["rows_read"], customers["rows_kept"]) == (4, 2)
    assert (customers["repeats"], customers["replaced"]) == (1, 1)
    assert (articles_["rows_read"], articles_["rows_kept"], articles_["replaced"]) == (4, 3, 1)
    assert articles_["nulls"]["product_code"] == 1
    assert customers["nulls"] == {}
    assert tables.summary["update"]["replaced"] == {"articles": 1, "customers": 1}
    assert tables.histories.age.tolist()[:2] == [30, 44]


def test_a_customer_that_only_purchases_knew_becomes_listed(shops: Shops) -> None:
    parts: Parts = {
        "customers": [["a,,,,20"], ["b,1,,,30"]],
        "purchases": [["2020-09-01,b,1,0.1,1"], ["2020-09-02,c,1,0.2,1"]],
    }
    base = shops.whole(parts, 1)
    assert Tables.open(base).summary["purchases"]["customers_added"] == 1
    out = shops.merged(base, shops.additions(parts))
    same(out, shops.whole(parts))
    assert Tables.open(out).listed_customers().strings() == ["a", "b"]


def test_ids_get_their_zeros_back_as_those_of_the_shop_did(shops: Shops) -> None:
    parts: Parts = {
        "articles": [["0108775015,0108775,a", "0108775044,0108775,b"], ["111000001,111000,c"]],
        "purchases": [
            ["2020-09-01,a,0108775015,0.1,1"],
            ["2020-09-02,a,108775015,0.2,1", "2020-09-02,a,111000001,0.2,1"],
        ],
    }
    out = shops.merged(shops.whole(parts, 1), shops.additions(parts))
    tables = Tables.open(out)
    assert tables.article_ids.strings() == ["0108775015", "0108775044", "0111000001"]
    assert tables.articles.column("product_code").to_pylist()[-1] == "0111000"
    assert tables.summary["purchases"]["article_ids_padded"] == 2
    assert tables.summary["articles"]["ids_padded"] == 1


def test_purchases_after_until_are_counted_and_left_out(shops: Shops) -> None:
    parts: Parts = {
        "purchases": [
            ["2020-09-01,a,1,0.1,1"],
            ["2020-09-02,a,1,0.1,1", "2020-09-05,a,2,0.1,1", "never,a,1,,"],
        ]
    }
    config = CONFIG.replaced({"ingest.until": "2020-09-03"})
    out = shops.merged(shops.whole(parts, 1), shops.additions(parts), config)
    found = Tables.open(out).summary["purchases"]
    assert (found["after_until"], found["rows_kept"], found["last_day"]) == (1, 2, "2020-09-02")
    assert found["rejects"] == {"unparsable date": 1}
    late: Parts = {"purchases": [[], ["2020-09-05,a,2,0.1,1"]]}
    with pytest.raises(EmptyTableError, match="no purchase is left"):
        shops.merged(out, shops.additions(late), config)


def test_what_is_in_the_tables_already_is_refused_unless_accepted(shops: Shops) -> None:
    day = ["2020-09-02,a,1,0.1,1", "2020-09-02,a,1,0.1,1", "2020-09-02,b,2,,1"]
    parts: Parts = {"purchases": [["2020-09-01,a,1,0.1,1", *day], list(reversed(day))]}
    base = shops.whole(parts, 1)
    with pytest.raises(DataError, match=r"all 2 purchases, 2020-09-02 .* are in the run already"):
        shops.merged(base, shops.additions(parts, accepted=False))
    out = shops.merged(base, shops.additions(parts, accepted=True))
    same(out, shops.whole(parts))
    assert Tables.open(out).summary["update"]["there_before"] == 2
    # one piece more than there was is news
    more: Parts = {"purchases": [[], [*day, day[0]]]}
    shops.merged(base, shops.additions(more, accepted=False))


def test_days_whose_purchases_came_from_the_log_are_refused(shops: Shops) -> None:
    parts: Parts = {"purchases": [["2020-09-01,a,1,0.1,1"], ["2020-09-02,a,1,0.1,1"]]}
    base = shops.whole(parts, 1)
    (one,) = shops.additions(parts, accepted=False)
    day = 86_400
    first = int(np.datetime64("2020-09-02", "s").astype(np.int64))
    with pytest.raises(DataError, match="1 of 1 purchases lie from 2020-09-02 to 2020-09-02"):
        merge(base, [one], CONFIG, shops.fresh(), folded=[(first, first + day)])
    merge(base, [one], CONFIG, shops.fresh(), folded=[(first + day, first + 2 * day)])


def test_a_table_that_the_shop_lacks_is_refused(shops: Shops) -> None:
    parts: Parts = {
        "articles": [[], ["1,1,coat"]],
        "purchases": [["2020-09-01,a,1,0.1,1"], ["2020-09-02,a,1,0.1,1"]],
    }
    with pytest.raises(ConfigError, match="no table of articles"):
        shops.merged(shops.whole(parts, 1), shops.additions(parts))


def test_too_many_rejects_of_the_new_file_alone_stop_it(shops: Shops) -> None:
    rows = [f"2020-09-01,a,{one},0.1,1" for one in range(300)]
    parts: Parts = {"purchases": [rows, ["2020-09-02,a,1,0.1,1", "never,a,1,0.1,1"]]}
    config = Config.of({"ingest": {"max_reject_share": 0.4}})
    with pytest.raises(TooManyRejectsError, match="1 of 2 rows of the purchases"):
        shops.merged(shops.whole(parts, 1), shops.additions(parts), config)


def test_a_row_that_spans_batches_and_a_sum_that_is_too_large() -> None:
    old = pa.table(
        {
            "customer": [0, 0, 0, 1, 3],
            "article": [1, 0, 1, 1, 0],
            "time": [5, 6, 6, 5, 1],
            "price": [None, 1.0, None, 2.0, 1.0],
            "channel": [None, 1, 2, None, 1],
            "quantity": [1, 1, 2, 1, 2**31 - 1],
        },
        schema=schema.PURCHASES,
    )
    new, _ = ordered(
        rows_of(
            pa.table(
                {
                    "customer": [0, 2, 0],
                    "article": [1, 0, 0],
                    "time": [6, 1, 6],
                    "price": [None, 1.0, 1.0],
                    "channel": [2, 1, None],
                    "quantity": [3, 1, 1],
                },
                schema=schema.PURCHASES,
            )
        )
    )
    same_place = np.arange(4, dtype=np.int32)
    for size in (1, 2, 3, 5):
        merging = Merging(new, same_place, same_place[:2])
        found = pa.Table.from_batches(list(merging.batches(old.to_batches(size))))
        wanted, _ = ordered(joined([rows_of(old), new]))
        assert found.equals(pa.Table.from_batches([batch_of(wanted)])), size
        assert merging.there.tolist() == [0, 2, 0]
    again = {name: values[:1] for name, values in rows_of(old.slice(4)).items()}
    with pytest.raises(DataError, match="cannot be added up"):
        list(Merging(again, same_place, same_place[:2]).batches(old.to_batches()))


def test_known_ids_keep_their_places_and_are_numbered_in_order() -> None:
    known = Known(IdMap.from_strings(["b", "d"], "article"), np.array([True, False]))
    assert known.places(["d", "c", "eeee", "c", "a"]).tolist() == [1, 2, 3, 2, 4]
    ids, position = known.numbered()
    assert ids.strings() == ["a", "b", "c", "d", "eeee"]
    assert position.tolist() == [1, 3, 2, 4, 0]
    known.list(np.array([3, 4]))
    table, places = known.table()
    assert table.column("article_id").to_pylist() == ["a", "b", "eeee"]
    assert places.tolist() == [4, 0, 3]


def test_an_addition_is_told_by_its_content_and_kept(shops: Shops) -> None:
    parts: Parts = {"articles": [["1,1,coat"]], "purchases": [["2020-09-01,a,1,0.1,1"]]}
    one, other = shops.part(parts, 0), shops.part(parts, 0)
    assert digest_of(one) == digest_of(other)
    assert digest_of(one) != digest_of(Shop(one.purchases))
    frame = Shop(purchases=pa.table({"customer_id": ["a"], "article_id": ["1"]}))
    home = shops.fresh()
    for shop in (one, frame):
        digest = digest_of(shop)
        entry = Addition(digest, 1, label_of(shop), shop, tables=keep(shop, home, digest)).to_json()
        kept = Addition.of_json(json.loads(json.dumps(entry)), home)
        assert digest_of(kept.shop) == digest or shop is frame
        assert kept.accepted
    one.purchases.write_text("gone")
    assert digest_of(one) != digest_of(other)
    with pytest.raises(DataError, match="is gone"):
        Addition.of_json({**entry, "digest": "0" * 32}, home)


def test_purchases_are_found_in_files_and_folders(tmp_path: Path) -> None:
    table = pa.table({"customer_id": ["a"], "article_id": ["1"], "t_dat": ["2020-09-01"]})
    days = tmp_path / "days"
    days.mkdir()
    pq.write_table(table, days / "2020-09-01.parquet")
    assert find_addition(days, CONFIG.ingest).purchases == days
    file = days / "2020-09-01.parquet"
    assert find_addition(file, CONFIG.ingest).purchases == file
    pq.write_table(table, days / "transactions_train.parquet")
    assert find_addition(days, CONFIG.ingest).purchases == days / "transactions_train.parquet"
    with pytest.raises(DataError, match="no purchases"):
        find_addition(tmp_path, CONFIG.ingest)
