"""The compiled cascade against the same written out in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemline.recommend.cascade_kernel import (
    ALSO_BOUGHT,
    AT_AGE,
    NEVER,
    POPULAR,
    SAMPLE,
    SIMILAR,
    cascade_block,
    fill_block,
)

ALWAYS = np.iinfo(np.int64).min
MASK = 2**64 - 1


@dataclass
class Shop:
    """Arguments of the kernel."""

    histories: tuple[np.ndarray, ...]
    catalogue: tuple[Any, ...]
    als: tuple[np.ndarray, ...]
    also_bought: tuple[np.ndarray, ...]
    popular: tuple[np.ndarray, ...]
    seed: int
    among: np.ndarray
    since: np.ndarray

    def answer(self, k: int, rows: slice = slice(None)) -> tuple[np.ndarray, ...]:
        start, stop, article, time = self.histories
        vectors, factors, known = self.als
        order, counts, band = self.popular
        n = len(start[rows])
        among = self.among[rows] if len(self.among) > 1 else self.among
        out = (
            np.full((n, k), -1, np.int32),
            np.full((n, k), -np.inf, np.float32),
            np.full((n, k), -1, np.int8),
        )
        cascade_block(
            (start[rows], stop[rows], article, time),
            self.catalogue,
            (vectors[rows], factors, known),
            self.also_bought,
            (order, counts, band[rows]),
            np.uint64(self.seed),
            among,
            self.since,
            out,
        )
        return out


def random_shop(seed: int, *, n: int = 30, n_articles: int = 40, mask: int = 0) -> Shop:
    """A shop with everything that can be missing sometimes missing.

    Vectors hold small whole numbers: dot products are exact, and many are equal.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 12, n) * (rng.random(n) < 0.8)
    stop = np.cumsum(lengths).astype(np.int64)
    m = int(stop[-1])
    article = (rng.integers(0, n_articles, m) * rng.random(m)).astype(np.int32)
    time = np.concatenate([np.sort(rng.integers(0, 100, one)) for one in lengths]).astype(np.int64)
    n_similar = int(rng.integers(0, 5))
    similar = np.array(
        [rng.choice(n_articles, n_similar, replace=False) for _ in range(n_articles)]
    )
    similar = np.where(rng.random(similar.shape) < 0.2, -1, similar).astype(np.int32)
    similar = similar.reshape(n_articles, n_similar)
    departments = rng.integers(-1, 4, n_articles)
    indexes = rng.integers(-1, 2, n_articles)
    codes = np.stack([departments, np.where(indexes >= 0, indexes + 4, -1)], axis=1)
    codes = np.ascontiguousarray(codes[:, : rng.integers(0, 3)], np.int32)
    known = rng.random(n_articles) < 0.7
    factors = rng.integers(-2, 3, (n_articles, 3)).astype(np.float32) * known[:, None]
    vectors = rng.integers(-2, 3, (n, 3)) * (rng.random(n) < 0.7)[:, None]
    pairs = [
        np.flatnonzero((rng.random(n_articles) < 0.15) & (np.arange(n_articles) != one))
        for one in range(n_articles)
    ]
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in pairs])]).astype(np.int64)
    counts = np.floor(rng.random((3, n_articles)) * 4 * rng.random((3, n_articles)))
    counts = np.where(counts > 0, counts, np.floor(rng.random(counts.shape) * 3) * 2.0**-24)
    order = np.argsort(-counts, axis=1, kind="stable").astype(np.int32)
    everything = np.ones((mask, n_articles), bool)
    limits = [NEVER, ALWAYS, 50]
    return Shop(
        (stop - lengths, stop, article, time),
        (similar, codes, 6),
        (vectors.astype(np.float32), factors, known),
        (
            indptr,
            np.concatenate(pairs).astype(np.int32),
            rng.integers(1, 4, indptr[-1]).astype(np.float32),
        ),
        (
            order,
            np.take_along_axis(counts, order, axis=1).astype(np.float32),
            rng.integers(0, 3, n).astype(np.int32),
        ),
        int(rng.integers(0, 2**63)),
        everything & (rng.random((mask, n_articles)) < 0.5),
        np.array(rng.choice(limits, 3), np.int64),
    )


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def step(article: int) -> int:
    return ((article + 1) * 0x9E3779B97F4A7C15) & MASK


