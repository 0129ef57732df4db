"""Counts of histories that stream past are those of histories that fit, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemline.models import AlsoBought, CoPurchase, Popular, passes
from hemline.shop import histories as histories_module
from hemline.shop.histories import SECONDS_PER_DAY, Histories

DAY = SECONDS_PER_DAY


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    draw = np.random.default_rng(8)
    m = 4000
    made = Histories.from_purchases(
        draw.integers(0, 300, m),
        (draw.random(m) ** 2 * 60).astype(int),
        n_customers=310,
        n_articles=70,
        time=draw.integers(1, 100, m) * DAY + draw.integers(0, DAY, m),
        weight=draw.integers(1, 3, m),
        age=np.where(draw.random(310) < 0.1, np.nan, draw.integers(16, 90, 310)),
    )
    folder = tmp_path_factory.mktemp("histories")
    made.save(folder)
    return Histories.open(folder)


@pytest.fixture(params=[1, 2, 3])
def in_passes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Histories in blocks of 50 customers, sums of 9 articles at once for all threads."""
    monkeypatch.setattr(passes, "IN_MEMORY", 0)
    monkeypatch.setattr(passes, "MEMORY", 9 * 70 * 4)
    monkeypatch.setattr(histories_module.Histories.blocks, "__defaults__", (50,))
    return int(request.param)


MODELS = [
    (AlsoBought, {}),
    (AlsoBought, {"per_article": None}),
    (AlsoBought, {"per_article": 3}),
    (CoPurchase, {}),
    (CoPurchase, {"window_days": 0, "decay": 0.0, "share": 0.0}),
    (CoPurchase, {"window_days": 30, "decay": 1.5, "days": 60, "per_article": 4}),
]


@pytest.mark.parametrize(("kind", "settings"), MODELS)
@pytest.mark.parametrize("as_of", [None, 60 * DAY])
def test_same_in_passes_as_in_memory(shop, in_passes, monkeypatch, kind, settings, as_of):
    def fitted(most: int):
        monkeypatch.setattr(passes, "IN_MEMORY", most)
        model = kind(**settings)
        model.threads = in_passes
        return model.fit(shop, as_of=as_of)

    one, other = fitted(0), fitted(1 << 40)
    for name in kind.fitted:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype
    if kind is AlsoBought:
        assert len(one.article_) > 70


def test_wide_sums(shop, in_passes, monkeypatch):
    """Sums that an int32 might not hold are held by an int64."""
    seen = []
    real = passes.sums_in_passes

    def watched(train, add, kind, keep, **rest):
        seen.append(kind)
        return real(train, add, kind, keep, **rest)

    monkeypatch.setattr(passes, "sums_in_passes", watched)
    narrow = AlsoBought().fit(shop)
    monkeypatch.setattr("hemline.models.also_bought.MOST", 10)
    wide = AlsoBought().fit(shop)
    assert seen == [np.int32, np.int64]
    assert np.array_equal(narrow.count_, wide.count_)


@pytest.mark.parametrize("by", ["customers", "units"])
@pytest.mark.parametrize("as_of", [None, 70 * DAY, 101 * DAY])
def test_popularity_does_not_depend_on_blocks(shop, monkeypatch, by, as_of):
    whole = Popular(by=by, decay=0.7, by_age=True).fit(shop, as_of=as_of)
    monkeypatch.setattr(histories_module.Histories.blocks, "__defaults__", (7,))
    parts = Popular(by=by, decay=0.7, by_age=True).fit(shop, as_of=as_of)
    assert np.array_equal(whole.order_, parts.order_)
    assert np.array_equal(whole.counts_, parts.counts_)


def test_nothing_bought(in_passes):
    empty = Histories.from_purchases([], [], n_customers=3, n_articles=70)
    assert len(AlsoBought().fit(empty).article_) == 0


def test_progress_is_told(shop, in_passes):
    told = []
    model = CoPurchase()
    model.progress = lambda done, total: told.append((done, total))
    model.fit(shop)
    assert told[-1] == (70, 70)
    assert len(told) > 3
    assert Path(shop.article.filename).exists()  # mapped, as it is in a run
