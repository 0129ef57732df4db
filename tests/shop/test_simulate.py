"""The simulated shop: its files, its regularities, and that one seed makes one shop."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hemline import schema
from hemline.errors import ConfigError, DataError
from hemline.shop.simulate import simulate
from hemline.shop.simulate.customers import make_customers

CUSTOMER_COLUMNS = [
    "customer_id", "FN", "Active", "club_member_status", "fashion_news_frequency", "age",
    "postal_code",
]  # fmt: skip
PURCHASE_COLUMNS = ["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]
SMALL: dict[str, Any] = {"customers": 300, "articles": 200, "days": 120}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def text(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=0)


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 customers over two years, Parquet."""
    folder = tmp_path_factory.mktemp("medium") / "shop"
    simulate(
        folder, customers=20_000, articles=30_000, days=731, seed=3, format="parquet", photos=False
    )
    return folder


@pytest.fixture(scope="module")
def purchases(medium: Path) -> pl.DataFrame:
    """The purchases of the medium shop, with product, department and index."""
    articles = pl.read_parquet(medium / "articles.parquet").select(
        "article_id", "product_code", "department_no", "index_name", "product_type_name"
    )
    return pl.read_parquet(medium / "transactions_train.parquet").join(articles, on="article_id")


def test_files_look_like_kaggles(simulated_shop: Path) -> None:
    with (simulated_shop / "articles.csv").open(newline="") as file:
        articles = list(csv.DictReader(file))
    customers = text(simulated_shop / "customers.csv")
    rows = text(simulated_shop / "transactions_train.csv")
    assert list(articles[0]) == schema.ARTICLES.names
    assert customers.columns == CUSTOMER_COLUMNS
    assert rows.columns == PURCHASE_COLUMNS
    assert (len(articles), len(customers)) == (250, 400)
    ids = [one["article_id"] for one in articles]
    assert ids == sorted(set(ids))
    assert all(len(one) == 10 and one.isdigit() and one[0] == "0" for one in ids)
    assert all(one["product_code"] == one["article_id"][:7] for one in articles)
    assert customers["customer_id"].is_sorted()
    assert customers["customer_id"].n_unique() == 400
    assert customers["customer_id"].str.contains("^[0-9a-f]{64}$").all()
    assert customers["postal_code"].str.contains("^[0-9a-f]{64}$").all()
    assert set(customers["FN"].drop_nulls()) == {"1.0"}
    assert customers["age"].drop_nulls().str.contains(r"^\d\d\.0$").all()
    assert rows["t_dat"].is_sorted()
    assert rows["t_dat"].min() == "2018-09-20"
    assert rows["t_dat"].max() == "2019-03-18"
    assert set(rows["sales_channel_id"]) == {"1", "2"}
    assert set(rows["article_id"]) <= set(ids)
    assert set(rows["customer_id"]) <= set(customers["customer_id"])


@pytest.mark.real_data
def test_header_is_the_real_one(real_data: Path, simulated_shop: Path) -> None:
    for name in ("articles.csv", "customers.csv", "transactions_train.csv"):
        with (
            (real_data / "hm-sample" / name).open() as real,
            (simulated_shop / name).open() as ours,
        ):
            assert ours.readline() == real.readline()


def test_photos_are_drawn_and_a_few_missing(simulated_shop: Path) -> None:
    ids = text(simulated_shop / "articles.csv")["article_id"].to_list()
    photos = {path.stem: path for path in (simulated_shop / "images").rglob("*.jpg")}
    assert set(photos) < set(ids)
    assert len(photos) >= 245
    assert all(path.parent.name == name[:3] for name, path in photos.items())
    for path in list(photos.values())[:20]:
        with Image.open(path) as image:
            assert (image.size, image.mode, image.format) == ((64, 64), "RGB", "JPEG")
            pixels = np.asarray(image).astype(int)
        # a light ground, and something on it
        assert pixels[[0, 0, -1, -1], [0, -1, 0, -1]].min() > 200
        assert np.abs(pixels - pixels[0, 0]).sum(axis=2).max() > 30


