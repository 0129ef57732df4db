"""The other articles of a product, and what looks alike, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from hemline.errors import ConfigError
from hemline.models import LooksLike, SameProduct
from hemline.shop.histories import SECONDS_PER_DAY, Histories
from hemline.shop.tables import Catalogue

DAY = SECONDS_PER_DAY
N_ARTICLES = 36
AS_OF = 50 * DAY


@pytest.fixture(scope="module")
def shop() -> Histories:
    random = np.random.default_rng(8)
    m = 300
    return Histories.from_purchases(
        random.integers(0, 30, m),
        random.integers(0, N_ARTICLES - 3, m),
        n_customers=30,
        n_articles=N_ARTICLES,
        time=random.integers(1, 50, m) * DAY,
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    random = np.random.default_rng(2)
    similar = random.permuted(np.tile(np.arange(N_ARTICLES), (N_ARTICLES, 1)), axis=1)[:, :12]
    similar[similar == np.arange(N_ARTICLES)[:, None]] = -1
    product = (np.arange(N_ARTICLES) // 4).astype(np.int32)
    product[5] = -1
    department = random.integers(-1, 6, N_ARTICLES).astype(np.int32)
    codes = {
        "product_code": product,
        "department_no": department,
        "index_code": (department // 2).astype(np.int32),
        "section_no": np.full(N_ARTICLES, -1, np.int32),
    }
    cosine = random.uniform(-0.2, 1, similar.shape).astype(np.float32)
    return Catalogue(N_ARTICLES, codes, similar.astype(np.int32), -np.sort(-cosine, axis=1))


def fading(shop: Histories, i: int, decay: float) -> tuple[np.ndarray, np.ndarray]:
    held = slice(shop.start[i], shop.stop[i])
    age = (AS_OF - 1 - shop.time[held]) // DAY
    return shop.article[held], (1.0 + age) ** -decay


def check(model, shop: Histories, expected: np.ndarray) -> None:
    found = model.recommend(shop, N_ARTICLES, as_of=AS_OF)
    every = np.tile(np.arange(N_ARTICLES, dtype=np.int32), (len(shop), 1))
    np.testing.assert_allclose(model.score(shop, every), expected, rtol=1e-5, atol=1e-7)
    for i in range(len(shop)):
        held = found.articles[i] >= 0
        assert held.sum() == (expected[i] > 0).sum()
        assert (np.diff(found.scores[i][held]) <= 0).all()
        np.testing.assert_allclose(
            found.scores[i][held], expected[i][found.articles[i][held]], rtol=1e-5
        )


def test_same_product(shop, catalogue):
    model = SameProduct(days=20, history_decay=1.5).fit(shop, as_of=AS_OF, catalogue=catalogue)
    product = catalogue.codes["product_code"]
    rows = shop.rows()
    lately = shop.time[rows] >= AS_OF - 20 * DAY
    pairs = {
        (int(c), int(a))
        for c, a in zip(shop.customers()[lately], shop.article[rows][lately], strict=True)
    }
    sales = np.bincount([a for _, a in pairs], minlength=N_ARTICLES) + 0.5
    expected = np.zeros((len(shop), N_ARTICLES))
    for i in range(len(shop)):
        for bought, much in zip(*fading(shop, i, 1.5), strict=True):
            if product[bought] < 0:
                continue
            same = np.flatnonzero(product == product[bought])
            others = same[same != bought]
            expected[i, others] += much * sales[others] / sales[same].sum()
    check(model, shop, expected)


def test_at_most_so_many_of_a_product(shop, catalogue):
    whole = SameProduct().fit(shop, as_of=AS_OF, catalogue=catalogue)
    few = SameProduct(per_article=2).fit(shop, as_of=AS_OF, catalogue=catalogue)
    for one in range(N_ARTICLES):
        best = whole.article_[whole.indptr_[one] : whole.indptr_[one + 1]][:2]
        assert few.article_[few.indptr_[one] : few.indptr_[one + 1]].tolist() == best.tolist()


@pytest.mark.parametrize(
    "attributes", [("department_no", "index_code"), ("index_code", "section_no"), ()]
)
def test_looks_like(shop, catalogue, attributes):
    model = LooksLike(attributes=attributes, history_decay=0.5)
    model.fit(shop, as_of=AS_OF, catalogue=catalogue)
    used = [catalogue.codes[name] for name in attributes if name != "section_no"]
    expected = np.zeros((len(shop), N_ARTICLES))
    for i in range(len(shop)):
        bought, much = fading(shop, i, 0.5)
        for one, weight in zip(bought, much, strict=True):
            for other, cosine in zip(
                catalogue.similar[one], catalogue.similarity[one], strict=True
            ):
                if other >= 0 and cosine > 0:
                    expected[i, other] += weight * cosine
        for codes in used:
            shared = (codes >= 0) & np.isin(codes, codes[bought])
            expected[i, ~shared] = 0
    check(model, shop, expected)


def test_what_the_catalogue_lacks_is_said(shop, catalogue):
    bare = Catalogue(
        N_ARTICLES, {}, np.zeros((N_ARTICLES, 0), np.int32), np.zeros((N_ARTICLES, 0), np.float32)
    )
    with pytest.raises(ConfigError, match="no similar articles"):
        LooksLike().fit(shop, as_of=AS_OF, catalogue=bare)
    with pytest.raises(ConfigError, match="no product_code"):
        SameProduct().fit(shop, as_of=AS_OF, catalogue=bare)
