"""Pictures of a training, without torch."""

from __future__ import annotations

import numpy as np
import pytest

from hemline.errors import RunError
from hemline.models import DotBias, LightGCN
from hemline.report.training import draw_training


def test_loss_alone_or_with_recall(tmp_path):
    model = DotBias()
    with pytest.raises(RunError, match="not fitted"):
        draw_training(model, tmp_path)
    model.n_articles_ = 3
    model.batch_loss_ = np.linspace(1, 0.2, 5000, dtype=np.float32)
    model.epoch_loss_ = model.batch_loss_.reshape(5, -1).mean(1)
    (path,) = draw_training(model, tmp_path / "new")
    assert path.name == "dot_bias-loss.svg"
    text = path.read_text()
    assert text.startswith("<svg")
    assert "loss by batch" in text
    graph = LightGCN(validation=0.1, k=7)
    graph.n_articles_ = 3
    graph.batch_loss_, graph.epoch_loss_ = model.batch_loss_, model.epoch_loss_
    graph.epoch_recall_ = graph.epoch_accuracy_ = np.array([0.1, 0.5, 0.6, 0.6, 0.7], np.float32)
    loss, recall = draw_training(graph, tmp_path, name="gnn", ending=".png")
    assert loss.read_bytes()[1:4] == b"PNG"
    assert recall.name == "gnn-recall.png"
    (_, recall) = draw_training(graph, tmp_path)
    assert "recall@7" in recall.read_text()
    assert "held out" in recall.read_text()
