"""The channels: models that propose candidates, each under a name of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from hemline.blocks import Part, Progress, silent
from hemline.config import Config
from hemline.config.ranking import Channel
from hemline.errors import ConfigError, CutoffError, RunError
from hemline.models import model_of
from hemline.models.base import Mask, Model, Repeat, TopK
from hemline.models.sales import count_sales, fading
from hemline.recommend.candidates import Candidates
from hemline.recommend.earlier import Earlier
from hemline.shop.histories import Histories, end_of_day
from hemline.shop.tables import Catalogue

VERSION = 1


class Channels:
    """All channels that are enabled, or `names` of them, in their order, fitted together.

    A channel is a model with settings of its own, asked for its best `n` among what sold
    lately (`sold_days`), with its own repeat policy. A channel whose model needs what the
    catalogue does not tell is left out when the channels are fitted.

    Attributes
    ----------
    names : tuple of str
        The channels there are; after `fit` without those that were left out.
    left_out : dict of str
        Why, by name.
    models : dict of Model
        The fitted model of each channel.
    n_articles_, cutoff_
        As those of a model.
    sold_ : dict of bool (n_articles,) or None
        What each channel may propose by its `sold_days` and `sold_most`; None: everything.
    fit_seconds_ : dict of float
        What fitting each channel took; empty after `load`.
    """

    names: tuple[str, ...]
    left_out: dict[str, str]
    models: dict[str, Model[Any]]
    n_articles_: int
    cutoff_: int | None
    sold_: dict[str, Mask | None]
    fit_seconds_: dict[str, float]

    def __init__(self, config: Config, names: Sequence[str] | None = None) -> None:
        self.config = config
        self.settings: dict[str, Channel] = config.channel_settings()
        if names is not None:
            self.settings = {one: self.settings[one] for one in names if one in self.settings}
        if not self.settings:
            raise ConfigError("no channel is enabled", hint="enable one of [channels.NAME]")
        self.names = tuple(self.settings)
        self.left_out = {}
        self.models = {}
        self.sold_ = {}
        self.fit_seconds_ = {}
        self.went_on: list[str] = []
        self._earlier: tuple[Earlier, Channels] | None = None

    def go_on_from(self, earlier: Earlier, channels: Channels) -> Self:
        """Let the next `fit` keep the models of earlier channels, or begin at what they learned.

        What it did is said in `went_on`.
        """
        self._earlier = earlier, channels
        return self

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
        given: Mapping[str, Model[Any]] | None = None,
    ) -> Self:
        """Fit every channel's model on what was bought before `as_of` (seconds), afresh.

        Parameters
        ----------
        train : Histories
        catalogue : Catalogue
        as_of : int, optional
            None: the end of the last day in `train`, or no time at all for undated data.
        progress : callable
        given : dict of Model, optional
            By channel: models fitted already, on nothing later, which are taken as they are.
        """
        if catalogue.n_articles != train.n_articles:
            raise ConfigError(
                f"a catalogue of {catalogue.n_articles} articles, histories over "
                f"{train.n_articles}",
                hint="use one catalogue for both",
            )
        if as_of is None:
            last = train.last_time()
            as_of = end_of_day(last) if last else None
        self.n_articles_, self.cutoff_ = train.n_articles, as_of
        train = train.before(as_of)
        self.left_out, self.models, self.fit_seconds_, self.went_on = {}, {}, {}, []
        for at, (name, channel) in enumerate(self.settings.items()):
            started = time.perf_counter()
            model = (given or {}).get(name) or self._gone_on(name, self._model(channel))
            lacks = model.lacks(catalogue)
            if lacks:
                self.left_out[name] = lacks
                continue
            # a model that is taken as it is has learned already
            if not hasattr(model, "n_articles_"):
                model.threads = self.config.threads
                model.progress = Part(progress, at, len(self.settings))
                model.fit(train, as_of=as_of, catalogue=catalogue)
            model.check_as_of(as_of)
            self.models[name] = model
            self.fit_seconds_[name] = time.perf_counter() - started
            Part(progress, at, len(self.settings))(1, 1)
        if not self.models:
            reasons = ", ".join(f"{name}: {why}" for name, why in self.left_out.items())
            raise ConfigError(f"no channel is left: {reasons}", hint="enable another channel")
        self.sold_ = {name: self._sold(self.settings[name], train) for name in self.models}
        self._fitted()
        self._earlier = None
        return self

    def _model(self, channel: Channel) -> Model[Any]:
        settings = dict(channel.model)
        if "seed" in settings and "seed" not in self.config.channels.get(channel.name, {}):
            settings["seed"] = self.config.seed
        return model_of(channel.model_name)(**settings)

    def _gone_on(self, name: str, model: Model[Any]) -> Model[Any]:
        """Return the model to fit, or the fitted one of the earlier channels."""
        if self._earlier is None:
            return model
        earlier, channels = self._earlier
        before = channels.models.get(name)
        if before is not None and earlier.kept(model, before, self.config.update):
            self.went_on.append(f"{name} is kept as it was")
            return before
        als = earlier.als_from(model, before, self.config.update)
        if als is None:
            return model
        self.went_on.append(
            f"{name} went on from the vectors of before: {als.settings.iterations} iterations"
        )
        return als

    def _fitted(self) -> None:
        self.names = tuple(self.models)
        for model in self.models.values():
            model.threads = 1  # blocks are spread over threads by whoever asks for them
            model.progress = silent

    def _sold(self, channel: Channel, train: Histories) -> Mask | None:
        """Return what a channel may propose by its `sold_days` and `sold_most`; None: all."""
        days, most = channel.common.sold_days, channel.common.sold_most
        if days is None and most is None:
            return None
        counts = count_sales(train, self.cutoff_, fading(0, days))[0]
        # ties stay with the lower position
        best = np.argsort(-counts, kind="stable")[:most]
        found = np.zeros(len(counts), bool)
        found[best] = counts[best] > 0
        return found

    def gather(
        self, histories: Histories, *, as_of: int | None, among: Mask | None = None
    ) -> Candidates:
        """Return the candidates of every row, on the calling thread.

        A customer's candidates depend on the customer's own row of `histories` (and `among`)
        alone.

        Parameters
        ----------
        histories : Histories of n customers
        as_of : int or None
            Seconds. Purchases at or after it are not seen. None only for undated data.
        among : bool (n_articles,) or (n, n_articles), optional
            True where an article may be proposed.

        Raises
        ------
        CutoffError
            `as_of` lies before what the channels were fitted on, or is None though that is dated.
        """
        self._check(as_of)
        histories = histories.before(as_of)
        proposals = [self.propose(name, histories, as_of=as_of, among=among) for name in self.names]
        found = Candidates.join(proposals, self.names, n_articles=self.n_articles_)
        for at, name in enumerate(self.names):
            if self.settings[name].common.score_all:
                self.score_all(found, at, histories, as_of)
        return found

    def propose(
        self, name: str, histories: Histories, *, as_of: int | None, among: Mask | None = None
    ) -> TopK:
        """Return what one channel proposes; arguments as those of `gather`."""
        self._check(as_of)
        common = self.settings[name].common
        sold = self.sold_[name]
        if sold is not None:
            among = sold if among is None else sold & among
        return self.models[name].recommend(
            histories, common.n, as_of=as_of, among=among, repeat=Repeat.parse(common.repeat)
        )

    def score_all(
        self, candidates: Candidates, at: int, histories: Histories, as_of: int | None
    ) -> None:
        """Let channel number `at` score every candidate, in place."""
        padded = candidates.padded()
        scores = self.models[self.names[at]].score(histories, padded, as_of=as_of)
        candidates.score[:, at] = scores[padded >= 0]

    def _check(self, as_of: int | None) -> None:
        if not self.models:
            raise RunError("the channels are not fitted", hint="call fit(train, catalogue) first")
        if self.cutoff_ is not None and (as_of is None or as_of < self.cutoff_):
            raise CutoffError(
                f"the channels were fitted on purchases up to {self.cutoff_} s, and are asked "
                f"as of {as_of} s",
                hint=f"give as_of, {self.cutoff_} or later (seconds since 1970)",
            )

    def save(self, folder: Path) -> None:
        """Write every model in a folder of its channel's name."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, model in self.models.items():
            model.save(folder / name)
            sold = self.sold_[name]
            np.save(folder / name / "sold.npy", np.zeros(0, bool) if sold is None else sold)
        description = {
            "version": VERSION,
            "n_articles": self.n_articles_,
            "cutoff": self.cutoff_,
            "names": list(self.names),
            "left_out": self.left_out,
        }
        (folder / "channels.json").write_text(json.dumps(description, indent=1))

    @classmethod
    def load(
        cls,
        folder: Path,
        config: Config,
        catalogue: Catalogue,
        names: Sequence[str] | None = None,
    ) -> Self:
        """Map what `save` wrote into memory.

        Raises
        ------
        RunError
            The folder holds no channels, or those of other settings or another version.
        """
        try:
            description = json.loads((folder / "channels.json").read_text())
            if description["version"] != VERSION:
                raise ValueError(f"version {description['version']}")
            found = cls(config, names)
            unknown = [one for one in description["names"] if one not in found.settings]
            if unknown or description["n_articles"] != catalogue.n_articles:
                raise ValueError(f"channels {unknown}, {description['n_articles']} articles")
            sold = {one: np.load(folder / one / "sold.npy") for one in description["names"]}
        except (OSError, ValueError, KeyError) as error:
            raise RunError(
                f"{folder} holds no such channels: {error}", hint="train again"
            ) from None
        found.n_articles_, found.cutoff_ = description["n_articles"], description["cutoff"]
        found.left_out = description["left_out"]
        found.sold_ = {name: one if len(one) else None for name, one in sold.items()}
        for name in description["names"]:
            kind = model_of(found.settings[name].model_name)
            found.models[name] = kind.load(folder / name)
        found._fitted()
        return found
