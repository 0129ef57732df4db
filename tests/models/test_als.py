from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from hemline.errors import ConfigError
from hemline.models import ALS
from hemline.models.foldin_kernel import STEPS, fold_in
from hemline.models.weights import interactions
from hemline.shop.histories import Histories
from hemline.shop.kcore import k_core

DAY = 86_400
AS_OF = 400 * DAY
N_ARTICLES = 150
TRAINERS = ("own", "implicit")


def shop(seed: int = 0) -> Histories:
    """Customers with none, a few, and (more than there are factors) many articles."""
    random = np.random.default_rng(seed)
    lengths = np.concatenate([[0, 1, 2], random.integers(3, 25, 300), [90, 200, 400]])
    customer = np.repeat(np.arange(len(lengths)), lengths)
    article = (N_ARTICLES * random.random(len(customer)) ** 1.5).astype(int)
    return Histories.from_purchases(
        customer,
        article,
        n_customers=len(lengths),
        n_articles=N_ARTICLES,
        time=random.integers(0, 400, len(customer)) * DAY,
        weight=random.integers(1, 4, len(customer)),
    )


def by_hand(matrix: sparse.csr_matrix, model: ALS):
    """Train with implicit on the same matrix, as its documentation shows."""
    with threadpool_limits(1, "blas"):
        from implicit.als import AlternatingLeastSquares

        trainer = AlternatingLeastSquares(
            factors=model.settings.factors,
            iterations=model.settings.iterations,
            regularization=model.settings.regularization,
            alpha=model.settings.alpha,
            random_state=model.settings.seed,
        )
        trainer.fit(matrix, show_progress=False)
    return trainer


