"""The Model contract: what every model takes, answers, and promises."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from hemline.blocks import Progress, silent
from hemline.config import Section
from hemline.errors import ConfigError, CutoffError, RunError
from hemline.shop.histories import SECONDS_PER_DAY, Histories, end_of_day

if TYPE_CHECKING:
    from hemline.shop.tables import Catalogue

Int32 = npt.NDArray[np.int32]
Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TopK:
    """The k best articles of n customers, best first.

    Attributes
    ----------
    articles : int32 (n, k)
        Positions of articles, all different in a row; -1 where a row has fewer than k.
    scores : float32 (n, k)
        Falling along a row; equal scores stand by rising position; -inf where there is none.
    """

    articles: Int32
    scores: Float32


@dataclass(frozen=True)
class Repeat:
    """May an article be recommended to a customer who bought it already?

    `days` is 0 for always, -1 for never, n for "not within n days of the last time".
    """

    days: int = 0

    @classmethod
    def allow(cls) -> Repeat:
        """Bought or not, it may be recommended."""
        return cls(0)

    @classmethod
    def exclude(cls) -> Repeat:
        """What was bought is never recommended again."""
        return cls(-1)

    @classmethod
    def cooldown(cls, days: int) -> Repeat:
        """What was bought is not recommended for `days` days (at least 1)."""
        if days < 1:
            raise ConfigError(f"a cooldown of {days} days", hint="at least 1 day")
        return cls(days)

    @classmethod
    def parse(cls, text: str | int) -> Repeat:
        """Read the setting `repeat`: "allow", "exclude" or a number of days."""
        if text in ("allow", "exclude"):
            return cls.allow() if text == "allow" else cls.exclude()
        try:
            return cls.cooldown(int(text))
        except ValueError:
            raise ConfigError(
                f"repeat = {text!r}", hint='"allow", "exclude" or a number of days'
            ) from None

    def excluded_since(self, as_of: int | None) -> int | None:
        """Return the time since which a purchase excludes its article; None: no purchase does.

        Undated histories (`as_of` None) treat a cooldown as `exclude`.
        """
        if self.days == 0:
            return None
        if self.days < 0 or as_of is None:
            return int(np.iinfo(np.int64).min)
        return as_of - self.days * SECONDS_PER_DAY


S = TypeVar("S", bound=Section)


class Model(ABC, Generic[S]):
    """Fit on histories once, then answer any history: keywords make one frozen config.

    A subclass sets `name`, `version`, `settings_type` and `fitted` (the names of its fitted
    arrays, each ending in `_`), and writes `_fit`, `_recommend` and `_score`; the public
    methods check arguments, cut histories at `as_of`, and keep the contract.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    settings_type: ClassVar[type[Section]]
    fitted: ClassVar[tuple[str, ...]]

    settings: S
    n_articles_: int
    cutoff_: int | None

    threads: int = 0
    """0: one for each processor. No setting, since the answer does not depend on it."""
    progress: Progress = staticmethod(silent)
    """Called while a long `fit` works."""

    def __init__(self, **keywords: Any) -> None:
        try:
            self.settings = self.settings_type(**keywords)  # type: ignore[assignment]
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            known = ", ".join(self.settings_type.model_fields)
            raise ConfigError(
                f"{type(self).__name__}({where}={first.get('input')!r}): {first['msg']}",
                hint=f"settings: {known}",
            ) from None

    def fit(
        self,
        train: Histories,
        *,
        as_of: int | None = None,
        catalogue: Catalogue | None = None,
    ) -> Self:
        """Learn from `train`, afresh, and return self.

        Parameters
        ----------
        train : Histories
        as_of : int, optional
            Seconds; nothing at or after it is looked at. None means the end of the last
            day in `train`, or no time at all when every time is 0 (undated data).
        catalogue : Catalogue, optional
            The articles' attributes, for the models that need them; see `lacks`.

        Raises
        ------
        ConfigError
            The model needs an attribute, and there is none.
        """
        lacks = self.lacks(catalogue)
        if lacks:
            raise ConfigError(
                f"{type(self).__name__} cannot be fitted: {lacks}",
                hint="fit(train, catalogue=...) with a catalogue that has it",
            )
        if as_of is None:
            last = train.last_time()
            as_of = end_of_day(last) if last else None
        self.n_articles_ = train.n_articles
        self.cutoff_ = as_of
        self._fit_with(train.before(as_of), as_of, catalogue)
        return self

    def lacks(self, catalogue: Catalogue | None) -> str:
        """Say what the model needs of a catalogue that does not have it; empty: nothing."""
        return ""

    def _fit_with(self, train: Histories, as_of: int | None, catalogue: Catalogue | None) -> None:
        # overridden by the models that need the catalogue
        self._fit(train, as_of)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        as_of: int | None = None,
        among: Mask | None = None,
        repeat: Repeat | None = None,
    ) -> TopK:
        """Return the k best articles for every row of `histories`.

        Parameters
        ----------
        histories : Histories of n customers
        k : int
            May be larger than the catalogue; the rest is padded.
        as_of : int, optional
            Seconds. Purchases at or after it are not seen. None only for undated data.
        among : bool (n_articles,) or (n, n_articles), optional
            True where an article may be recommended.
        repeat : Repeat, optional
            Allow when None.

        Raises
        ------
        CutoffError
            `as_of` lies before what the model was fitted on.
        """
        self.check_fitted()
        if k < 1:
            raise ConfigError(f"k = {k}", hint="k is at least 1")
        self._check_histories(histories)
        self.check_as_of(as_of)
        if among is not None:
            among = np.asarray(among, dtype=bool)
            shapes = {(self.n_articles_,), (len(histories), self.n_articles_)}
            if among.shape not in shapes:
                raise ConfigError(
                    f"among has shape {among.shape}",
                    hint=f"({self.n_articles_},) or ({len(histories)}, {self.n_articles_})",
                )
        return self._recommend(histories.before(as_of), k, as_of, among, repeat or Repeat.allow())

    def score(
        self, histories: Histories, candidates: Int32, *, as_of: int | None = None
    ) -> Float32:
        """Return the score of each candidate, float32 (n, m); -inf where it is -1.

        Parameters
        ----------
        histories : Histories of n customers
        candidates : int32 (n, m)
            Positions of articles, -1 for none.
        as_of : int, optional
            As in `recommend`.
        """
        self.check_fitted()
        self._check_histories(histories)
        self.check_as_of(as_of)
        candidates = np.ascontiguousarray(candidates, dtype=np.int32)
        if candidates.ndim != 2 or len(candidates) != len(histories):
            raise ConfigError(
                f"candidates have shape {candidates.shape}", hint=f"({len(histories)}, m)"
            )
        if candidates.max(initial=-1) >= self.n_articles_:
            raise ConfigError(
                f"candidate {candidates.max()} of {self.n_articles_} articles",
                hint="candidates are positions of articles, or -1",
            )
        found = self._score(histories.before(as_of), candidates, as_of)
        found[candidates < 0] = -np.inf
        return found

    def check_fitted(self) -> None:
        """Raise RunError when `fit` or `load` has not been called."""
        if not hasattr(self, "n_articles_"):
            raise RunError(f"{type(self).__name__} is not fitted", hint="call fit(train) first")

    def _check_histories(self, histories: Histories) -> None:
        if histories.n_articles != self.n_articles_:
            raise ConfigError(
                f"histories over {histories.n_articles} articles, {self.name} was fitted on "
                f"{self.n_articles_}",
                hint="use one catalogue for both",
            )

    def check_as_of(self, as_of: int | None) -> None:
        """Raise CutoffError when `as_of` lies before what the model was fitted on."""
        if as_of is not None and self.cutoff_ is not None and as_of < self.cutoff_:
            raise CutoffError(
                f"{self.name} was fitted on purchases up to {self.cutoff_} s, and is asked as of "
                f"{as_of} s",
                hint="fit it again on what came before that moment",
            )

    def save(self, folder: Path) -> None:
        """Write settings as JSON and each fitted array as one .npy file."""
        self.check_fitted()
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.fitted:
            np.save(folder / f"{name.rstrip('_')}.npy", getattr(self, name), allow_pickle=False)
        description = {
            "model": self.name,
            "version": self.version,
            "settings": self.settings.model_dump(mode="json"),
            "n_articles": self.n_articles_,
            "cutoff": self.cutoff_,
        }
        (folder / "model.json").write_text(json.dumps(description, indent=1, sort_keys=True))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map a model written by `save` into memory.

        Raises
        ------
        RunError
            The folder holds no model, another model, or one of an unknown version.
        """
        try:
            description = json.loads((folder / "model.json").read_text())
        except (OSError, ValueError) as error:
            raise RunError(f"{folder} holds no model: {error}", hint="train again") from None
        held = description.get("model"), description.get("version")
        if held != (cls.name, cls.version):
            raise RunError(
                f"{folder} holds {held[0]} version {held[1]}, not {cls.name} version {cls.version}",
                hint="train again with this version of Hemline",
            )
        model = cls(**description["settings"])
        model.n_articles_ = description["n_articles"]
        model.cutoff_ = description["cutoff"]
        for name in cls.fitted:
            path = folder / f"{name.rstrip('_')}.npy"
            try:
                array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
            except ValueError:  # an empty array cannot be mapped
                array = np.load(path, allow_pickle=False)
            except OSError as error:
                raise RunError(f"{path} cannot be read: {error}", hint="train again") from None
            # an array plainly: to look into a memmap costs some ten times as much
            setattr(model, name, np.asarray(array))
        model._loaded()
        return model

    @abstractmethod
    def _fit(self, train: Histories, as_of: int | None) -> None: ...

    @abstractmethod
    def _recommend(
        self,
        histories: Histories,
        k: int,
        as_of: int | None,
        among: Mask | None,
        repeat: Repeat,
    ) -> TopK: ...

    @abstractmethod
    def _score(self, histories: Histories, candidates: Int32, as_of: int | None) -> Float32: ...

    def _loaded(self) -> None:
        """Derive, after `load`, what is not stored."""
