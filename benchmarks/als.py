"""Training ALS by our own kernels and by implicit, a new day of data, and folding in.

python benchmarks/als.py --tables DIR

DIR is a folder that `ingest` wrote, of a shop of H&M's size. Each training is a process of its
own, in turns, with the same threads. `implicit` is `AlternatingLeastSquares.fit` on the finished
matrix, `own` our trainer on the same, stopped after the iteration that reaches the loss that
implicit has after its last; both are measured whole, from the matrix to the vectors, and both
losses are implicit's own formula of the vectors at that moment. `through_implicit` is Hemline's
ALS with that trainer, from the mapped histories: confidences, k-core, training, whitening.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from record import measure_step, peak_bytes, record

FACTORS = 64
DAY = 86_400
SAMPLE = 50_000
"""Customers that implicit recalculates, spread evenly over all."""
BARS = {
    "own_over_implicit": "<= 0.5",
    "own_over_implicit_peak": "<= 1.1",
    "through_implicit_over_implicit": "<= 1.1",
    "fold_in.largest_deviation": "<= 1e-4",
}


def opened(tables: Path) -> tuple[Any, int]:
    """Return the histories and the end of their last day."""
    from hemline.shop.histories import Histories, end_of_day

    histories = Histories.open(tables / "histories")
    last = histories.last_time()
    assert last is not None
    return histories, end_of_day(last)


def prepare(given: argparse.Namespace) -> dict[str, Any]:
    """Write the matrix that is trained on, so that both trainers begin with nothing else."""
    from scipy import sparse

    from hemline.config import Als
    from hemline.models.weights import interactions
    from hemline.shop.kcore import k_core

    histories, as_of = opened(given.tables)
    settings = Als()
    pairs = interactions(histories, as_of, settings.weights, given.threads)
    matrix = k_core(pairs, settings.min_customer, settings.min_article).matrix(pairs)
    sparse.save_npz(given.out / "core.npz", matrix, compressed=False)
    return {"customers": matrix.shape[0], "articles": matrix.shape[1], "pairs": matrix.nnz}


def core(given: argparse.Namespace) -> Any:
    """Return what `prepare` wrote."""
    from scipy import sparse

    return sparse.load_npz(given.out / "core.npz")


class Watch:
    """Seconds and processor seconds, without what is spent on looking."""

    def __init__(self) -> None:
        self.apart = 0.0
        self.marks: list[float] = []
        self.started, self.processor = time.perf_counter(), time.process_time()
        self.processor_apart = 0.0

    def mark(self) -> None:
        """Note the time of one more iteration."""
        self.marks.append(round(self.seconds(), 2))

    def seconds(self) -> float:
        """Seconds until now."""
        return time.perf_counter() - self.started - self.apart

    def found(self) -> dict[str, Any]:
        """Return the figures until now."""
        return {
            "seconds": round(self.seconds(), 2),
            "cpu_seconds": round(time.process_time() - self.processor - self.processor_apart, 2),
            "peak_gib": round(peak_bytes() / 2**30, 2),
            "seconds_after_iteration": self.marks,
        }


def loss_of(matrix: Any, x: Any, y: Any, threads: int) -> float:
    """Return the loss by implicit's own formula."""
    from implicit.cpu._als import calculate_loss

    from hemline.config import Als

    return float(calculate_loss(matrix, x, y, Als().regularization, num_threads=threads))


