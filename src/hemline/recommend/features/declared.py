"""Every feature, declared once: name, family, meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column of the features of a candidate.

    Attributes
    ----------
    name : str
        As in the model file and in its importances; letters, digits, dots and dashes.
    family : str
        What is needed to compute it is shared within a family.
    meaning : str
        One line, with the unit, and what NaN or 0 says.
    """

    name: str
    family: str
    meaning: str


def channel_features(channels: tuple[str, ...]) -> tuple[Feature, ...]:
    """Return the features that tell how a candidate came to be one.

    >>> [one.name for one in channel_features(("als",))]
    ['channels.number', 'channels.best', 'flag.als', 'rank.als', 'score.als']
    """
    family = "channels"
    found = [
        Feature("channels.number", family, "channels that propose it"),
        Feature("channels.best", family, "its best rank in any channel, 1 is first"),
    ]
    for prefix, meaning in (
        ("flag", "1 where the channel {} proposes it, else 0"),
        ("rank", "its rank in the channel {}; NaN where it is not proposed"),
        ("score", "its score by the channel {}; NaN where there is none"),
    ):
        found += [Feature(f"{prefix}.{one}", family, meaning.format(one)) for one in channels]
    return tuple(found)
