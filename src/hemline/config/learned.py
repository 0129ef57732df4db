"""Settings of the models that learn item by item, and of BPR."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hemline.config.models import Weights
from hemline.config.section import Section


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _zero_is_all(value: Any) -> Any:
    return None if value == 0 else value  # TOML has no null


Confidence = Annotated[Weights, BeforeValidator(_kind_alone)]
"""Weights, or the name of their kind alone."""

ONES = Weights(kind="binary", repeats="max")
"""Bought or not, however often."""


class Sar(Section):
    """Smart Adaptive Recommendations: affinity times similarity of articles."""

    similarity: Literal[
        "cooccurrence",
        "jaccard",
        "lift",
        "cosine",
        "inclusion",
        "mutual_information",
        "lexicographers_mutual_information",
    ] = Field("jaccard", description="made of the counts of customers who bought both")
    observations: Literal["customers", "articles"] = Field(
        "customers",
        description="mutual information: what the counts are a share of; Microsoft's code takes "
        "the number of articles",
    )
    threshold: int = Field(1, ge=1, description="two articles need this many customers of both")
    half_life_days: Annotated[float | None, BeforeValidator(_zero_is_all)] = Field(
        30.0, gt=0, description="a purchase of this age counts half; 0: age does not matter"
    )
    ratings: bool = Field(
        True, description="a purchase counts as much as its weight: pieces, or a rating"
    )
    per_article: Annotated[int | None, BeforeValidator(_zero_is_all)] = Field(
        100, ge=1, description="similarities kept for each article, the largest; 0: all of them"
    )


class Ease(Section):
    """Embarrassingly shallow autoencoder (Steck 2019): one ridge regression for each article."""

    regularization: float = Field(200.0, gt=0, description="weight of the squared coefficients")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the purchases left out in turns (Steck 2020), in closed form",
    )
    min_article: int = Field(
        1, ge=1, description="customers an article needs to be trained on and recommended"
    )
    max_articles: int = Field(
        20_000,
        ge=1,
        description="refuse a larger catalogue: n articles take 4 n^2 bytes and n^3 operations",
    )
    per_article: Annotated[int | None, BeforeValidator(_zero_is_all)] = Field(
        None, ge=1, description="coefficients kept for each article, the largest; 0: all of them"
    )
    weights: Confidence = Field(ONES, description="confidence weights")


class GraphFilter(Section):
    """Linear filter plus ideal low-pass on the graph of purchases (GF-CF, Shen et al. 2021)."""

    factors: int = Field(256, ge=1, description="dimensions that the ideal low-pass keeps")
    low_pass: float = Field(0.3, ge=0, description="weight of the low-pass beside the linear part")
    customer_power: float = Field(
        0.5, ge=0, description="purchases are divided by the customer's sum to this power"
    )
    article_power: float = Field(
        0.5, ge=0, description="purchases are divided by the article's sum to this power"
    )
    per_article: Annotated[int | None, BeforeValidator(_zero_is_all)] = Field(
        300,
        ge=1,
        description="entries of the filter kept for each article, the largest; 0: the exact filter",
    )
    rounds: int = Field(4, ge=1, description="of the randomised SVD, four multiplications each")
    oversampling: int = Field(64, ge=0, description="dimensions more while they run")
    seed: int = Field(1, ge=0, description="of the SVD's first directions; a run gives its own")
    weights: Confidence = Field(ONES, description="confidence weights")


class Bpr(Section):
    """Bayesian personalised ranking (Rendle et al. 2009)."""

    factors: int = Field(64, ge=1, description="length of a vector, without the bias")
    iterations: int = Field(100, ge=1, description="passes over the pairs")
    learning_rate: float = Field(0.01, gt=0, description="step of the gradient")
    regularization: float = Field(0.01, ge=0, description="weight of the squared norms")
    seed: int = Field(1, ge=0, description="of factors and samples; a run gives its own")
    min_customer: int = Field(
        5,
        ge=0,
        description="k-core: articles a customer has at least; lowered where it leaves nothing",
    )
    min_article: int = Field(
        5,
        ge=0,
        description="k-core: customers an article has at least; lowered where it leaves nothing",
    )