SETTINGS = {
    "recent, longer and shorter than the vectors": {"factors": 10},
    "binary": {"factors": 64, "weights": "binary"},
    "weights below one": {
        "factors": 17,
        "weights": {"kind": "power_decay", "repeats": "max", "exponent": 1.5},
    },
    "weights around one": {
        "factors": 24,
        "weights": {"kind": "power_decay", "quantity": True},
        "alpha": 0.5,
    },
    "very heavy": {"factors": 40, "alpha": 3000.0, "regularization": 10.0},
    "heavy": {"factors": 16, "alpha": 40.0, "regularization": 1.0},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_training_and_fold_in_equal_implicit(settings):
    model = ALS(iterations=4, trainer="implicit", **settings).fit(shop(), as_of=AS_OF)
    matrix = interactions(shop(), AS_OF, model.settings.weights)
    core = k_core(matrix, 5, 5)
    trainer = by_hand(core.matrix(matrix), model)
    assert 100 < core.after.articles == model.known_.sum()
    assert np.array_equal(model.item_factors_[model.known_], trainer.item_factors)
    assert not model.item_factors_[~model.known_].any()

    known = matrix[:, model.known_]
    theirs = trainer.recalculate_user(np.arange(len(shop())), known)
    ours = model.customer_vectors(shop(), as_of=AS_OF)
    scale = np.abs(theirs).max()
    assert np.abs(ours - theirs).max() < 1e-4 * max(1, scale)
    # and both the exact solution, which ours is as near as float32 allows
    exact = solved(known, trainer.item_factors.astype(np.float64), model)
    assert np.abs(ours - exact).max() < 3e-5 * max(1, scale)


def solved(known: sparse.csr_matrix, items: np.ndarray, model: ALS) -> np.ndarray:
    """Hu, Koren and Volinsky (2008), equation 4, one customer at a time in float64."""
    gram = items.T @ items + model.settings.regularization * np.eye(items.shape[1])
    found = np.zeros((known.shape[0], items.shape[1]))
    for row in range(known.shape[0]):
        held = slice(known.indptr[row], known.indptr[row + 1])
        y = items[known.indices[held]]
        c = known.data[held].astype(np.float64) * model.settings.alpha
        found[row] = np.linalg.solve(gram + (y.T * (c - 1)) @ y, y.T @ c)
    return found


def test_confidences_on_which_gradients_would_need_too_many_steps():
    random = np.random.default_rng(0)
    n, f = 50, 60
    basis = np.linalg.qr(random.standard_normal((f, f)))[0][:n]
    whitened = np.vstack([np.zeros(f), 0.9 * basis]).astype(np.float32)
    known = np.arange(n + 1) > 0
    confidence = np.geomspace(1e-2, 1e6, n + 1).astype(np.float32)
    article = np.arange(n + 1, dtype=np.int32)
    out = np.full((1, f), np.nan, np.float32)
    indptr = np.array([0, n + 1], np.int64)
    fold_in(indptr, article, confidence, whitened, known, np.eye(f), False, 0, 1, out)
    w, c = whitened[1:].astype(np.float64), confidence[1:].astype(np.float64)
    steps, r, x = 0, w.T @ c, np.zeros(f)
    p, square = r, r @ r
    while r @ r > 1e-13 * square:
        q = p + w.T @ ((c - 1) * (w @ p))
        step = (r @ r) / (p @ q)
        x, rest = x + step * p, r - step * q
        p, r, steps = rest + (rest @ rest) / (r @ r) * p, rest, steps + 1
    assert steps > STEPS
    exact = np.linalg.solve(np.eye(f) + (w.T * (c - 1)) @ w, w.T @ c)
    np.testing.assert_allclose(out[0], exact, rtol=1e-5, atol=1e-5)


def test_whitened_vectors_give_the_same_scores():
    model = ALS(factors=12, iterations=4).fit(shop(), as_of=AS_OF)
    plain = model.customer_vectors(shop(), as_of=AS_OF) @ model.item_factors_.T
    whitened = model.customer_vectors(shop(), as_of=AS_OF, whitened=True) @ model.whitened_.T
    np.testing.assert_allclose(plain, whitened, atol=1e-5)
    np.testing.assert_allclose(model.whitened_ @ model.root_.T, model.item_factors_, atol=1e-5)
    candidates = np.tile(np.arange(N_ARTICLES, dtype=np.int32), (len(shop()), 1))
    np.testing.assert_allclose(model.score(shop(), candidates, as_of=AS_OF), plain, atol=1e-5)


def test_recommend_is_the_order_of_the_scores():
    model = ALS(factors=12, iterations=4).fit(shop(), as_of=AS_OF)
    candidates = np.tile(np.arange(N_ARTICLES, dtype=np.int32), (len(shop()), 1))
    scores = model.score(shop(), candidates, as_of=AS_OF)
    scores[:, ~model.known_] = -np.inf
    found = model.recommend(shop(), 10, as_of=AS_OF)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    assert (found.articles[0] == -1).all()
    near = np.take_along_axis(scores, order, axis=1)[3:]
    np.testing.assert_allclose(found.scores[3:], near, atol=1e-5)


def test_empty_and_unknown_histories_have_zero_vectors():
    histories = shop()
    model = ALS(factors=6, iterations=2, min_article=23).fit(histories, as_of=AS_OF)
    unknown = np.flatnonzero(~model.known_)[:2].tolist()
    assert len(unknown) == 2
    known = int(np.flatnonzero(model.known_)[0])
    baskets = Histories.from_baskets(
        [[], unknown, [*unknown, known], [known]], n_articles=N_ARTICLES, time=AS_OF - DAY
    )
    vectors = model.customer_vectors(baskets, as_of=AS_OF)
    assert not vectors[:2].any()
    assert vectors[2].any()
    assert np.array_equal(vectors[2], vectors[3])
    assert (model.recommend(baskets, 3, as_of=AS_OF).articles[:2] == -1).all()
    assert (model.score(baskets, np.array([unknown] * 4), as_of=AS_OF) == 0).all()


@pytest.mark.parametrize("trainer", TRAINERS)
def test_threads_do_not_change_the_factors(trainer):
    factors = []
    for threads in (1, 2, 5):
        model = ALS(factors=16, iterations=3, trainer=trainer)
        model.threads = threads
        factors.append(model.fit(shop(), as_of=AS_OF).item_factors_)
    assert np.array_equal(factors[0], factors[1])
    assert np.array_equal(factors[0], factors[2])


def test_the_seed_is_a_setting():
    one, two, again = (
        ALS(factors=8, iterations=2, seed=seed).fit(shop(), as_of=AS_OF).item_factors_
        for seed in (1, 2, 1)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_progress_counts_iterations(trainer):
    seen = []
    model = ALS(factors=4, iterations=3, trainer=trainer)
    model.progress = lambda done, total: seen.append((done, total))
    model.fit(shop(), as_of=AS_OF)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_shop_without_purchases_is_known_of_nothing():
    nothing = shop().block(0, 1)
    model = ALS(regularization=0).fit(nothing, as_of=AS_OF)
    assert not model.known_.any()
    assert not model.customer_vectors(shop(), as_of=AS_OF).any()
    assert (model.recommend(shop(), 3, as_of=AS_OF).articles == -1).all()


def test_thresholds_that_leave_nothing_are_lowered():
    model = ALS(min_customer=1000, min_article=1, factors=2).fit(shop(), as_of=AS_OF)
    assert 100 < model.core_.min_customer < 200
    assert model.known_.any()


def test_more_factors_than_articles_without_regularization():
    histories = Histories.from_baskets([[0, 1], [0, 1], [1, 2], [0, 2]], n_articles=3)
    model = ALS(factors=8, regularization=0, min_customer=1, min_article=1).fit(histories)
    found = model.recommend(histories, 3)
    assert (np.sort(found.articles, axis=1) == [0, 1, 2]).all()
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("trainer", TRAINERS)
def test_factors_that_are_no_numbers_are_an_error(trainer):
    histories = Histories.from_baskets([[0, 1], [0, 1]], n_articles=2)
    wild = {"kind": "recent", "values": (np.inf, 1, 1)}
    model = ALS(factors=2, min_customer=1, min_article=1, weights=wild, trainer=trainer)
    dated = Histories.from_purchases(
        histories.customers(), histories.article, n_customers=2, n_articles=2, time=[DAY] * 4
    )
    with pytest.raises(ConfigError, match="did not converge"):
        model.fit(dated)


def test_core_is_kept_for_printing():
    model = ALS(factors=2, iterations=1).fit(shop(), as_of=AS_OF)
    assert "Number of users: 305" in str(model.core_.before)
    assert model.core_.after.articles == model.known_.sum()


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_start_from_an_earlier_run_needs_fewer_iterations(trainer):
    settings = {"factors": 10, "tolerance": 1e-4, "iterations": 200, "trainer": trainer}
    before = shop().before(395 * DAY)
    trained = ALS(**settings).fit(before, as_of=395 * DAY)
    cold = ALS(**settings).fit(shop(), as_of=AS_OF)
    warm = ALS(**settings).start_from(trained.item_factors_).fit(shop(), as_of=AS_OF)
    assert 1 < warm.iterations_ == len(warm.losses_) < cold.iterations_ / 2
    assert warm.losses_[0] < cold.losses_[1]
    assert abs(warm.losses_[-1] - cold.losses_[-1]) < 0.01 * cold.losses_[-1]


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_start_serves_one_fit_and_is_not_saved(trainer, tmp_path):
    settings = {"factors": 6, "iterations": 3, "trainer": trainer}
    cold = ALS(**settings).fit(shop(), as_of=AS_OF).item_factors_
    model = ALS(**settings).start_from(np.random.default_rng(0).random((N_ARTICLES, 6)))
    warm = model.fit(shop(), as_of=AS_OF).item_factors_
    assert not np.array_equal(cold, warm)
    assert np.array_equal(model.fit(shop(), as_of=AS_OF).item_factors_, cold)
    model.save(tmp_path)
    assert not any("start" in path.name for path in tmp_path.iterdir())
    assert np.array_equal(ALS.load(tmp_path).fit(shop(), as_of=AS_OF).item_factors_, cold)


def test_articles_without_a_start_are_trained_all_the_same():
    settings = {"factors": 6, "iterations": 5, "regularization": 0.1}
    factors = ALS(**settings).fit(shop(), as_of=AS_OF).item_factors_.copy()
    factors[::7] = 0
    model = ALS(**settings).start_from(factors).fit(shop(), as_of=AS_OF)
    assert model.item_factors_[model.known_].any(axis=1).all()


def test_a_start_of_zeros_is_none():
    cold = ALS(factors=6, iterations=2).fit(shop(), as_of=AS_OF).item_factors_
    zeros = ALS(factors=6, iterations=2).start_from(np.zeros((N_ARTICLES, 6), np.float32))
    assert np.array_equal(zeros.fit(shop(), as_of=AS_OF).item_factors_, cold)


@pytest.mark.parametrize(
    ("shape", "said"), [((N_ARTICLES, 5), "shape"), ((6,), "shape"), ((N_ARTICLES + 1, 6), "151")]
)
def test_a_start_of_another_shape_is_an_error(shape, said):
    with pytest.raises(ConfigError, match=said):
        ALS(factors=6).start_from(np.ones(shape, np.float32)).fit(shop(), as_of=AS_OF)


def test_a_start_that_is_no_numbers_is_an_error():
    with pytest.raises(ConfigError, match="not finite"):
        ALS(factors=2).start_from(np.full((N_ARTICLES, 2), np.nan, np.float32))


def test_no_iteration_is_measured_that_nobody_asked_to_measure():
    model = ALS(factors=4, iterations=3, trainer="implicit").fit(shop(), as_of=AS_OF)
    assert (model.iterations_, model.losses_) == (3, [])


def test_our_own_trainer_measures_every_iteration():
    model = ALS(factors=4, iterations=3, trainer="own").fit(shop(), as_of=AS_OF)
    assert model.iterations_ == len(model.losses_) == 3
    assert model.losses_ == sorted(model.losses_, reverse=True)


def test_undated_purchases_are_trained_on_by_both_alike():
    undated = Histories.from_purchases(
        shop().customers(), shop().article, n_customers=len(shop()), n_articles=N_ARTICLES
    )
    scores = []
    for trainer in TRAINERS:
        model = ALS(factors=8, iterations=100, trainer=trainer, regularization=1.0).fit(undated)
        scores.append(model.customer_vectors(undated) @ model.item_factors_.T)
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.95


def test_customers_are_folded_in_where_negative_confidences_say_what_is_not_wanted():
    values = {"kind": "recent", "values": (3.0, -2.0, 1.0)}
    model = ALS(factors=6, iterations=3, weights=values, regularization=1.0)
    model.fit(shop(), as_of=AS_OF)
    matrix = interactions(shop(), AS_OF, model.settings.weights)[:, model.known_]
    assert (matrix.data < 0).any()
    ours = model.customer_vectors(shop(), as_of=AS_OF)
    items = model.item_factors_[model.known_]
    trainer = by_hand(matrix, model)
    trainer.item_factors, trainer._YtY = items, None
    theirs = trainer.recalculate_user(np.arange(len(shop())), matrix)
    assert np.abs(ours - theirs).max() < 1e-4 * max(1, np.abs(theirs).max())