def reference(shop: Shop, row: int, k: int) -> list[tuple[int, float, int]]:
    """The cascade for one customer: what is right."""
    start, stop, article, time = shop.histories
    similar, codes, _ = shop.catalogue
    vectors, factors, known = shop.als
    purchases = article[start[row] : stop[row]].tolist()
    last = dict(zip(purchases, time[start[row] : stop[row]].tolist(), strict=True))
    mask = shop.among[row % len(shop.among)] if len(shop.among) else np.ones(len(known), bool)

    def allowed(one: int, since: int) -> bool:
        return bool(mask[one]) and not (since != NEVER and one in last and last[one] >= since)

    proposals: list[tuple[int, list[tuple[int, float]]]] = []
    bought_codes = [set(codes[purchases, c].tolist()) - {-1} for c in range(codes.shape[1])]
    candidates = {
        one
        for bought in set(purchases)
        for one in similar[bought].tolist()
        if one >= 0
        and all(codes[one, c] in held for c, held in enumerate(bought_codes))
        and allowed(one, shop.since[0])
    }
    in_als = {one for one in candidates if known[one] and vectors[row].any()}
    proposals.append((SIMILAR, [(one, float(vectors[row] @ factors[one])) for one in in_als]))
    digest = mix((sum(mix(step(one)) for one in set(purchases)) + shop.seed) & MASK)
    drawn = {one: (mix((digest + step(one)) & MASK) >> 40) / 2**24 for one in candidates - in_als}
    proposals.append((SAMPLE, list(drawn.items())))
    indptr, other, count = shop.also_bought
    together: dict[int, float] = {}
    for bought in purchases:
        for at in range(indptr[bought], indptr[bought + 1]):
            together[int(other[at])] = together.get(int(other[at]), 0.0) + float(count[at])
    allowed_together = [(one, c) for one, c in together.items() if allowed(one, shop.since[1])]
    proposals.append((ALSO_BOUGHT, allowed_together))
    order, counts, bands = shop.popular
    for channel, band, least, since in (
        (AT_AGE, bands[row], 1, shop.since[2]),
        (POPULAR, 0, 0, shop.since[2]),
        (POPULAR, 0, 0, NEVER),
    ):
        listed = zip(order[band].tolist(), counts[band].tolist(), strict=True)
        skipped = channel == AT_AGE and band == 0
        proposals.append(
            (
                channel,
                [(o, c) for o, c in listed if c >= least and allowed(o, since) and not skipped],
            )
        )
    chosen: list[tuple[int, float, int]] = []
    for channel, proposed in proposals:
        taken = {one for one, _, _ in chosen}
        ranked = sorted((p for p in proposed if p[0] not in taken), key=lambda p: (-p[1], p[0]))
        chosen += [(one, score, channel) for one, score in ranked][: k - len(chosen)]
    return chosen


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 50), mask=st.sampled_from([0, 1, 30]))
@settings(max_examples=150)
def test_equals_the_reference(seed: int, k: int, mask: int) -> None:
    shop = random_shop(seed, mask=mask)
    articles, scores, channels = shop.answer(k)
    for row in range(len(articles)):
        expected = reference(shop, row, k)
        n = len(expected)
        assert articles[row, :n].tolist() == [one for one, _, _ in expected]
        assert channels[row, :n].tolist() == [channel for _, _, channel in expected]
        np.testing.assert_allclose(scores[row, :n], [s for _, s, _ in expected], atol=1e-5)
        assert (articles[row, n:] == -1).all()
        assert (channels[row, n:] == -1).all()
        assert np.isneginf(scores[row, n:]).all()


def test_every_channel_is_exercised() -> None:
    """The random shops of the test above would prove little if some channel were never used."""
    used = np.concatenate([random_shop(seed).answer(12)[2].ravel() for seed in range(20)])
    assert set(used.tolist()) == {SIMILAR, SAMPLE, ALSO_BOUGHT, AT_AGE, POPULAR}


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 50), mask=st.sampled_from([0, 1, 30]))
def test_exactly_k_different(seed: int, k: int, mask: int) -> None:
    shop = random_shop(seed, mask=mask)
    articles, _, _ = shop.answer(k)
    n_articles = len(shop.als[2])
    for row in range(len(articles)):
        allowed = int(shop.among[row % mask].sum()) if mask else n_articles
        found = articles[row][articles[row] >= 0]
        assert len(set(found.tolist())) == len(found) == min(k, allowed)
        assert not mask or shop.among[row % mask][found].all()


@given(seed=st.integers(0, 2**32 - 1), mask=st.sampled_from([0, 1, 30]))
@settings(max_examples=20)
def test_a_row_does_not_depend_on_its_block(seed: int, mask: int) -> None:
    shop = random_shop(seed, mask=mask)
    whole = shop.answer(12)
    for row in (0, 7, 29):
        alone = shop.answer(12, slice(row, row + 1))
        for both in zip(whole, alone, strict=True):
            np.testing.assert_array_equal(both[0][row], both[1][0])


