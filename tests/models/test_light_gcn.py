"""LightGCN against its definition in NumPy, its fold-in, its records, and articles never sold."""

from __future__ import annotations

import numpy as np
import pytest

from hemline.config import LightGcn as Settings
from hemline.errors import ConfigError
from hemline.models import LightGCN
from hemline.models.light_gcn import one_hot
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue

neural = pytest.mark.neural


def checkerboard(n_customers: int = 40, n_articles: int = 20) -> Histories:
    """Even customers buy even articles, odd ones odd, each without one of them."""
    pairs = [
        (i, j) for i in range(n_customers) for j in range(n_articles)
        if (i + j) % 2 == 0 and j != i % n_articles
    ]  # fmt: skip
    customer, article = np.array(pairs).T
    return Histories.from_purchases(
        customer, article, n_customers=n_customers, n_articles=n_articles
    )


def trained(histories: Histories, catalogue: Catalogue | None = None, **settings) -> LightGCN:
    model = LightGCN(**{"factors": 8, "batch": 64, "learning_rate": 0.05, **settings})
    model.own_process = False
    return model.fit(histories, catalogue=catalogue)


def test_settings():
    paper = Settings(preset="paper-text")
    assert (paper.dropout, paper.beta, paper.loss, paper.epochs) == (0.1, 1.5, "softplus", 50)
    assert Settings(preset="paper").dropout == 0.01
    assert Settings(preset="paper-linear").form == "linear"
    with pytest.raises(ConfigError, match="beta belongs"):
        LightGCN(beta=2)
    with pytest.raises(ConfigError, match="no attribute 'colour'"):
        LightGCN(attributes=("colour",)).fit(checkerboard())
    with pytest.raises(ConfigError, match="features of shape"):
        LightGCN().with_features(np.array([[np.nan]]))


def test_one_hot():
    rows = one_hot([np.array([0, 1, -1], np.int32), np.array([0, 0, 0], np.int32)])
    half = 0.5**0.5
    np.testing.assert_allclose(rows, [[half, 0, half], [0, half, half], [0, 0, half]])


def dense(histories: Histories) -> np.ndarray:
    """The normalised graph of all nodes, customers first."""
    n, m = len(histories), histories.n_articles
    bought = histories.matrix().toarray() > 0
    graph = np.zeros((n + m, n + m))
    graph[:n, n:] = bought
    graph = graph + graph.T
    degree = np.maximum(graph.sum(1), 1)
    return graph / np.sqrt(np.outer(degree, degree))


