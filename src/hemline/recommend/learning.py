"""Learning a ranker: windows before the cutoff, what they teach, and whether it is enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, map_blocks, silent
from hemline.config import Config
from hemline.models.base import Model
from hemline.recommend.channels import Channels
from hemline.recommend.examples import Fitted, UInt64, digests, lowest
from hemline.recommend.examples_elsewhere import gather_examples
from hemline.recommend.features import Features
from hemline.recommend.ranker import Examples, Ranker
from hemline.recommend.simple_choice import (
    Judged,
    average_precision,
    judge_simple,
    simple_recipes,
)
from hemline.recommend.stages import Stages
from hemline.recommend.windows import Window, target_windows
from hemline.shop.histories import Histories
from hemline.shop.tables import Catalogue
from hemline.shop.truth import Truth

Rows = npt.NDArray[np.int64]

_MOST_JUDGED: Final = 8
"""Windows that simple recipes are judged on: more hardly change which is the best."""
_CALIBRATED: Final = 10_000
"""Customers of a kind, buyers and others, that probabilities are fitted on, at most."""


@dataclass
class Learned:
    """A ranker, or the reason why there is none and what stands in for it.

    Attributes
    ----------
    ranker : Ranker or None
    simple : str or None
        The recipe in its place.
    reason : str
        Why there is none.
    judged : Judged or None
        What the recipe was chosen by, or the ranker was held against.
    windows : list of Window
        Those learned from, the newest first.
    customers, examples : int
        Customers with a hit in them, and candidates of theirs that were learned from.
    """

    ranker: Ranker | None = None
    simple: str | None = None
    reason: str = ""
    judged: Judged | None = None
    windows: list[Window] = field(default_factory=list)
    customers: int = 0
    examples: int = 0


@dataclass(frozen=True)
class _Taught:
    """One window: what was fitted for it, its buyers in training and held out, its examples."""

    fitted: Fitted
    rows: Rows
    held: Rows
    digest: UInt64
    examples: Examples


class Learning:
    """Learns one ranker for one cutoff.

    Parameters
    ----------
    config : Config
    catalogue : Catalogue
    train : Histories of n customers
        Cut at `as_of`.
    as_of : int or None
        Seconds; None for undated data, from which no ranker is learned.
    progress : callable
    """

    def __init__(
        self,
        config: Config,
        catalogue: Catalogue,
        train: Histories,
        as_of: int | None,
        progress: Progress = silent,
    ) -> None:
        self.config, self.catalogue, self.train, self.as_of = config, catalogue, train, as_of
        self.settings = config.ranker
        self.progress = progress

    def learn(self) -> Learned:
        """Return the ranker, or what stands in for it."""
        windows = self._windows()
        found = Learned(windows=windows)
        if not windows:
            found.reason = "the purchases have no two days, or no dates, to learn from"
            found.simple = simple_recipes(self.config)[0]
            return found
        taught, parts = self._teach(windows)
        found.windows = windows[: len(parts)]
        examples = Examples.join(parts, len(taught[0].fitted.names))
        found.customers, found.examples = len(examples), len(examples.bought)
        if found.customers < self.settings.min_customers or not examples.bought.any():
            found.reason = (
                f"{found.customers} customers with a hit in {len(parts)} windows, fewer than "
                f"ranker.min_customers = {self.settings.min_customers}"
            )
            found.judged = judge_simple(
                self.config, self.catalogue, self.train, found.windows[:_MOST_JUDGED]
            )
            found.simple = found.judged.best
            return found
        if found.customers < self.settings.enough_customers and len(parts) > 1:
            self._hold_against_simple(found, taught, parts)
            if found.simple is not None:
                return found
        names = taught[0].fitted.names
        found.ranker = self._ranker().fit(
            examples, names, progress=self._part(-1, self.settings.windows)
        )
        del examples, parts
        self._calibrate(found.ranker, taught[0])
        return found

    def _windows(self) -> list[Window]:
        held = self.train.stop > self.train.start
        if self.as_of is None or not held.any():
            return []
        first = int(self.train.time[self.train.start[held]].min())
        most = max(self.settings.windows, self.settings.most_windows)
        return target_windows(first, self.as_of, self.settings.horizon_days, most)

    def _teach(self, windows: list[Window]) -> tuple[list[_Taught], list[Examples]]:
        """Make the examples of as many windows as it takes; the newest first."""
        taught: list[_Taught] = []
        parts: list[Examples] = []
        customers, together = 0, self.settings.windows
        stale: dict[str, Model[Any]] = {}
        for at, window in enumerate(windows):
            if at >= together and customers >= self.settings.enough_customers:
                break
            if at % together == 0:
                stale = self._stale(windows[at : at + together][-1])
            one = self._window(window, stale, newest=at == 0)
            parts.append(one.examples)
            customers += len(one.examples)
            # a shop that needs no second opinion keeps the newest window alone
            if at == 0 or customers < self.settings.enough_customers:
                taught.append(one)
            self._part(at, together)(1, 1)
        return taught, parts

    def _stale(self, oldest: Window) -> dict[str, Model[Any]]:
        """Fit the models that are too dear for each window once, on what lies before all."""
        channels = Channels(self.config)
        names = [
            name for name, one in channels.settings.items() if one.model_name in self.settings.stale
        ]
        if not names:
            return {}
        some = Channels(self.config, names)
        some.fit(self.train.before(oldest.cutoff), self.catalogue, as_of=oldest.cutoff)
        return dict(some.models)

    def _window(self, window: Window, stale: dict[str, Model[Any]], *, newest: bool) -> _Taught:
        known = self.train.before(window.cutoff)
        truth = Truth.of(self.train.since(window.cutoff).before(window.end))
        channels = Channels(self.config)
        channels.fit(known, self.catalogue, as_of=window.cutoff, given=stale)
        features = Features(self.config, channels.names)
        features.fit(known, self.catalogue, as_of=window.cutoff)
        fitted = Fitted(
            window, self.catalogue, channels, features, known, truth, self.config.threads
        )
        warm = truth.buyers[known.lengths[truth.buyers] > 0]
        digest = digests(known.take(warm), self.config.seed, self.config.threads)
        share = self.settings.held_share if newest and self._calibrated else 0.0
        apart = digest.astype(np.float64) < share * 2.0**64
        order = np.argsort(digest, kind="stable")  # those with the lowest hash, whoever else is
        taken = np.sort(order[~apart[order]][: self.settings.customers])
        rows = warm[taken]
        examples = gather_examples(fitted, rows, self.settings.negatives, digest[taken])
        held = warm[np.sort(order[apart[order]][:_CALIBRATED])]
        return _Taught(fitted, rows, held, digest[taken], examples)

    @property
    def _calibrated(self) -> bool:
        return self.settings.calibration != "none"

    def _ranker(self) -> Ranker:
        return Ranker(self.settings, seed=self.config.seed, threads=self.config.threads)

    def _hold_against_simple(
        self, found: Learned, taught: list[_Taught], parts: list[Examples]
    ) -> None:
        """Where little is known, keep the ranker only if it is ahead of every simple recipe.

        By more than chance would have it five times out of six. A ranker is trained on the
        older windows and judged on the newest third, on the customers that it would rank:
        those with a purchase before.
        """
        n = min(max(1, len(parts) // 3), 4, len(taught))
        names = taught[0].fitted.names
        older = Examples.join(parts[n:], len(names))
        judged = judge_simple(
            self.config, self.catalogue, self.train, found.windows[:n], warm_only=True
        )
        ranker = self._ranker().fit(older, names)
        each = [self._precision(one.fitted, ranker) for one in taught[:n]]
        ours, theirs = np.concatenate(each), judged.each[judged.best]
        found.judged = Judged(judged.k, {"two-stage": ours, **judged.each})
        ahead = ours - theirs
        if not len(ahead) or ahead.mean() <= ahead.std() / np.sqrt(len(ahead)):
            found.reason = (
                f"the ranker learned from {len(older)} customers of older windows is not ahead of "
                f"the recipe {judged.best} on the newest by more than the standard error"
            )
            found.simple = judged.best

    def _precision(self, fitted: Fitted, ranker: Ranker) -> npt.NDArray[np.float64]:
        buyers = fitted.truth.buyers
        rows = buyers[fitted.histories.lengths[buyers] > 0]
        stages = Stages(fitted.channels, fitted.features, ranker)
        histories, k = fitted.histories.take(rows), self.config.evaluate.k

        def block(low: int, high: int) -> npt.NDArray[np.int32]:
            return stages.best(histories.block(low, high), k, as_of=fitted.window.cutoff)[0]

        parts = list(map_blocks(block, len(rows), 1024, self.config.threads))
        lists = np.concatenate([np.zeros((0, k), np.int32), *parts])
        return average_precision(lists, fitted.truth.take(rows))

    def _calibrate(self, ranker: Ranker, newest: _Taught) -> None:
        """Fit probabilities to customers that were held out, those who bought nothing as well."""
        if not self._calibrated or not len(newest.held):
            return
        fitted = newest.fitted
        counts = fitted.truth.counts
        warm = fitted.histories.lengths > 0
        buyers, others = np.flatnonzero(warm & (counts > 0)), np.flatnonzero(warm & (counts == 0))
        digest = digests(fitted.histories.take(others), self.config.seed, self.config.threads)
        sample = others[lowest(digest, np.arange(len(others)), _CALIBRATED)]
        rows = np.concatenate([newest.held, sample])
        score, bought, counted = fitted.judged(rows, ranker.score)
        stands_for = np.concatenate(
            [
                np.full(len(newest.held), len(buyers) / len(newest.held)),
                np.full(len(sample), len(others) / max(len(sample), 1)),
            ]
        )
        ranker.calibrate(score, bought, np.repeat(stands_for, counted))

    def _part(self, at: int, parts: int) -> Progress:
        """Return the progress of window `at`, or of the ranker (-1), told as that of the whole."""
        parts += 1
        place = min(at, parts - 2) if at >= 0 else parts - 1

        def tell(done: int, total: int) -> None:
            scale = 1000
            self.progress(place * scale + done * scale // max(total, 1), parts * scale)

        return tell
