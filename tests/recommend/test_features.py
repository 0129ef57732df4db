"""Features: what they are, that nothing later than the moment is in them, that they last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recommend.features_by_hand import features_by_hand

from hemline.config import ATTRIBUTES, Config
from hemline.errors import ConfigError, CutoffError, RunError
from hemline.recommend.candidates import Candidates
from hemline.recommend.features import Features, declared
from hemline.recommend.features import rows_kernel as kernel
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

CHANNELS = ("repurchase", "als", "popular")
CUSTOMERS, ARTICLES, DAYS = 60, 40, 45
AS_OF = DAYS * SECONDS_PER_DAY


def purchases(rng: Any, m: int, first: int, last: int) -> dict[str, Any]:
    """m purchases from time `first` to before `last`, on few days, some at odd hours."""
    price = rng.choice([5.0, 9.99, 12.5, 20.0], m).astype(np.float32)
    price[rng.random(m) < 0.2] = np.nan
    days = rng.integers(first // SECONDS_PER_DAY, last // SECONDS_PER_DAY, m)
    hours = np.where(rng.random(m) < 0.5, 0, rng.integers(0, SECONDS_PER_DAY, m))
    return {
        "customer": rng.integers(0, CUSTOMERS - 5, m),
        "article": (rng.random(m) ** 2 * (ARTICLES - 3)).astype(np.int32),
        "time": days * SECONDS_PER_DAY + hours,
        "weight": rng.integers(1, 4, m).astype(np.float32),
        "price": price,
        "channel": rng.integers(0, 3, m).astype(np.int8),
    }


def histories_of(columns: dict[str, Any], age: Any) -> Histories:
    return Histories.from_purchases(**columns, n_customers=CUSTOMERS, n_articles=ARTICLES, age=age)


@pytest.fixture(scope="module")
def age() -> Any:
    rng = np.random.default_rng(1)
    found = rng.integers(16, 80, CUSTOMERS).astype(np.float32)
    found[rng.random(CUSTOMERS) < 0.2] = np.nan
    return found


@pytest.fixture(scope="module")
def bought() -> dict[str, Any]:
    return purchases(np.random.default_rng(2), 500, 0, AS_OF)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    rng = np.random.default_rng(3)
    codes = {}
    for at, name in enumerate(ATTRIBUTES):
        code = rng.integers(0, 18 if at == 0 else 3 + at, ARTICLES).astype(np.int32)
        code[rng.random(ARTICLES) < 0.1] = -1
        codes[name] = code
    similar = rng.permuted(np.tile(np.arange(ARTICLES), (ARTICLES, 1)), axis=1)[:, :6]
    similar[(similar == np.arange(ARTICLES)[:, None]) | (rng.random(similar.shape) < 0.2)] = -1
    cosine = -np.sort(-rng.random(similar.shape), axis=1)
    return Catalogue(ARTICLES, codes, similar.astype(np.int32), cosine.astype(np.float32))


@pytest.fixture(scope="module")
def candidates() -> Candidates:
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 20, CUSTOMERS)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    article = np.concatenate([rng.choice(ARTICLES, size, replace=False) for size in counts])
    rank = rng.integers(0, 12, (len(article), len(CHANNELS))).astype(np.int16)
    rank[rng.random(rank.shape) < 0.4] = 0
    score = rng.standard_normal(rank.shape).astype(np.float32)
    score[rng.random(rank.shape) < 0.3] = np.nan
    return Candidates(bounds, article.astype(np.int32), rank, score, CHANNELS)


@pytest.fixture(scope="module")
def histories(bought: dict[str, Any], age: Any) -> Histories:
    return histories_of(bought, age)


def made(**settings: Any) -> Features:
    settings = {"leave_out": [], **settings}
    return Features(Config.of({"threads": 1, "features": settings}), CHANNELS)


def names(features: Features) -> list[str]:
    return [one.name for one in features.declared]


def test_every_feature_as_by_hand(
    histories: Histories, candidates: Candidates, catalogue: Catalogue
) -> None:
    features = made().fit(histories, catalogue, as_of=AS_OF)
    found = features.compute(histories, candidates, as_of=AS_OF)
    assert found.shape == (candidates.n_rows, len(features.declared))
    expected = features_by_hand(
        histories, histories, candidates, catalogue, features.pairs_, as_of=AS_OF, decay=0.5
    )
    assert set(names(features)) == set(expected)
    for at, name in enumerate(names(features)):
        np.testing.assert_allclose(found[:, at], expected[name], rtol=2e-5, atol=1e-6, err_msg=name)
        known = found[:, at][~np.isnan(found[:, at])]
        assert len(np.unique(known)) > 1, f"{name} says the same of every candidate"


def test_later_moment_than_that_of_the_fit(
    histories: Histories, candidates: Candidates, catalogue: Catalogue
) -> None:
    early, late = AS_OF - 9 * SECONDS_PER_DAY, AS_OF - 2 * SECONDS_PER_DAY
    features = made(decay=1.3).fit(histories, catalogue, as_of=early)
    found = features.compute(histories, candidates, as_of=late)
    expected = features_by_hand(
        histories, histories, candidates, catalogue, features.pairs_, as_of=late, decay=1.3
    )
    about_articles = ("sales", "article", "match")
    for at, one in enumerate(features.declared):
        if one.family not in about_articles and one.name != "own.price_change":
            np.testing.assert_allclose(
                found[:, at], expected[one.name], rtol=2e-5, atol=1e-6, err_msg=one.name
            )


def test_undated_purchases(
    bought: dict[str, Any], age: Any, candidates: Candidates, catalogue: Catalogue
) -> None:
    histories = histories_of({**bought, "time": None}, age)
    features = made().fit(histories, catalogue)
    assert features.cutoff_ is None
    assert features.left_out["own.days"] == "the purchases have no dates"
    assert not any("time" in one.needs for one in features.declared)
    found = features.compute(histories, candidates, as_of=None)
    expected = features_by_hand(
        histories, histories, candidates, catalogue, features.pairs_, as_of=None, decay=0.5
    )
    for at, name in enumerate(names(features)):
        np.testing.assert_allclose(found[:, at], expected[name], rtol=2e-5, atol=1e-6, err_msg=name)


def test_nothing_later_is_seen(
    bought: dict[str, Any], age: Any, candidates: Candidates, catalogue: Catalogue
) -> None:
    rng = np.random.default_rng(5)
    later = purchases(rng, 400, AS_OF, AS_OF + 9 * SECONDS_PER_DAY)
    later["price"] *= 100
    later["time"][:20] = AS_OF  # at the moment itself, too
    both = {name: np.concatenate([bought[name], later[name]]) for name in bought}
    found = []
    for columns in (bought, both):
        histories = histories_of(columns, age)
        features = made().fit(histories, catalogue, as_of=AS_OF)
        found.append((names(features), features.compute(histories, candidates, as_of=AS_OF)))
    assert found[0][0] == found[1][0]
    assert found[0][1].tobytes() == found[1][1].tobytes()


def test_neither_blocks_nor_threads_matter(
    histories: Histories, candidates: Candidates, catalogue: Catalogue
) -> None:
    features = made().fit(histories, catalogue, as_of=AS_OF)
    whole = features.compute(histories, candidates, as_of=AS_OF)
    parts = [
        features.compute(histories.block(low, low + 7), candidates.block(low, low + 7), as_of=AS_OF)
        for low in range(0, 56, 7)
    ]
    assert np.concatenate(parts).tobytes() == whole[: candidates.bounds[56]].tobytes()
    config = Config.of({"threads": 3, "features": {"leave_out": []}})
    many = Features(config, CHANNELS).fit(histories, catalogue, as_of=AS_OF)
    assert many.compute(histories, candidates, as_of=AS_OF).tobytes() == whole.tobytes()


def test_save_and_load(
    histories: Histories, candidates: Candidates, catalogue: Catalogue, tmp_path: Path
) -> None:
    features = made().fit(histories, catalogue, as_of=AS_OF)
    features.save(tmp_path)
    loaded = Features.load(tmp_path, features.config, catalogue, CHANNELS)
    assert loaded.declared == features.declared
    one = features.compute(histories, candidates, as_of=AS_OF)
    assert loaded.compute(histories, candidates, as_of=AS_OF).tobytes() == one.tobytes()


def test_other_settings_than_those_saved(
    histories: Histories, catalogue: Catalogue, tmp_path: Path
) -> None:
    made().fit(histories, catalogue, as_of=AS_OF).save(tmp_path)
    with pytest.raises(RunError, match="other features"):
        Features.load(tmp_path, made(leave_out=["own"]).config, catalogue, CHANNELS)
    with pytest.raises(RunError, match="no such features"):
        Features.load(tmp_path / "elsewhere", made().config, catalogue, CHANNELS)


def test_shop_without_attributes_prices_ages(
    bought: dict[str, Any], candidates: Candidates
) -> None:
    plain = {name: bought[name] for name in ("customer", "article", "time")}
    histories = histories_of(plain, None)
    none = np.zeros((ARTICLES, 0))
    catalogue = Catalogue(ARTICLES, {}, none.astype(np.int32), none.astype(np.float32))
    features = made().fit(histories, catalogue, as_of=AS_OF)
    assert not {"attributes", "product", "visual"} & {one.family for one in features.declared}
    assert features.left_out["department.share"] == "the shop has no department_no"
    found = features.compute(histories, candidates, as_of=AS_OF)
    for at, name in enumerate(names(features)):
        unknown = "price" in name or "age" in name.split(".")[1] or "discount" in name
        if unknown or name.endswith(".channel"):
            assert np.isnan(found[:, at]).all(), name
        elif not name.startswith(("score", "rank")):
            assert not np.isnan(found[:, at]).all(), name


def test_customers_without_purchases_and_without_candidates(catalogue: Catalogue) -> None:
    empty = Histories.from_baskets([[], [3]], n_articles=ARTICLES, time=AS_OF - 1)
    features = made().fit(empty, catalogue, as_of=AS_OF)
    rank, score = np.ones((2, 3), np.int16), np.zeros((2, 3), np.float32)
    one = Candidates(np.array([0, 2, 2]), np.array([3, 4], np.int32), rank, score, CHANNELS)
    found = features.compute(empty, one, as_of=AS_OF)
    at = names(features).index
    assert (found[:, at("customer.purchases")] == 0).all()
    assert np.isnan(found[:, at("customer.days")]).all()
    assert np.isnan(found[:, at("department.share")]).all()
    nothing = Candidates(
        np.zeros(3, np.int64), np.zeros(0, np.int32), rank[:0], score[:0], CHANNELS
    )
    assert features.compute(empty, nothing, as_of=AS_OF).shape == (0, len(features.declared))


def test_nothing_was_bought_before(
    histories: Histories, candidates: Candidates, catalogue: Catalogue
) -> None:
    features = made().fit(histories, catalogue, as_of=0)
    found = features.compute(histories, candidates, as_of=0)
    about = {one.name: found[:, at] for at, one in enumerate(features.declared)}
    assert (about["sales.all"] == 0).all()
    assert (about["pairs.history"] == 0).all()
    assert np.isnan(about["article.first_days"]).all()


def test_purchases_before_1970(
    bought: dict[str, Any], age: Any, candidates: Candidates, catalogue: Catalogue
) -> None:
    shift = 100 * 365 * SECONDS_PER_DAY
    found = []
    for back in (0, shift):
        histories = histories_of({**bought, "time": bought["time"] - back}, age)
        features = made().fit(histories, catalogue, as_of=AS_OF - back)
        found.append(features.compute(histories, candidates, as_of=AS_OF - back))
    assert found[0].tobytes() == found[1].tobytes()


def test_leave_out(histories: Histories, candidates: Candidates, catalogue: Catalogue) -> None:
    whole = made().fit(histories, catalogue, as_of=AS_OF)
    less = made(leave_out=["own", "pairs", "department.days"], pairs_days=0)
    less.fit(histories, catalogue, as_of=AS_OF)
    assert less.pairs_ is None
    kept = [
        at
        for at, one in enumerate(whole.declared)
        if one.family not in ("own", "pairs") and one.name != "department.days"
    ]
    assert names(less) == [names(whole)[at] for at in kept]
    one, other = (x.compute(histories, candidates, as_of=AS_OF) for x in (whole, less))
    assert one[:, kept].tobytes() == other.tobytes()


def test_what_is_refused(
    histories: Histories, candidates: Candidates, catalogue: Catalogue
) -> None:
    with pytest.raises(ConfigError, match=r"features.leave_out: no feature or family 'own.colour'"):
        made(leave_out=["own.colour"])
    features = made()
    with pytest.raises(RunError, match="not fitted"):
        features.compute(histories, candidates, as_of=AS_OF)
    features.fit(histories, catalogue, as_of=AS_OF)
    for as_of in (None, AS_OF - 1):
        with pytest.raises(CutoffError, match="fitted on purchases up to"):
            features.compute(histories, candidates, as_of=as_of)
    with pytest.raises(ConfigError, match="candidates of 60 customers, histories of 59"):
        features.compute(histories.block(0, 59), candidates, as_of=AS_OF)
    with pytest.raises(ConfigError, match="from the channels als"):
        features.compute(histories, replace(candidates, channels=("als",)), as_of=AS_OF)
    with pytest.raises(ConfigError, match="a catalogue of 39 articles"):
        made().fit(histories, replace(catalogue, n_articles=39))


def test_declared_in_the_order_of_the_compiled_code() -> None:
    """The constants of the kernel are the names, in capitals."""
    places = {
        name: value
        for name, value in vars(kernel).items()
        if name.isupper() and isinstance(value, int) and not name.startswith(("N_", "AT_"))
    }
    for at, one in enumerate(declared.FIXED):
        assert places[one.name.replace(".", "_").upper()] == at
    every = declared.all_features(CHANNELS)
    assert len({one.name for one in every}) == len(every)
    assert every[kernel.AT_CHANNELS].name == "channels.number"
    assert len(declared.ATTRIBUTES) == kernel.ATTRIBUTES
    assert set(declared.ATTRIBUTES) == set(ATTRIBUTES)
    assert next(iter(declared.ATTRIBUTES)) == "product_code"
    assert len(every) >= 40
