"""Training of ALS by the library `implicit`: three conjugate gradient steps for each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from hemline.blocks import Progress
from hemline.config import Als
from hemline.errors import ConfigError
from hemline.models.base import Float32


class _EnoughError(Exception):
    """Ends `implicit`'s loop, which has no other way out."""


def train_with_implicit(
    matrix: sparse.csr_matrix,
    settings: Als,
    threads: int,
    progress: Progress,
    start: tuple[Float32, Float32] | None = None,
) -> tuple[Float32, list[float], int]:
    """Train on customers x articles; the result does not depend on the number of threads.

    `implicit` solves each row by itself, and its only sum over rows is Y'Y, a product in
    BLAS. With BLAS on one thread that product is the same at any number of its own, and
    its threads and those of OpenMP do not fight for the processors.

    Parameters
    ----------
    matrix : float32 CSR (n_customers, n_articles)
        Confidences before `alpha`.
    start : float32 (n_customers, factors) and float32 (n_articles, factors), optional
        The first vectors; by chance when None.

    Returns
    -------
    float32 (n_articles, factors)
        The articles' vectors.
    list of float
        The loss after each iteration, by `implicit`'s formula; empty unless
        `settings.tolerance` asks for it, for it costs a pass of its own.
    int
        Iterations done.

    Raises
    ------
    ConfigError
        The vectors became infinite.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        from implicit.cpu.als import AlternatingLeastSquares
        from implicit.recommender_base import ModelFitError

        trainer = AlternatingLeastSquares(
            factors=settings.factors,
            iterations=settings.iterations,
            regularization=settings.regularization,
            alpha=settings.alpha,
            num_threads=threads,
            random_state=settings.seed,
            calculate_training_loss=settings.tolerance > 0,
        )
        if start is not None:
            trainer.user_factors, trainer.item_factors = start
        losses: list[float] = []
        finished = 0
        progress(0, settings.iterations)

        def done(iteration: int, seconds: float, loss: Any) -> None:
            nonlocal finished
            finished = iteration + 1
            progress(finished, settings.iterations)
            if loss is not None:
                losses.append(float(loss))
                if has_settled(losses, settings.tolerance):
                    raise _EnoughError

        try:
            trainer.fit(matrix, show_progress=False, callback=done)
        except ModelFitError as error:
            raise not_converged(str(error)) from None
        except _EnoughError:
            progress(settings.iterations, settings.iterations)
    found: Float32 = trainer.item_factors
    if not np.isfinite(found).all():
        raise not_converged("NaN or infinity in the articles' vectors")
    return found, losses, finished


def has_settled(losses: list[float], tolerance: float) -> bool:
    """Say whether the last iteration took less than `tolerance` of the loss; 0: never."""
    return tolerance > 0 and len(losses) > 1 and losses[-2] - losses[-1] < tolerance * losses[-2]


def not_converged(reason: str) -> ConfigError:
    """Return the error for vectors that are no numbers."""
    return ConfigError(
        f"ALS did not converge: {reason}",
        hint="raise als.regularization or lower als.alpha and the weights",
    )