def test_every_silhouette_is_whole_at_any_proportion() -> None:
    from hemline.shop.simulate.drawing.photo import SHAPES, silhouette, stencil
    from hemline.shop.simulate.vocabulary import TYPES

    named = {one.shape for _, members in TYPES.values() for one in members}
    assert named == set(SHAPES)
    masks = {}
    for name in sorted(SHAPES):
        for numbers in (np.zeros(4), np.full(4, 0.5), np.ones(4)):
            rng = np.random.default_rng(1)
            drawn = stencil(silhouette(name, numbers), "Solid", 32, rng)
            # nothing is cut off at the border, nothing is empty
            border = np.concatenate([drawn.mask[0], drawn.mask[-1], drawn.mask.T[0]])
            assert border.max() == 0, name
            assert 0.02 < drawn.mask.mean() < 0.8, name
            masks[name] = drawn.mask
    assert np.abs(masks["tee"] - masks["trousers"]).mean() > 0.1


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_one_seed_one_shop(tmp_path: Path, ending: Any) -> None:
    for name, seed, threads in (("a", 1, 1), ("b", 1, 3), ("c", 2, 2)):
        simulate(tmp_path / name, **SMALL, seed=seed, format=ending, photo_size=16, threads=threads)
    first, second, other = (digests(tmp_path / name) for name in "abc")
    assert first == second
    assert len(first) > 190
    assert first[f"transactions_train.{ending}"] != other[f"transactions_train.{ending}"]
    assert not list(tmp_path.glob("*.part"))


