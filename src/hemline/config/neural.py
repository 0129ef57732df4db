"""Settings of the models that are trained by gradient descent, with torch."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from hemline.config.section import Section

Device = Literal["auto", "cpu", "cuda"]

DOT_BIAS_PRESETS: dict[str, dict[str, Any]] = {
    # 20,000 rows became 327,712 with the negatives: 15.4 negatives for each row
    "paper": {
        "factors": 50,
        "epochs": 10,
        "batch": 64,
        "learning_rate": 0.001,
        "weight_decay": 0.001,
        "y_range": (-0.5, 1.5),
        "target": "bought",
        "negatives": 15,
        "cycle": "epoch",
    },
}
"""DotBias as "H&M Recommendation System" (Mignone, Painter and King 2022) trained it."""

_GNN = {
    "factors": 64,
    "epochs": 50,
    "learning_rate": 0.01,
    "regularization": 0.0,
    "weight_decay": 0.001,
    "loss": "softplus",
    "beta": 1.5,
    "validation": 0.1,  # recall and accuracy of what is trained on would be near 1
}

LIGHT_GCN_PRESETS: dict[str, dict[str, Any]] = {
    # its table 1 and its text differ in the dropout; the text has the two linear layers
    "paper": {**_GNN, "form": "light", "layers": 3, "dropout": 0.01},
    "paper-text": {**_GNN, "form": "light", "layers": 3, "dropout": 0.1},
    "paper-linear": {**_GNN, "form": "linear", "layers": 2, "dropout": 0.01},
    "paper-linear-text": {**_GNN, "form": "linear", "layers": 2, "dropout": 0.1},
}
"""The graph neural network of the same paper: table 1 and text, both forms."""


def _under(presets: dict[str, dict[str, Any]], value: Any) -> Any:
    """Put the preset that is named under the values that are given."""
    if isinstance(value, dict) and value.get("preset") in presets:
        return {**presets[value["preset"]], **value}
    return value


class DotBias(Section):
    """fastai's EmbeddingDotBias: vectors and biases, a sigmoid over a range, squared error."""

    preset: Literal["", "paper"] = Field(
        "", description='"paper": the values of the paper, under those that are given'
    )
    factors: int = Field(50, ge=1, description="length of a vector, without the bias")
    epochs: int = Field(5, ge=1, description="passes over the purchases")
    batch: int = Field(1024, ge=1, description="purchases in a step; their negatives come on top")
    learning_rate: float = Field(0.005, gt=0, description="largest step of the one-cycle schedule")
    weight_decay: float = Field(0.01, ge=0, description="share of each weight, as AdamW's")
    y_range: tuple[float, float] = Field(
        (-0.5, 1.5), description="ends of the sigmoid, wider than the targets"
    )
    target: Literal["bought", "weight"] = Field(
        "bought",
        description="bought: 1, and 0 for the negatives; weight: the purchase's weight, such as a "
        "rating",
    )
    negatives: int = Field(
        4, ge=0, description="articles not bought that are drawn for each purchase, in each step"
    )
    cycle: Literal["whole", "epoch"] = Field(
        "whole", description="one cycle of the learning rate for all epochs, or one for each"
    )
    seed: int = Field(1, ge=0, description="of first vectors, order and negatives")
    device: Device = Field("auto", description="auto: a GPU when there is one")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        return _under(DOT_BIAS_PRESETS, value)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.y_range[0] < self.y_range[1]:
            raise ValueError("y_range rises")
        if self.target == "bought" and not self.negatives:
            raise ValueError("target bought needs negatives: without any, all targets are 1")
        if self.target == "bought" and not self.y_range[0] < 0 < 1 < self.y_range[1]:
            # the sigmoid does not reach the ends, so a target there has no finite fold-in
            raise ValueError("target bought is 0 or 1, inside y_range")
        return self


class LightGcn(Section):
    """LightGCN (He et al. 2020) on the graph of customers and articles."""

    preset: Literal["", "paper", "paper-text", "paper-linear", "paper-linear-text"] = Field(
        "", description="values of the paper's table 1 or of its text, under those that are given"
    )
    form: Literal["light", "linear"] = Field(
        "light",
        description="light: propagation alone; linear: each layer with a linear map and a softmax",
    )
    factors: int = Field(64, ge=1, description="length of a vector")
    layers: int = Field(3, ge=1, description="steps of propagation")
    epochs: int = Field(20, ge=1, description="passes over the pairs")
    batch: int = Field(
        2048, ge=1, description="pairs in a step; each step propagates through the whole graph"
    )
    learning_rate: float = Field(0.005, gt=0, description="step of Adam")
    regularization: float = Field(
        0.0001, ge=0, description="weight of the squared first vectors of a step's nodes"
    )
    weight_decay: float = Field(0.0, ge=0, description="Adam's, on all weights")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="light: share of edges left out in a step; linear: of a layer's inputs",
    )
    loss: Literal["bpr", "softplus"] = Field(
        "bpr", description="softplus: log(1 + exp(beta x)) / beta of negative minus positive score"
    )
    beta: float = Field(1.0, gt=0, description="of the softplus; BPR is the softplus with 1")
    attributes: tuple[str, ...] = Field(
        (), description="of the product table: an article's first vector is told by them too"
    )
    validation: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of pairs held out for recall and accuracy by epoch; 0: on what is "
        "trained on",
    )
    k: int = Field(20, ge=1, description="places of the recall by epoch")
    seed: int = Field(1, ge=0, description="of first vectors, order, negatives and dropout")
    device: Device = Field("auto", description="auto: a GPU when there is one")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        return _under(LIGHT_GCN_PRESETS, value)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.loss == "bpr" and self.beta != 1:
            raise ValueError("beta belongs to the loss softplus")
        return self


class TwoTower(Section):
    """Two towers of embedding bags (TorchRec): what was bought, and what may be."""

    factors: int = Field(64, ge=1, description="length of a vector")
    epochs: int = Field(10, ge=1, description="passes over the purchases")
    batch: int = Field(1024, ge=1, description="purchases in a step, over all processes")
    negatives: int = Field(16, ge=1, description="articles drawn for each step's every purchase")
    learning_rate: float = Field(0.05, gt=0, description="step of row-wise Adagrad")
    processes: int = Field(
        1, ge=1, le=2, description="processes that share the two tables, by gloo"
    )
    seed: int = Field(1, ge=0, description="of first vectors, order and negatives")
