"""Training on several threads of torch is bit for bit training on one."""

from __future__ import annotations

import numpy as np
import pytest

from hemline.models import DotBias, LightGCN
from hemline.models.neural import Neural
from hemline.shop.histories import Histories


@pytest.mark.neural
@pytest.mark.parametrize(
    "make",
    [
        lambda: DotBias(factors=48, epochs=2, batch=3000),
        lambda: LightGCN(factors=64, epochs=2, batch=3000, dropout=0.1),
        lambda: LightGCN(factors=64, epochs=2, batch=3000, form="linear"),
    ],
    ids=["dot bias", "light gcn", "light gcn, linear"],
)
def test_threads_do_not_change_what_is_learnt(make, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs the extra neural")
    from hemline.models import neural_training

    used = []
    count = torch.set_num_threads

    def counted(n: int) -> None:
        used.append(n)
        count(n)

    monkeypatch.setattr(torch, "set_num_threads", counted)
    # as if the steps were those of a large shop
    monkeypatch.setattr(neural_training, "_WORTH_THREADS", 0)
    random = np.random.default_rng(0)
    histories = Histories.from_purchases(
        random.integers(0, 1500, 12_000), (900 * random.random(12_000) ** 2).astype(int),
        n_customers=1500, n_articles=900,
    )  # fmt: skip
    models: list[Neural] = []
    for threads in (1, 2):
        model = make()
        model.own_process, model.threads = False, threads
        models.append(model.fit(histories))
    one, two = models
    assert len(used) == 4
    if getattr(one.settings, "form", "light") == "light":
        assert 2 in used
    for name in one.fitted:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