def test_threads_and_blocks_do_not_change_the_purchases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several blocks, in CSV by day and in Parquet by block, hold the same rows."""
    monkeypatch.setattr("hemline.shop.simulate.purchases.BLOCK", 64)
    monkeypatch.setattr("hemline.shop.simulate.writing.SLAB_ROWS", 500)
    monkeypatch.setattr("hemline.shop.simulate.customers.BLOCK", 70)
    simulate(tmp_path / "one", **SMALL, seed=5, photos=False, threads=1)
    simulate(tmp_path / "two", **SMALL, seed=5, photos=False, threads=4)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    simulate(tmp_path / "three", **SMALL, seed=5, photos=False, threads=2, format="parquet")
    rows = pl.read_csv(
        tmp_path / "one" / "transactions_train.csv",
        schema_overrides={"article_id": pl.Utf8},
        try_parse_dates=True,
    )
    parquet = pq.ParquetFile(tmp_path / "three" / "transactions_train.parquet")
    assert parquet.num_row_groups == 5
    assert rows["t_dat"].is_sorted()
    same = pl.from_arrow(parquet.read())
    assert isinstance(same, pl.DataFrame)
    order = PURCHASE_COLUMNS
    assert rows.sort(order).equals(same.select(order).sort(order))


def test_sizes_are_exact(tmp_path: Path) -> None:
    for wanted in (1, 200, 5000):
        out = tmp_path / str(wanted)
        found = simulate(out, **SMALL, seed=1, photos=False, purchases=wanted)
        rows = text(out / "transactions_train.csv")
        assert found["purchases"] == len(rows) == wanted
        assert len(text(out / "customers.csv")) == found["customers"] == 300


@pytest.mark.parametrize("wanted", [0, 7, 5000, 2**27 + 12_345])
def test_rows_are_exact_beyond_what_float32_counts(wanted: int) -> None:
    people = make_customers(50_000, wanted, seed=3)
    assert people.rows.sum(dtype=np.int64) == wanted
    assert people.rows.min() >= 0
    if wanted > 50_000:
        assert (people.rows == 0).mean() == pytest.approx(0.007, abs=0.002)


def test_the_smallest_shops_work(tmp_path: Path) -> None:
    for customers, articles, days in ((1, 1, 1), (2, 3, 8), (30, 4, 3)):
        out = tmp_path / f"{customers}"
        found = simulate(
            out, customers=customers, articles=articles, days=days, seed=0, photo_size=16
        )
        rows = text(out / "transactions_train.csv")
        assert len(rows) == found["purchases"] > 0
        last = dt.date(2018, 9, 20) + dt.timedelta(days - 1)
        assert rows["t_dat"].max() <= str(last)


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    with pytest.raises(DataError, match="exists already"):
        simulate(tmp_path / "there", **SMALL, seed=1)
    with pytest.raises(ConfigError, match="customers is 0"):
        simulate(tmp_path / "x", customers=0, articles=1, days=1, seed=1)
    with pytest.raises(ConfigError, match="xml"):
        simulate(tmp_path / "x", **SMALL, seed=1, format="xml")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="seed -1"):
        simulate(tmp_path / "x", **SMALL, seed=-1)
    with pytest.raises(ConfigError, match="days is"):
        simulate(tmp_path / "x", customers=1, articles=1, days=40_000, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_what_was_left_half_written_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "shop.part").mkdir()
    (tmp_path / "shop.part" / "articles.csv").write_text("half")
    (tmp_path / "shop").mkdir()
    simulate(tmp_path / "shop", **SMALL, seed=1, photos=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop"]
    assert len(text(tmp_path / "shop" / "articles.csv")) == 200


def test_progress_runs_to_its_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(
        tmp_path / "shop", **SMALL, seed=1, photo_size=16,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {2000}
    assert seen[-1] == (2000, 2000)


def test_a_value_has_one_name_and_one_parent(medium: Path) -> None:
    articles = pl.read_parquet(medium / "articles.parquet")
    for number, name in (
        ("product_type_no", "product_type_name"),
        ("product_type_no", "product_group_name"),
        ("graphical_appearance_no", "graphical_appearance_name"),
        ("colour_group_code", "colour_group_name"),
        ("perceived_colour_value_id", "perceived_colour_value_name"),
        ("perceived_colour_master_id", "perceived_colour_master_name"),
        ("department_no", "department_name"),
        ("department_no", "index_code"),
        ("department_no", "section_no"),
        ("department_no", "garment_group_no"),
        ("index_code", "index_name"),
        ("index_code", "index_group_no"),
        ("index_group_no", "index_group_name"),
        ("section_no", "section_name"),
        ("garment_group_no", "garment_group_name"),
        ("product_code", "prod_name"),
        ("product_code", "product_type_no"),
        ("product_code", "department_no"),
        ("product_code", "graphical_appearance_no"),
    ):
        assert articles.group_by(number).agg(pl.col(name).n_unique())[name].max() == 1, number
    spans = articles.group_by("garment_group_no").agg(pl.col("index_code").n_unique())
    assert spans["index_code"].max() >= 5
    sections = articles.group_by("section_no").agg(pl.col("index_code").n_unique())
    assert sections["index_code"].max() > 1
    colours = articles.group_by("product_code").agg(
        pl.len(), pl.col("colour_group_code").n_unique().alias("colours")
    )
    assert (colours["colours"] == colours["len"]).mean() > 0.97


def test_the_catalogue_has_hms_numbers(medium: Path) -> None:
    articles = pl.read_parquet(medium / "articles.parquet")
    counts = {name: articles[name].n_unique() for name in articles.columns}
    assert counts["product_type_no"] == 131
    assert counts["product_group_name"] == 19
    assert counts["graphical_appearance_name"] >= 28
    assert counts["colour_group_name"] >= 48
    assert counts["perceived_colour_value_name"] == 8
    assert counts["perceived_colour_master_name"] == 20
    assert counts["department_no"] == 299
    assert 220 <= counts["department_name"] <= 270
    assert counts["index_code"] == 10
    assert counts["index_group_no"] == 5
    assert counts["section_no"] == 57
    assert counts["garment_group_no"] == 21
    assert 1.9 < len(articles) / counts["product_code"] < 2.6
    assert 0 < articles["detail_desc"].null_count() < 400


def test_customers_are_hms(medium: Path, purchases: pl.DataFrame) -> None:
    customers = pl.read_parquet(medium / "customers.parquet")
    assert customers["FN"].is_not_null().mean() == pytest.approx(0.35, abs=0.02)
    assert customers["Active"].is_not_null().mean() == pytest.approx(0.34, abs=0.02)
    assert customers["age"].null_count() / 20_000 == pytest.approx(0.0116, abs=0.004)
    clubs = dict(customers["club_member_status"].value_counts().iter_rows())
    assert clubs["ACTIVE"] / 20_000 == pytest.approx(0.928, abs=0.01)
    assert clubs["PRE-CREATE"] / 20_000 == pytest.approx(0.068, abs=0.01)
    assert 40 < clubs[None] < 150
    assert set(customers["fashion_news_frequency"]) == {"NONE", "Regularly", "Monthly", None}
    # two humps: the twenties and about fifty, few in between
    ages = np.histogram(customers["age"].drop_nulls().to_numpy(), [20, 30, 37, 43, 47, 54, 80])[0]
    per_year = ages / [10, 7, 6, 4, 7, 26]
    assert per_year[0] > 3 * per_year[2]
    assert per_year[4] > 1.3 * per_year[2]
    without = 20_000 - purchases["customer_id"].n_unique()
    assert without / 20_000 == pytest.approx(0.007, abs=0.002)
    rows = purchases.group_by("customer_id").len()["len"]
    assert len(purchases) == round(20_000 * 31_788_324 / 1_371_980)
    assert rows.std() == pytest.approx(36, abs=4)
    assert [rows.quantile(q) for q in (0.25, 0.5, 0.75)] == pytest.approx([3, 10, 28], abs=2)


def test_purchases_repeat_as_hms(purchases: pl.DataFrame) -> None:
    columns = [*PURCHASE_COLUMNS]
    repeats = 1 - purchases.select(columns).n_unique() / len(purchases)
    assert repeats == pytest.approx(0.094, abs=0.015)
    bought = purchases.unique(["customer_id", "t_dat", "article_id"]).with_columns(
        of_article=pl.col("t_dat").min().over("customer_id", "article_id"),
        of_product=pl.col("t_dat").min().over("customer_id", "product_code"),
        of_department=pl.col("t_dat").min().over("customer_id", "department_no"),
        of_index=pl.col("t_dat").min().over("customer_id", "index_name"),
        ever=pl.col("t_dat").min().over("customer_id"),
        colours=pl.col("article_id").n_unique().over("customer_id", "t_dat", "product_code"),
    )
    again = (bought["of_article"] < bought["t_dat"]).mean()
    other = (
        (bought["of_product"] < bought["t_dat"]) & (bought["of_article"] == bought["t_dat"])
    ).mean()
    assert again == pytest.approx(0.045, abs=0.015)
    assert other == pytest.approx(0.04, abs=0.02)
    assert (bought["colours"] > 1).mean() == pytest.approx(0.12, abs=0.03)
    later = bought.filter(pl.col("t_dat") > pl.col("ever"))
    assert 0.35 < (later["of_department"] < later["t_dat"]).mean() < 0.55
    assert 0.8 < (later["of_index"] < later["t_dat"]).mean() < 0.95
    baskets = bought.group_by("customer_id", "t_dat").len()["len"]
    assert 2.6 < baskets.mean() < 4.2


def test_prices_come_from_a_grid_with_discounts(purchases: pl.DataFrame) -> None:
    price = purchases["price"]
    assert price.n_unique() < 320
    assert 0.0009 < price.min() < price.max() < 0.5
    assert price.median() == pytest.approx(0.025, abs=0.004)
    usual = purchases.group_by("article_id").agg(
        pl.col("price").max().alias("top"), pl.col("price").n_unique().alias("prices"), pl.len()
    )
    assert (usual.filter(pl.col("len") > 20)["prices"] > 1).mean() > 0.9
    assert (purchases["sales_channel_id"] == 2).mean() == pytest.approx(0.7, abs=0.03)
    trips = purchases.group_by("customer_id", "t_dat").agg(pl.col("sales_channel_id").n_unique())
    assert (trips["sales_channel_id"] == 1).mean() > 0.95


def test_few_articles_sell_most_and_not_for_long(medium: Path, purchases: pl.DataFrame) -> None:
    sold = purchases["article_id"].value_counts(sort=True)["count"]
    of_all = sold.cum_sum() / sold.sum()
    assert 0.12 < of_all[300] < 0.3  # the best one per cent
    assert 0.6 < of_all[6000] < 0.85  # the best fifth
    life = purchases.group_by("article_id").agg(
        (pl.col("t_dat").max() - pl.col("t_dat").min()).dt.total_days().alias("days"), pl.len()
    )
    known = life.filter(pl.col("len") >= 10)["days"]
    assert 60 < known.median() < 260
    assert (known > 500).mean() > 0.03  # the basics
    articles = pl.read_parquet(medium / "articles.parquet")
    season = purchases.join(
        articles.select("article_id", "product_group_name"), on="article_id"
    ).filter(pl.col("product_group_name") == "Swimwear")
    month = season["t_dat"].dt.month()
    assert month.is_in([5, 6, 7]).mean() > 3 * month.is_in([11, 12, 1]).mean()


def test_the_week_before_predicts_the_last(purchases: pl.DataFrame) -> None:
    last = purchases["t_dat"].max()
    assert isinstance(last, dt.date)
    week = purchases.filter(pl.col("t_dat") > last - dt.timedelta(7))
    before = purchases.filter(pl.col("t_dat") <= last - dt.timedelta(7))
    lately = before.filter(pl.col("t_dat") > last - dt.timedelta(14))
    share = week["article_id"].is_in(lately["article_id"].unique().to_list()).mean()
    old = before.filter(
        pl.col("t_dat").is_between(last - dt.timedelta(364), last - dt.timedelta(357))
    )
    long_ago = week["article_id"].is_in(old["article_id"].unique().to_list()).mean()
    assert share > 0.5
    assert share > 3 * long_ago
    new = 1 - week["article_id"].is_in(before["article_id"].unique().to_list()).mean()
    assert 0.005 < new < 0.12
    # who is recommended what she bought last beats the dozen that sells best
    best = lately.unique(["customer_id", "article_id"])["article_id"].value_counts(sort=True)
    popular = set(best.sort("count", "article_id", descending=[True, False])["article_id"][:12])
    recent = before.unique(["customer_id", "article_id", "t_dat"]).sort("t_dat", descending=True)
    mine = {
        customer[0]: set(rows["article_id"][:12])
        for customer, rows in recent.filter(
            pl.col("customer_id").is_in(week["customer_id"].unique().to_list())
        ).group_by("customer_id", maintain_order=True)
    }
    truths = week.group_by("customer_id").agg(pl.col("article_id").unique())
    hits = [
        (len(popular & set(truth)), len(mine.get(customer, set()) & set(truth)))
        for customer, truth in truths.iter_rows()
    ]
    by_popularity, by_history = np.sum(hits, axis=0)
    assert by_popularity > 20
    assert by_history > by_popularity


def test_ages_lean_to_their_index(medium: Path, purchases: pl.DataFrame) -> None:
    ages = pl.read_parquet(medium / "customers.parquet").select("customer_id", "age")
    means = dict(
        purchases.join(ages, on="customer_id")
        .group_by("index_name")
        .agg(pl.col("age").mean())
        .iter_rows()
    )
    assert means["Womenswear"] > means["Young Fashion"] + 5


def test_vectors_are_clustered(tmp_path: Path) -> None:
    found = simulate(
        tmp_path / "shop", customers=50, articles=5000, days=100, seed=1, vectors=128, threads=2
    )
    again = simulate(
        tmp_path / "again", customers=50, articles=5000, days=100, seed=1, vectors=128, threads=1
    )
    assert digests(tmp_path / "shop") == digests(tmp_path / "again")
    assert found == again
    vectors = np.load(tmp_path / "shop" / "vectors" / "vectors.npy", mmap_mode="r")
    ids = (tmp_path / "shop" / "vectors" / "article_ids.txt").read_text().split()
    assert vectors.dtype == np.float32
    assert vectors.shape == (found["vectors"], 128) == (len(ids), 128)
    assert 4950 < len(ids) < 5000
    assert not (tmp_path / "shop" / "images").exists()
    assert vectors.min() == 0
    assert 0.2 < (vectors == 0).mean() < 0.7
    articles = {
        row["article_id"]: row for row in text(tmp_path / "shop" / "articles.csv").to_dicts()
    }
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit[:1000] @ unit.T
    code = np.array([one[:7] for one in ids])
    kind = np.array([articles[one]["product_type_no"] for one in ids])
    same_product = (code[:1000, None] == code) & ~np.eye(1000, len(ids), dtype=bool)
    same_kind = (kind[:1000, None] == kind) & (code[:1000, None] != code)
    assert cosine[same_product].mean() > cosine[same_kind].mean() + 0.1
    assert cosine[same_kind].mean() > cosine[~same_kind & ~same_product].mean() + 0.1
    spectrum = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
    assert 0.3 < spectrum[:10].sum() / spectrum.sum() < 0.9


def test_colours_of_a_product_share_its_shape(simulated_shop: Path) -> None:
    articles = text(simulated_shop / "articles.csv")

    def shape(article: str) -> np.ndarray:
        path = simulated_shop / "images" / article[:3] / f"{article}.jpg"
        with Image.open(path) as image:
            pixels = np.asarray(image).astype(int)
        return np.abs(pixels - pixels[0, 0]).sum(axis=2) > 60

    dark = articles.filter(pl.col("colour_group_name").is_in(["Black", "Dark Blue", "Red", "Blue"]))
    there = [
        one
        for one in dark["article_id"].to_list()
        if (simulated_shop / "images" / one[:3] / f"{one}.jpg").exists()
    ]
    pairs = [(a, b) for a in there for b in there if a < b]
    same = [(shape(a) ^ shape(b)).mean() for a, b in pairs if a[:7] == b[:7]]
    other = [(shape(a) ^ shape(b)).mean() for a, b in pairs[:200] if a[:7] != b[:7]]
    assert len(same) > 5
    assert np.mean(same) < 0.3 * np.mean(other)
