"""Features of candidates, block by block, the same in training and in service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hemline.blocks import Progress, silent
from hemline.config import Config
from hemline.errors import ConfigError, CutoffError, RunError
from hemline.models.base import Float32, Int32
from hemline.models.co_purchase import CoPurchase
from hemline.recommend.candidates import Candidates
from hemline.recommend.features.articles import ArticleFacts
from hemline.recommend.features.declared import ATTRIBUTES, Feature, all_features
from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day
from hemline.shop.tables import Catalogue

VERSION = 1
_NO_PAIRS: tuple[npt.NDArray[Any], ...] = (
    np.zeros(0, np.int64),
    np.zeros(0, np.int32),
    np.zeros(0, np.float32),
)


class Features:
    """What is known of (customer, candidate) just before a moment, as one matrix of numbers.

    Statistics of the articles are learned by `fit`; whatever concerns the customer is taken
    from the history that `compute` is given. Nothing at or after `as_of` is looked at.

    Parameters
    ----------
    config : Config
    channels : tuple of str
        Names of the channels, in the order of the columns of `Candidates`.

    Attributes
    ----------
    declared : tuple of Feature
        The columns, in order; after `fit` only those that the shop has what it takes for.
    left_out : dict of str
        By name, what the shop lacks for a feature; filled by `fit` and `narrow`.
    lacking : tuple of Feature
        These features.
    cutoff_ : int or None
        Seconds: the purchases before it were learned from; None for undated data.
    """

    declared: tuple[Feature, ...]
    left_out: dict[str, str]
    lacking: tuple[Feature, ...]
    n_articles_: int
    cutoff_: int | None
    facts_: ArticleFacts
    pairs_: CoPurchase | None

    def __init__(self, config: Config, channels: tuple[str, ...]) -> None:
        self.config = config
        self.channels = tuple(channels)
        every = all_features(self.channels)
        unwanted = set(config.features.leave_out)
        known = {one.name for one in every} | {one.family for one in every}
        if unwanted - known:
            raise ConfigError(
                f"features.leave_out: no feature or family {min(unwanted - known)!r}",
                hint="`hemline features` lists them all",
            )
        self._wanted = tuple(
            place for place, one in enumerate(every) if not {one.name, one.family} & unwanted
        )
        self.declared = tuple(every[place] for place in self._wanted)
        self.left_out, self.lacking = {}, ()

    def fit(
        self,
        train: Histories,
        catalogue: Catalogue,
        *,
        as_of: int | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Learn the statistics of the articles from what was bought before `as_of` (seconds).

        None means the end of the last day in `train`, or no time at all for undated data.
        """
        if as_of is None:
            last = train.last_time()
            as_of = end_of_day(last) if last else None
        _check_sizes(catalogue, train)
        train = train.before(as_of)
        self.cutoff_ = as_of
        self.facts_ = ArticleFacts.of(train, catalogue.codes, as_of)
        progress(1, 2)
        self.pairs_ = self._pairs(train, as_of)
        progress(2, 2)
        self._prepare(catalogue)
        return self

    def _pairs(self, train: Histories, as_of: int | None) -> CoPurchase | None:
        """Count what was bought together lately; None where no feature asks for it."""
        days = self.config.features.pairs_days
        if not days or "pairs" not in {one.family for one in self.declared}:
            return None
        model = CoPurchase(window_days=days, per_article=self.config.features.pairs_kept)
        model.threads = self.config.threads
        if as_of is not None:
            train = train.since(as_of - days * SECONDS_PER_DAY)
        return model.fit(train, as_of=as_of)

    def narrow(self, catalogue: Catalogue, *, dated: bool = True) -> Self:
        """Leave out what the shop lacks the data for, as `fit` does: see `left_out`."""
        lacks = self._lacks(catalogue, dated)
        every = all_features(self.channels)
        self.left_out = {}
        chosen = []
        for place in self._wanted:
            missing = [one for one in every[place].needs if one in lacks]
            if missing:
                self.left_out[every[place].name] = lacks[missing[0]]
            else:
                chosen.append(place)
        self.declared = tuple(every[place] for place in chosen)
        self.lacking = tuple(one for one in every if one.name in self.left_out)
        self._chosen = np.array(chosen, np.int64)
        return self

    def _prepare(self, catalogue: Catalogue) -> None:
        self.n_articles_ = catalogue.n_articles
        self.narrow(catalogue, dated=self.cutoff_ is not None)
        codes, n_codes = _joined_codes(catalogue, {one.name for one in self.declared})
        self._pair_arrays = _NO_PAIRS
        if self.pairs_ is not None:
            found = (self.pairs_.indptr_, self.pairs_.article_, self.pairs_.value_)
            self._pair_arrays = tuple(np.ascontiguousarray(one) for one in found)
        self._articles = (self.facts_.values, self.facts_.sold, codes, n_codes)
        similar, cosine = catalogue.similar, catalogue.similarity
        if "visual" not in {one.family for one in self.declared}:
            similar, cosine = similar[:, :0], cosine[:, :0]
        self._similar = (
            np.ascontiguousarray(similar, np.int32), np.ascontiguousarray(cosine, np.float32)
        )  # fmt: skip

    def _lacks(self, catalogue: Catalogue, dated: bool) -> dict[str, str]:
        """Return why each need of a feature is not met, for those that are not."""
        found = {
            name: f"the shop has no {name}"
            for name in ATTRIBUTES
            if name not in catalogue.codes or catalogue.codes[name].max(initial=-1) < 0
        }
        if not dated:
            found["time"] = "the purchases have no dates"
        if not self.config.features.pairs_days:
            found["pairs"] = "features.pairs_days is 0"
        if not (catalogue.similar >= 0).any():
            found["similar"] = "there are no similar articles"
        return found

    def compute(
        self, histories: Histories, candidates: Candidates, *, as_of: int | None
    ) -> Float32:
        """Return the features of every candidate, on the calling thread.

        A candidate's features depend on its own row of `candidates` and on its customer's own
        row of `histories` alone.

        Parameters
        ----------
        histories : Histories of n customers
        candidates : Candidates of the same customers
        as_of : int or None
            Seconds. Purchases at or after it are not seen. None only for undated data.

        Returns
        -------
        float32 (number of candidates, len(declared))
            In the order of the candidates; NaN where a value is not known.

        Raises
        ------
        CutoffError
            `as_of` lies before what the features were fitted on, or is None though that is dated.
        """
        from hemline.recommend.features.rows_kernel import feature_rows

        self._check(histories, candidates, as_of)
        seen = histories.before(as_of)
        out = np.empty((candidates.n_rows, len(self.declared)), np.float32)
        moment = (as_of or 0, self.cutoff_ is not None, self.config.features.decay)
        feature_rows(
            _arrays(seen),
            (
                np.ascontiguousarray(candidates.bounds, np.int64),
                np.ascontiguousarray(candidates.article),
                np.ascontiguousarray(candidates.rank),
                np.ascontiguousarray(candidates.score),
            ),
            self._articles,
            self._pair_arrays,
            self._similar,
            moment,
            self._chosen,
            out,
        )
        return out

    def _check(self, histories: Histories, candidates: Candidates, as_of: int | None) -> None:
        if not hasattr(self, "facts_"):
            raise RunError("the features are not fitted", hint="call fit(train, catalogue) first")
        if histories.n_articles != self.n_articles_:
            raise ConfigError(
                f"histories over {histories.n_articles} articles, the features were fitted on "
                f"{self.n_articles_}",
                hint="use one catalogue for both",
            )
        if len(histories) != len(candidates):
            raise ConfigError(
                f"candidates of {len(candidates)} customers, histories of {len(histories)}",
                hint="gather the candidates from the same histories",
            )
        if candidates.channels != self.channels:
            raise ConfigError(
                f"candidates from the channels {', '.join(candidates.channels)}, features for "
                f"{', '.join(self.channels)}",
                hint="make the features with the names of the channels",
            )
        if self.cutoff_ is not None and (as_of is None or as_of < self.cutoff_):
            raise CutoffError(
                f"the features were fitted on purchases up to {self.cutoff_} s, and are asked as "
                f"of {as_of} s",
                hint=f"give as_of, {self.cutoff_} or later (seconds since 1970)",
            )

    def save(self, folder: Path) -> None:
        """Write what was learned, and the names of the features."""
        folder.mkdir(parents=True, exist_ok=True)
        self.facts_.save(folder)
        if self.pairs_ is not None:
            self.pairs_.save(folder / "pairs")
        description = {
            "version": VERSION,
            "cutoff": self.cutoff_,
            "features": [one.name for one in self.declared],
        }
        (folder / "features.json").write_text(json.dumps(description, indent=1))

    @classmethod
    def load(
        cls, folder: Path, config: Config, catalogue: Catalogue, channels: tuple[str, ...]
    ) -> Self:
        """Map what `save` wrote into memory.

        Raises
        ------
        RunError
            The folder holds no features, or others than these settings and this catalogue give.
        """
        features = cls(config, channels)
        try:
            description = json.loads((folder / "features.json").read_text())
            if description["version"] != VERSION:
                raise ValueError(f"features of version {description['version']}")
            features.cutoff_ = description["cutoff"]
            features.facts_ = ArticleFacts.load(folder)
            paired = (folder / "pairs").is_dir()
            features.pairs_ = CoPurchase.load(folder / "pairs") if paired else None
            if len(features.facts_.values) != catalogue.n_articles:
                raise ValueError(f"features of {len(features.facts_.values)} articles")
            features._prepare(catalogue)
            if [one.name for one in features.declared] != description["features"]:
                raise ValueError("other features than these settings give")
        except (OSError, ValueError, KeyError) as error:
            raise RunError(
                f"{folder} holds no such features: {error}", hint="train again"
            ) from None
        return features


