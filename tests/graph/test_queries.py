"""The queries that come with Hemline: described, and right on a shop counted in NumPy."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hemline
from hemline.errors import ConfigError, GraphError
from hemline.graph.base import GraphStore
from hemline.graph.federation_form import is_federated
from hemline.graph.queries import QueryFile, find, guessed, parse_file, shipped
from hemline.graph.tokens import parameters_of
from hemline.models.also_bought import AlsoBought
from hemline.models.base import Repeat

QUERIES = shipped()


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_head_says_what_the_query_has(query: QueryFile) -> None:
    assert query.what.endswith((".", "?"))
    assert {one.name for one in query.parameters} == set(parameters_of(query.text))
    assert all(one.text for one in query.parameters)
    assert query.columns


def test_reading_a_head() -> None:
    text = (
        "// What it does,\n// in two lines.\n//\n// Parameters:\n"
        "//   customer_id  string: the customer: an id\n//   limit  int = 12: how many\n"
        "//   since  date = 2020-09-16: first day\n// Columns:\n//   code\n//   n  how often\n"
        "MATCH (c {id: $customer_id}) // no head any more\nRETURN $limit, $since"
    )
    found = parse_file("mine", text)
    assert found.what == "What it does, in two lines."
    assert [(one.name, one.type, one.default) for one in found.parameters] == [
        ("customer_id", "string", None),
        ("limit", "int", 12),
        ("since", "date", dt.date(2020, 9, 16)),
    ]
    assert found.parameters[0].text == "the customer: an id"
    assert found.columns == {"code": "", "n": "how often"}
    assert found.values({"customer_id": "007"}) == {
        "customer_id": "007", "limit": 12, "since": dt.date(2020, 9, 16),
    }  # fmt: skip
    assert found.values({"limit": "3"})["limit"] == 3
    with pytest.raises(ConfigError, match="--param limit=few: not of type int"):
        found.values({"limit": "few"})
    with pytest.raises(ConfigError, match="no parameter \\$article"):
        found.values({"article": "1"})
    with pytest.raises(GraphError, match=r"line 2: 'limit int' describes no parameter"):
        parse_file("mine", "// Parameters:\n// limit int\nRETURN 1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0108775015", "0108775015"), ("12", 12), ("0", 0), ("-3", -3), ("1.5", 1.5),
        ("2020-09-22", dt.date(2020, 9, 22)), ("2020-13-01", "2020-13-01"), ("true", True),
        ("null", None), ("'12'", "12"), ("Index", "Index"), ("", ""), ("1e3", "1e3"),
    ],
)  # fmt: skip
def test_guessed_values(text: str, value: Any) -> None:
    found = guessed(text)
    assert (found, type(found)) == (value, type(value))


def test_finding_a_query(tmp_path: Path) -> None:
    own = tmp_path / "counts.cypher"
    own.write_text("RETURN 1 AS one")
    assert find(str(own)).text == "RETURN 1 AS one"
    assert find("counts") is find("counts.cypher") is QUERIES["counts"]
    with pytest.raises(GraphError, match="no file also-buoght") as error:
        find("also-buoght")
    assert "also-bought" in error.value.hint
    with pytest.raises(GraphError, match="no file"):
        find(str(tmp_path / "elsewhere" / "counts.cypher"))


@pytest.fixture(scope="module")
def shop(simulated_run: hemline.Recommender) -> Any:
    """The purchases of the shop as arrays: customer, article, day, quantity."""
    histories = simulated_run.tables.histories.compact()
    return {
        "customer": histories.customers(),
        "article": np.asarray(histories.article),
        "day": np.asarray(histories.time) // 86400,
        "quantity": np.asarray(histories.weight).astype(int),
    }


def test_every_query_answers_what_its_head_says(
    graph: GraphStore, simulated_run: hemline.Recommender, shop: Any
) -> None:
    ids = simulated_run.tables
    customer, article = int(shop["customer"][0]), int(shop["article"][0])
    values = {
        "customer_id": ids.customer_ids.id(customer),
        "from_id": ids.customer_ids.id(customer),
        "to_id": ids.customer_ids.id(customer),
        "article_id": ids.article_ids.id(article),
        "prod_code": ids.article_ids.id(article),
        "purchased": ids.article_ids.id(int(shop["article"][1])),
        "since": dt.date(1970, 1, 1),
        "until": dt.date(2100, 1, 1),
        "from_age": 0,
        "below_age": 200,
    }
    for name, query in QUERIES.items():
        if is_federated(query.text):
            continue
        asked = query.values({})
        asked |= {p.name: values[p.name] for p in query.parameters if p.name not in asked}
        with graph.query(query.text, asked) as reader:
            assert reader.schema.names == list(query.columns), name
            rows = reader.read_all().num_rows
        if name not in ("shared-department-names", "explain-recommended", "explain-similar"):
            assert rows, name


def one(graph: GraphStore, name: str, **parameters: Any) -> dict[str, Any]:
    return all_of(graph, name, **parameters)[0]


def all_of(graph: GraphStore, name: str, **parameters: Any) -> list[dict[str, Any]]:
    return graph.rows(QUERIES[name].text, {**QUERIES[name].values({}), **parameters})


def test_the_counts_of_the_talk(
    graph: GraphStore, simulated_run: hemline.Recommender, shop: Any
) -> None:
    tables = simulated_run.tables
    assert all_of(graph, "counts") == [
        {"label": "Customers", "count": len(tables.customer_ids)},
        {"label": "Product", "count": len(tables.article_ids)},
        {"label": "Purchases", "count": len(shop["article"])},
    ]
    labels = {row["label"]: row["count"] for row in all_of(graph, "counts-by-label")}
    edges = {row["relationship"]: row["count"] for row in all_of(graph, "counts-by-relationship")}
    known = graph.counts()
    assert labels == {name: n for name, n in known.items() if name in labels and n}
    assert {name: n for name, n in known.items() if n} == {
        **labels, **edges, "units": int(shop["quantity"].sum()),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "of", "called"),
    [
        ("purchases-per-customer", "customer", "customers"),
        ("purchases-per-product", "article", "products"),
    ],
)
def test_averages_are_over_those_with_a_purchase(
    graph: GraphStore, shop: Any, name: str, of: str, called: str
) -> None:
    counts = np.array(list(Counter(shop[of].tolist()).values()))
    found = one(graph, name)
    assert found[called] == len(counts)
    assert found["mean"] == pytest.approx(counts.mean())
    assert found["deviation"] == pytest.approx(counts.std())
    assert found["most"] == counts.max()


def test_popular_types_by_catalogue_and_by_sales(
    graph: GraphStore, simulated_run: hemline.Recommender, shop: Any
) -> None:
    kinds = simulated_run.tables.articles.column("product_type_no").to_pylist()
    catalogue = Counter(kinds)
    found = all_of(graph, "product-types", limit=5)
    assert [(row["number"], row["count"]) for row in found] == sorted(
        catalogue.items(), key=lambda pair: (-pair[1], pair[0])
    )[:5]
    sold = Counter(kinds[at] for at in shop["article"].tolist())
    units: Counter[str] = Counter()
    for at, n in zip(shop["article"].tolist(), shop["quantity"].tolist(), strict=True):
        units[kinds[at]] += n
    found = all_of(graph, "product-types-by-sales", limit=1000)
    assert [(row["number"], row["purchases"]) for row in found] == sorted(
        sold.items(), key=lambda pair: (-pair[1], pair[0])
    )
    assert {row["number"]: row["units"] for row in found} == units


def test_months_and_seasons(graph: GraphStore, shop: Any) -> None:
    days = [dt.date(1970, 1, 1) + dt.timedelta(days=int(day)) for day in shop["day"]]
    months = Counter((day.year, day.month) for day in days)
    found = all_of(graph, "purchases-by-month")
    assert [((row["year"], row["month"]), row["purchases"]) for row in found] == sorted(
        months.items()
    )
    names = ["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"]
    seasons = Counter(names[day.month - 1] for day in days)
    found = all_of(graph, "purchases-by-season")
    assert {row["season"]: row["purchases"] for row in found} == seasons


def test_what_was_never_sold(
    graph: GraphStore, simulated_run: hemline.Recommender, shop: Any
) -> None:
    ids = simulated_run.tables.article_ids
    never = sorted(set(range(len(ids))) - set(shop["article"].tolist()))
    assert one(graph, "never-sold") == {"products": len(ids), "never": len(never)}
    found = all_of(graph, "never-sold-products", limit=1000)
    assert [row["code"] for row in found] == [ids.id(at) for at in never]
    bought = len(set(shop["customer"].tolist()))
    customers = len(simulated_run.tables.customer_ids)
    assert one(graph, "never-bought") == {"customers": customers, "never": customers - bought}


def test_customers_who_bought_this(
    graph: GraphStore, simulated_run: hemline.Recommender, shop: Any
) -> None:
    ids = simulated_run.tables.article_ids
    article = Counter(shop["article"].tolist()).most_common(1)[0][0]
    times = Counter(shop["customer"][shop["article"] == article].tolist())
    paths: Counter[str] = Counter()
    customers: dict[str, set[int]] = {}
    for who, what in zip(shop["customer"].tolist(), shop["article"].tolist(), strict=True):
        if who in times and what != article:
            paths[ids.id(what)] += times[who]
            customers.setdefault(ids.id(what), set()).add(who)
    found = all_of(graph, "customers-who-bought-this", article_id=ids.id(article), limit=10_000)
    assert [(row["code"], row["paths"]) for row in found] == sorted(
        paths.items(), key=lambda pair: (-pair[1], pair[0])
    )
    assert {row["code"]: row["customers"] for row in found} == {
        code: len(who) for code, who in customers.items()
    }
    buyers = all_of(graph, "buyers", article_id=ids.id(article), limit=10_000)
    assert {row["customer_id"]: row["purchases"] for row in buyers} == {
        simulated_run.tables.customer_ids.id(who): n for who, n in times.items()
    }


def test_also_bought_is_the_kernels(graph: GraphStore, simulated_run: hemline.Recommender) -> None:
    histories, ids = simulated_run.tables.histories, simulated_run.tables
    model = AlsoBought(per_article=None).fit(histories)
    as_of = simulated_run.as_of
    found = model.recommend(histories, 12, as_of=as_of, repeat=Repeat.exclude())
    for at in range(0, len(histories), 1 if graph.kind == "embedded" else 10):
        customer = ids.customer_ids.id(at)
        rows = all_of(graph, "also-bought-scored", customer_id=customer)
        kept = found.articles[at] >= 0
        codes = [ids.article_ids.id(one) for one in found.articles[at][kept].tolist()]
        assert [(row["code"], row["paths"]) for row in rows] == list(
            zip(codes, found.scores[at][kept].tolist(), strict=True)
        )