@neural
class TestNetwork:
    @pytest.fixture(autouse=True)
    def _torch(self):
        self.torch = pytest.importorskip("torch", reason="needs the extra neural")

    def graph(self, histories: Histories):
        from hemline.models.light_gcn_graph import Graph

        return Graph(
            histories.customers(), histories.article.astype(np.int64), len(histories),
            histories.n_articles, self.torch.device("cpu"),
        )  # fmt: skip

    def test_propagation_is_the_mean_over_layers(self):
        from hemline.models.light_gcn_graph import differentiable, propagate

        histories = checkerboard(10, 6)
        matrix, wide = self.graph(histories).matrix, dense(histories)
        first = self.torch.randn(16, 3, requires_grad=True)
        powers = [np.linalg.matrix_power(wide, k) for k in range(4)]
        operator = sum(powers) / 4
        found = propagate(matrix, first.detach(), 3)
        np.testing.assert_allclose(found.numpy(), operator @ first.detach().numpy(), atol=1e-6)
        weight = self.torch.randn(16, 3)
        (differentiable(matrix, first, 3) * weight).sum().backward()
        np.testing.assert_allclose(first.grad.numpy(), operator.T @ weight.numpy(), atol=1e-6)

    @pytest.mark.parametrize("share", [0.02, 0.9])
    def test_features_are_mapped_and_have_their_gradient(self, share):
        from hemline.models.light_gcn_forms import Features
        from hemline.models.light_gcn_graph import sparse_rows

        random = np.random.default_rng(0)
        rows = (random.random((40, 30)) * (random.random((40, 30)) < share)).astype(np.float32)
        straight, turned = sparse_rows(rows)
        assert (turned is None) == (share > 0.1)
        weight = self.torch.randn(30, 3, requires_grad=True)
        found = Features(straight, turned, weight).mapped()
        np.testing.assert_allclose(found.detach(), rows @ weight.detach().numpy(), atol=1e-6)
        factor = self.torch.randn(40, 3)
        (found * factor).sum().backward()
        np.testing.assert_allclose(weight.grad, rows.T @ factor.numpy(), atol=1e-5)

    def test_dropout_takes_edges_both_ways_and_keeps_the_mean(self):
        graph = self.graph(checkerboard(10, 6))
        generator = self.torch.Generator().manual_seed(1)
        whole = graph.matrix.to_dense()
        total = self.torch.zeros_like(whole)
        for _ in range(400):
            thin = graph.thinned(0.3, generator).to_dense()
            assert self.torch.equal(thin, thin.T)
            total += thin
        assert float((total / 400 - whole).abs().max()) < 0.05
        assert graph.thinned(0.0, generator) is graph.matrix

    def test_a_customer_is_the_propagation_of_the_articles_and_a_map_of_their_sum(self):
        from hemline.models import light_gcn_training as training
        from hemline.models.light_gcn_forms import Light

        histories = checkerboard(10, 6)
        settings = Settings(factors=4, layers=2).model_dump()
        generator = self.torch.Generator().manual_seed(3)
        network = Light(self.graph(histories), settings, generator, None)
        with self.torch.no_grad():
            learnt = training._learnt(network)
            final, _ = network.vectors()
        final, own = final.numpy(), network.own.detach().numpy()[:10]
        sums = histories.matrix().toarray() @ final[10:] / np.sqrt(histories.lengths)[:, None]
        # the least squares of own on sums, all but for a small ridge
        found = np.linalg.lstsq(sums, own, rcond=None)[0]
        folded = np.stack(
            [
                learnt["rows"][histories.article[a:b]].sum(0) / np.sqrt(b - a)
                for a, b in zip(histories.start, histories.stop, strict=True)
            ]
        )
        np.testing.assert_allclose(folded, final[:10] - own / 3 + sums @ found / 3, atol=2e-2)

    def test_the_linear_form_folds_in_exactly(self):
        from hemline.models import light_gcn_training as training
        from hemline.models.light_gcn import LightGCN as Model
        from hemline.models.light_gcn_forms import Linear

        histories = checkerboard(10, 6)
        settings = Settings(factors=4, layers=2, form="linear", dropout=0.5)
        generator = self.torch.Generator().manual_seed(3)
        network = Linear(self.graph(histories), settings.model_dump(), generator, None)
        with self.torch.no_grad():
            learnt = training._learnt(network)
            final, _ = network.vectors()
        model = Model(**settings.model_dump())
        model.n_articles_, model.cutoff_ = 6, None
        model.articles_, model.rows_ = learnt["articles"], learnt["rows"]
        model.map_, model.bias_, model.known_ = learnt["map"], learnt["bias"], np.ones(6, bool)
        folded = model.customer_vectors(histories)
        np.testing.assert_allclose(folded, final[:10].numpy(), atol=1e-6)
        np.testing.assert_allclose(folded.sum(1), 1, atol=1e-5)

    def test_negatives_are_not_bought(self):
        from hemline.models.neural_training import Pairs

        histories = checkerboard(10, 6)
        matrix = histories.matrix()
        arrays = {
            "indptr": matrix.indptr, "article": matrix.indices, "value": matrix.data,
            "n_articles": np.array(6),
        }  # fmt: skip
        pairs = Pairs(arrays, self.torch.device("cpu"), self.torch.Generator().manual_seed(1))
        customer = self.torch.arange(10).repeat(200)
        drawn = pairs.negatives(customer).numpy()
        assert not (matrix.toarray()[customer.numpy(), drawn] > 0).any()
        for one in range(10):
            free = np.flatnonzero(matrix.toarray()[one] == 0)
            assert set(drawn[customer.numpy() == one]) == set(free)

    def test_it_finds_the_planted_answer_and_records_how(self):
        histories = checkerboard()
        model = trained(histories, epochs=15, layers=2, k=5, validation=0.1)
        found = model.recommend(histories, 5)
        assert (found.articles % 2 == np.arange(40)[:, None] % 2).all()
        assert len(model.epoch_recall_) == len(model.epoch_accuracy_) == 15
        assert model.epoch_accuracy_[-1] > 0.75
        assert model.epoch_recall_[-1] > 0.7
        assert model.batch_loss_[-1] < 0.8 * model.batch_loss_[0]

    def test_the_softplus_of_equal_scores(self):
        # weights that decay at once leave scores that are all the same
        model = trained(checkerboard(), epochs=2, loss="softplus", beta=1.5, weight_decay=50.0)
        assert model.batch_loss_[-1] == pytest.approx(np.log(2) / 1.5, abs=0.02)

    def test_articles_never_sold_have_vectors_by_their_features(self):
        histories = checkerboard(40, 20)
        sold = Histories.from_purchases(
            histories.customers(), histories.article, n_customers=40, n_articles=24
        )
        colour = (np.arange(24) % 2).astype(np.int32)
        none = np.zeros((24, 0))
        catalogue = Catalogue(
            24, {"colour": colour}, none.astype(np.int32), none.astype(np.float32)
        )
        plain = trained(sold, epochs=8, layers=2)
        assert not plain.known_[20:].any()
        for model in (
            trained(sold, catalogue, epochs=8, layers=2, attributes=("colour",)),
            LightGCN(factors=8, batch=64, learning_rate=0.05, epochs=8, layers=2).with_features(
                one_hot([colour])
            ),
        ):
            model.own_process = False
            model.fit(sold, catalogue=catalogue)
            new = np.arange(24) >= 20
            assert model.known_[new].all()
            found = model.recommend(sold, 1, among=new).articles[:, 0]
            assert (found % 2 == np.arange(40) % 2).mean() > 0.9
        with pytest.raises(ConfigError, match="features of 3 articles"):
            LightGCN().with_features(np.ones((3, 2))).fit(sold)