def test_the_sample_does_not_depend_on_order_or_time() -> None:
    shop = random_shop(3)
    start, stop, article, time = shop.histories
    turned = article.copy()
    for low, high in zip(start, stop, strict=True):
        turned[low:high] = article[low:high][::-1]
    shop.since = np.full(3, NEVER)
    expected = shop.answer(12)
    shop.histories = (start, stop, turned, np.zeros_like(time))
    for one, other in zip(expected, shop.answer(12), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_draws_another_sample() -> None:
    shop = random_shop(8, n=200)
    shop.als = (np.zeros_like(shop.als[0]), *shop.als[1:])
    first = shop.answer(2)
    shop.seed += 1
    second = shop.answer(2)
    sampled = first[2] == SAMPLE
    assert sampled.any()
    np.testing.assert_array_equal(first[2], second[2])
    np.testing.assert_array_equal(first[0][~sampled], second[0][~sampled])
    assert (first[0][sampled] != second[0][sampled]).any()


def test_the_sample_is_uniform() -> None:
    """Each of ten candidates is drawn first about equally often: 4,000 customers, 3 sigma."""
    n, n_articles = 4000, 4010
    shop = random_shop(1, n=1)
    similar = np.full((n_articles, 10), -1, np.int32)
    similar[:n] = np.arange(n, n_articles)
    place = np.arange(n, dtype=np.int64)
    shop = Shop(
        (place, place + 1, place.astype(np.int32), np.zeros(n, np.int64)),
        (similar, np.zeros((n_articles, 0), np.int32), 0),
        (
            np.zeros((n, 1), np.float32),
            np.zeros((n_articles, 1), np.float32),
            np.zeros(n_articles, bool),
        ),
        (np.zeros(n_articles + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)),
        (
            np.arange(n_articles, dtype=np.int32)[None],
            np.zeros((1, n_articles), np.float32),
            np.zeros(n, np.int32),
        ),
        1,
        np.zeros((0, n_articles), bool),
        np.full(3, NEVER),
    )
    articles, scores, channels = shop.answer(1)
    assert (channels == SAMPLE).all()
    assert ((scores >= 0) & (scores < 1)).all()
    drawn = np.bincount(articles[:, 0] - n, minlength=10)
    assert abs(drawn - 400).max() < 3.5 * np.sqrt(4000 * 0.1 * 0.9)


@pytest.mark.parametrize("mask", [0, 1, 30])
def test_filling_equals_the_end_of_the_cascade(mask: int) -> None:
    shop = random_shop(5, mask=mask)
    start, stop, article, time = shop.histories
    n, n_articles = len(start), len(shop.als[2])
    shop.catalogue = (np.zeros((n_articles, 0), np.int32), np.zeros((n_articles, 0), np.int32), 0)
    shop.also_bought = (np.zeros(n_articles + 1, np.int64), *shop.also_bought[1:])
    expected = shop.answer(12)
    out = (
        np.full((n, 12), -1, np.int32),
        np.full((n, 12), -np.inf, np.float32),
        np.full((n, 12), -1, np.int8),
    )
    # the first half of every row is there already
    for mine, whole in zip(out, expected, strict=True):
        mine[:, :6] = whole[:, :6]
    fill_block((start, stop, article, time), shop.popular, AT_AGE, shop.among, shop.since[2], out)
    for mine, whole in zip(out, expected, strict=True):
        np.testing.assert_array_equal(mine, whole)


def test_the_whole_catalogue_as_candidates() -> None:
    """Every article is found and counted, some again and again: no list is too short."""
    shop = random_shop(2, n=1)
    n_articles = len(shop.als[2])
    everything = np.arange(n_articles, dtype=np.int32)
    ring = (everything[:, None] + np.arange(1, 11)) % n_articles
    bounds = np.arange(n_articles + 1, dtype=np.int64)
    shop.histories = (bounds[:1], bounds[-1:], everything, np.zeros(n_articles, np.int64))
    shop.catalogue = (ring.astype(np.int32), np.zeros((n_articles, 0), np.int32), 0)
    shop.also_bought = (
        bounds * 10,
        ring.astype(np.int32).ravel(),
        np.ones(10 * n_articles, np.float32),
    )
    for since in (NEVER, ALWAYS):  # with ALWAYS, what was bought is left to popularity
        shop.since = np.full(3, since)
        articles, _, channels = shop.answer(n_articles)
        expected = reference(shop, 0, n_articles)
        assert articles[0].tolist() == [one for one, _, _ in expected]
        assert channels[0].tolist() == [channel for _, _, channel in expected]
        assert sorted(articles[0].tolist()) == everything.tolist()