def exact_loss(matrix: Any, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> float:
    """Return the same in float64 (Hu, Koren and Volinsky 2008, equation 3), pair by pair."""
    from hemline.config import Als
    from hemline.models.als_algebra import gram

    left, right = gram(x), gram(y)
    total = float((left * right).sum()) + Als().regularization * float(
        np.trace(left) + np.trace(right)
    )
    customer = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    for low in range(0, matrix.nnz, 1 << 20):
        held = slice(low, low + (1 << 20))
        wide = x[customer[held]].astype(np.float64)
        score = np.einsum("ij,ij->i", wide, y[matrix.indices[held]])
        c = matrix.data[held].astype(np.float64)
        total += float((c * (1 - score) ** 2 - score**2).sum())
    confidences = float(matrix.data.sum(dtype=np.float64))
    return total / (confidences + matrix.shape[0] * matrix.shape[1] - matrix.nnz)


def implicit(given: argparse.Namespace) -> dict[str, Any]:
    """Fit implicit; look at its loss after each iteration, with the watch stopped."""
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    from hemline.config import Als

    matrix = core(given)
    settings = Als()
    losses: list[float] = []
    with threadpool_limits(1, "blas"):
        trainer = AlternatingLeastSquares(
            factors=FACTORS,
            iterations=given.iterations,
            regularization=settings.regularization,
            num_threads=given.threads,
            random_state=settings.seed,
        )
        watch = Watch()

        def look(iteration: int, seconds: float, loss: Any) -> None:
            watch.mark()
            before, processor = time.perf_counter(), time.process_time()
            x, y = trainer.user_factors, trainer.item_factors
            losses.append(loss_of(matrix, x, y, given.threads))
            watch.apart += time.perf_counter() - before
            watch.processor_apart += time.process_time() - processor

        trainer.fit(matrix, show_progress=False, callback=look)
        found = watch.found()
        found["exact_loss"] = exact_loss(matrix, trainer.user_factors, trainer.item_factors)
    np.save(given.out / "implicit.npy", trainer.item_factors)
    return found | {"losses": losses}


def own(given: argparse.Namespace) -> dict[str, Any]:
    """Fit by our trainer until its loss is the target."""
    from hemline.blocks import silent
    from hemline.config import Als
    from hemline.models.als_trainer import train

    matrix = core(given)
    warm_up = matrix[:100]
    train(warm_up, Als(factors=FACTORS, iterations=1), 1, silent)  # compiled code is loaded
    settings = Als(factors=FACTORS, iterations=given.iterations)
    watch = Watch()
    trained = train(
        matrix, settings, given.threads, lambda done, total: done and watch.mark(), None,
        given.target,
    )  # fmt: skip
    found = watch.found()
    found["iterations"] = len(trained.losses)
    found["losses"] = trained.losses
    found["loss_by_implicit"] = loss_of(matrix, trained.customers, trained.articles, given.threads)
    found["exact_loss"] = exact_loss(matrix, trained.customers, trained.articles)
    return found


def new_day(given: argparse.Namespace) -> dict[str, Any]:
    """Train up to the day before the last; with the last day, afresh and from those vectors."""
    from hemline.models import ALS

    histories, as_of = opened(given.tables)

    def trained(moment: int, start: Any = None) -> tuple[Any, float]:
        model = ALS(trainer="own", factors=FACTORS, iterations=given.iterations)
        model.threads = given.threads
        if start is not None:
            model.start_from(start)
        started = time.perf_counter()
        model.fit(histories, as_of=moment)
        return model, round(time.perf_counter() - started, 2)

    yesterday, _ = trained(as_of - DAY)
    cold, cold_seconds = trained(as_of)
    warm, warm_seconds = trained(as_of, np.asarray(yesterday.item_factors_))
    targets = {"own_after_last": cold.losses_[-1], "implicit_after_last": given.target}
    return {
        "purchases_of_the_day": histories.n_purchases - histories.before(as_of - DAY).n_purchases,
        "cold_losses": cold.losses_,
        "warm_losses": warm.losses_,
        "cold_seconds": cold_seconds,
        "warm_seconds": warm_seconds,
        "iterations_to": {
            name: {"cold": first(cold.losses_, loss), "warm": first(warm.losses_, loss)}
            for name, loss in targets.items()
        },
    }


def first(losses: list[float], target: float) -> int | None:
    """Return after how many iterations the loss is at most `target`; None: never."""
    return next((at for at, loss in enumerate(losses, 1) if loss <= target), None)


def through_implicit(given: argparse.Namespace) -> dict[str, Any]:
    """Fit Hemline's ALS with implicit inside."""
    from hemline.models import ALS

    histories, as_of = opened(given.tables)
    model = ALS(trainer="implicit", factors=FACTORS, iterations=given.iterations)
    model.threads = given.threads
    watch = Watch()
    model.fit(histories, as_of=as_of)
    found = watch.found()
    model.save(given.out / "model")
    return found


def fold_in(given: argparse.Namespace) -> dict[str, Any]:
    """Fold everybody in, and compare some with implicit's own recalculation."""
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    from hemline.models import ALS
    from hemline.models.weights import interactions

    histories, as_of = opened(given.tables)
    model = ALS.load(given.out / "model")
    model.threads = given.threads
    model.customer_vectors(histories.block(0, 1000), as_of=as_of)
    watch = Watch()
    vectors = model.customer_vectors(histories, as_of=as_of)
    found = watch.found()
    del found["seconds_after_iteration"]

    rows = np.linspace(0, len(histories) - 1, SAMPLE).astype(np.int64)
    part = histories.take(rows).compact()
    known = np.asarray(model.known_)
    matrix = interactions(part, as_of, model.settings.weights, given.threads)[:, known]
    with threadpool_limits(1, "blas"):
        trainer = AlternatingLeastSquares(
            factors=FACTORS, regularization=model.settings.regularization, num_threads=given.threads
        )
        trainer.item_factors = np.asarray(model.item_factors_)[known]
        trainer.user_factors = np.zeros((1, FACTORS), np.float32)
        watch = Watch()
        theirs = trainer.recalculate_user(np.arange(SAMPLE), matrix)
        theirs_seconds = watch.seconds()
    watch = Watch()
    model.customer_vectors(part, as_of=as_of)
    return {
        "customers": len(histories),
        **found,
        "largest_deviation": float(np.abs(vectors[rows] - theirs).max()),
        "largest_entry": float(np.abs(theirs).max()),
        "sample": SAMPLE,
        "sample_seconds": round(watch.seconds(), 3),
        "sample_seconds_by_implicit_without_weighting": round(theirs_seconds, 3),
        "factors_equal_by_hand": bool(
            np.array_equal(trainer.item_factors, np.load(given.out / "implicit.npy"))
        ),
    }


STEPS = {
    step.__name__: step for step in (prepare, implicit, own, new_day, through_implicit, fold_in)
}


def compared(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the medians of both trainers' runs, and ours over theirs."""
    figures: dict[str, Any] = {}
    for name, all_runs in runs.items():
        middle = sorted(all_runs, key=lambda run: run["seconds"])[len(all_runs) // 2]
        figures[name] = middle | {"all_seconds": [run["seconds"] for run in all_runs]}
    for figure, name in (("seconds", ""), ("cpu_seconds", "_cpu"), ("peak_gib", "_peak")):
        ours, theirs = (
            statistics.median(run[figure] for run in runs[one]) for one in ("own", "implicit")
        )
        figures[f"own_over_implicit{name}"] = round(ours / theirs, 3)
    return figures


def main() -> None:
    """Train in turns, then all of our curve, a new day, and folding in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        from hemline.blocks import available_threads

        given.threads = available_threads(given.threads)
        print(json.dumps(STEPS[given.step](given)))
        return
    with tempfile.TemporaryDirectory() as folder:
        options = [
            f"--{name}={getattr(given, name)}" for name in ("tables", "iterations", "threads")
        ]

        def run(step: str, target: float = 0.0) -> Any:
            command = [*options, f"--out={folder}", f"--step={step}", f"--target={target!r}"]
            return json.loads(measure_step(__file__, *command).output)

        figures: dict[str, Any] = {"factors": FACTORS, "iterations": given.iterations}
        figures |= run("prepare")
        runs: dict[str, list[dict[str, Any]]] = {"implicit": [], "own": []}
        for _ in range(given.repeat):
            runs["implicit"].append(run("implicit"))
            target = runs["implicit"][0]["losses"][-1]
            runs["own"].append(run("own", target))
        figures |= compared(runs)
        figures["own_all_iterations"] = run("own")
        figures["new_day"] = run("new_day", target)
        figures["through_implicit"] = run("through_implicit")
        figures["fold_in"] = run("fold_in")
    assert figures["own"]["loss_by_implicit"] <= target
    assert figures["fold_in"]["factors_equal_by_hand"]
    ratio = figures["through_implicit"]["seconds"] / figures["implicit"]["seconds"]
    figures["through_implicit_over_implicit"] = round(ratio, 3)
    record("als", figures, bars=BARS)


if __name__ == "__main__":
    main()