def _arrays(histories: Histories) -> tuple[npt.NDArray[Any], ...]:
    return (
        np.ascontiguousarray(histories.start), np.ascontiguousarray(histories.stop),
        histories.article, histories.time, histories.weight, histories.price, histories.channel,
        np.ascontiguousarray(histories.age),
    )  # fmt: skip


def _check_sizes(catalogue: Catalogue, train: Histories) -> None:
    if catalogue.n_articles != train.n_articles:
        raise ConfigError(
            f"a catalogue of {catalogue.n_articles} articles, histories over {train.n_articles}",
            hint="use one catalogue for both",
        )


def _code(catalogue: Catalogue, attribute: str) -> Int32:
    none = np.full(catalogue.n_articles, -1, np.int32)
    return np.ascontiguousarray(catalogue.codes.get(attribute, none), np.int32)


def _joined_codes(catalogue: Catalogue, names: set[str]) -> tuple[Int32, int]:
    """Return the codes of all attributes as int32 (n_articles, 10), no code in two columns.

    An attribute that none of the features `names` is about has -1 everywhere.
    """
    found = np.full((catalogue.n_articles, len(ATTRIBUTES)), -1, np.int32)
    n_codes = 0
    for column, (attribute, name) in enumerate(ATTRIBUTES.items()):
        codes = _code(catalogue, attribute)
        if any(one.startswith(f"{name}.") for one in names):
            found[:, column] = np.where(codes >= 0, codes + n_codes, -1)
            n_codes += int(codes.max(initial=-1)) + 1
    return found, n_codes
