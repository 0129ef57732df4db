"""The periods before a cutoff that a ranker learns from."""

from __future__ import annotations

from dataclasses import dataclass

from hemline.shop.histories import SECONDS_PER_DAY


@dataclass(frozen=True)
class Window:
    """What is bought in [cutoff, end) is to be foretold from what lies before: seconds."""

    cutoff: int
    end: int


def target_windows(first: int, end: int, horizon_days: int, n: int) -> list[Window]:
    """Return at most n windows that end by `end`, the newest first.

    Where the purchases span at least three horizons, windows are one horizon long, lie end
    to end, and each has at least one horizon before it. Shorter data has windows that
    overlap: cutoffs at whole days, evenly apart, the earliest a day after `first`, each
    predicting what follows for a horizon or up to the end of the data.

    Parameters
    ----------
    first : int
        Time of the earliest purchase.
    end : int
        The moment that is recommended for in the end; nothing at or after it is known.
    horizon_days : int
    n : int

    >>> day = 86_400
    >>> [(w.cutoff // day, w.end // day) for w in target_windows(0, 40 * day, 7, 3)]
    [(33, 40), (26, 33), (19, 26)]
    >>> [(w.cutoff // day, w.end // day) for w in target_windows(0, 4 * day, 7, 5)]
    [(3, 4), (2, 4), (1, 4)]
    """
    horizon = horizon_days * SECONDS_PER_DAY
    if end - first >= 3 * horizon:
        most = min(n, (end - first) // horizon - 1)
        return [Window(end - (i + 1) * horizon, end - i * horizon) for i in range(most)]
    days = -(-(end - first) // SECONDS_PER_DAY)
    step = min(max(1, days // (n + 1)), horizon_days) * SECONDS_PER_DAY
    cutoffs = [end - (i + 1) * step for i in range(n)]
    return [Window(one, min(one + horizon, end)) for one in cutoffs if one > first]
