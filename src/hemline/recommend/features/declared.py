"""Every feature, declared once: name, family, meaning, in the order of the compiled code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One column of the features of a candidate.

    Attributes
    ----------
    name : str
        As in the model file and in its importances; letters, digits, dots, `_` and `-`.
    family : str
        What is computed together, and may be left out together.
    meaning : str
        One line, with the unit, and what NaN or 0 says.
    needs : tuple of str
        What a shop must have for it: "time" (dated purchases), "pairs" (`features.pairs_days`
        is not 0), "similar" (similar articles), or an attribute of the product table. Where it
        is missing the feature is left out. Prices and ages are missing one by one, and are NaN.
    """

    name: str
    family: str
    meaning: str
    needs: tuple[str, ...] = ()


def _family(name: str, *features: tuple[str, str] | tuple[str, str, tuple[str, ...]]) -> Features:
    return tuple(Feature(one[0], name, one[1], one[2] if len(one) > 2 else ()) for one in features)


Features = tuple[Feature, ...]
_TIME = ("time",)

OWN = _family(
    "own",
    ("own.purchases", "the customer's purchases of this very article"),
    ("own.units", "pieces, or ratings, in these purchases"),
    ("own.share", "its share of the customer's purchases, the later ones weighing more"),
    ("own.days", "days since the customer last bought it; NaN: never", _TIME),
    ("own.visits", "days on which the customer bought it", _TIME),
    ("own.visits_since", "the customer's days with purchases after that; NaN: never", _TIME),
    ("own.basket", "the customer's purchases on the day they last bought it", _TIME),
    ("own.price", "what the customer last paid for it, in the shop's currency"),
    ("own.price_rank", "its place among the customer's articles by that price, 1 is dearest"),
    ("own.price_ratio", "that price over the mean of all the customer paid"),
    ("own.basket_price_rank", "the place by price among those last bought on that day", _TIME),
    ("own.price_change", "what it costs lately over that price"),
    ("own.channel", "number of the sales channel of the last of these purchases; NaN: none"),
)
CUSTOMER = _family(
    "customer",
    ("customer.purchases", "the customer's purchases"),
    ("customer.articles", "distinct articles among them"),
    ("customer.visits", "days with purchases", _TIME),
    ("customer.days", "days since the last purchase; NaN: none", _TIME),
    ("customer.first_days", "days since the first purchase; NaN: none", _TIME),
    ("customer.basket", "purchases on the last day with any", _TIME),
    ("customer.week", "purchases within the last 7 days", _TIME),
    ("customer.month", "purchases within the last 30 days", _TIME),
    ("customer.repeats", "share of purchases of an article that was bought on a day before", _TIME),
    ("customer.price", "mean price paid"),
    ("customer.age", "years"),
    ("customer.channel", "mean number of the sales channel"),
)
ARTICLE = (
    *_family(
        "sales",
        ("sales.all", "purchases of the article in a million of the shop's"),
        ("sales.day", "the same within the last day", _TIME),
        ("sales.week", "the same within the last 7 days", _TIME),
        ("sales.month", "the same within the last 30 days", _TIME),
        ("sales.trend", "purchases a day of the last 7 days over those of the last 30", _TIME),
        ("sales.trend_day", "purchases of the last day over those a day of the last 7", _TIME),
        ("sales.change", "(1 + purchases in the last 7 days) / (1 + in the 7 before)", _TIME),
        (
            "sales.product_week",
            "purchases of all articles of its product code in a million of the shop's, 7 days",
            ("time", "product_code"),
        ),
        (
            "sales.in_department",
            "its share of its department's purchases within the last 7 days",
            ("time", "department_no"),
        ),
        (
            "sales.in_product",
            "its share of its product code's purchases within the last 7 days",
            ("time", "product_code"),
        ),
    ),
    *_family(
        "article",
        (
            "article.rebuys",
            "share of its buyers who bought it on two days or more, over that of all articles",
            _TIME,
        ),
        (
            "article.product_rebuys",
            "the same of its product code, whatever the colour",
            ("time", "product_code"),
        ),
        (
            "article.type_rebuys",
            "the same of its product type, whatever the article",
            ("time", "product_type_no"),
        ),
        ("article.buyer_age", "mean age of its buyers, years"),
        ("article.buyer_age_sd", "standard deviation of their age; NaN: fewer than two"),
        ("article.price", "mean price in the 7 days up to its last sale"),
        ("article.discount", "that price over the highest ever paid for it"),
        ("article.channel", "mean number of the sales channel"),
        ("article.first_days", "days since its first sale; NaN: never sold", _TIME),
        ("article.last_days", "days since its last sale; NaN: never sold", _TIME),
    ),
)
MATCH = _family(
    "match",
    ("match.age", "the customer's age less the mean of its buyers, years"),
    ("match.age_distance", "the same without sign, in standard deviations of their age"),
    ("match.price", "its price over the mean that the customer paid"),
    ("match.price_distance", "its price less that mean, in standard deviations of what they paid"),
    ("match.channel", "its mean sales channel less the customer's"),
)
_CODE = ("product_code",)
PRODUCT = _family(
    "product",
    ("product.articles", "distinct articles of its product code that the customer bought", _CODE),
    ("product.others", "those of them that are other articles", _CODE),
    (
        "product.other_days",
        "days since the customer last bought another article of its product code; NaN: never",
        ("time", "product_code"),
    ),
    ("product.price", "what the customer last paid for an article of its product code", _CODE),
)
PAIRS = _family(
    "pairs",
    (
        "pairs.basket",
        "its share in what is bought together with an article of the last basket, their mean",
        ("pairs", "time"),
    ),
    (
        "pairs.history",
        "the same over all the customer bought, the later purchases weighing more",
        ("pairs",),
    ),
)
VISUAL = _family(
    "visual",
    (
        "visual.basket",
        "highest cosine of its photo and those of the last basket that it is similar to",
        ("similar", "time"),
    ),
    ("visual.best", "the same over all the customer bought; NaN: similar to none", ("similar",)),
)

ATTRIBUTES = {
    "product_code": "product",
    "product_type_no": "type",
    "department_no": "department",
    "section_no": "section",
    "garment_group_no": "garment_group",
    "index_code": "index",
    "index_group_no": "index_group",
    "colour_group_code": "colour",
    "perceived_colour_master_id": "colour_master",
    "graphical_appearance_no": "appearance",
}
"""Attributes of the product table that the features ask for, and what they are called in names."""

FIXED: Features = (*OWN, *CUSTOMER, *ARTICLE, *MATCH, *PRODUCT, *PAIRS, *VISUAL)


def attribute_features(attribute: str) -> Features:
    """Return the features that tell what the customer bought with the candidate's value.

    >>> [one.name for one in attribute_features("department_no")]
    ['department.share', 'department.days', 'department.purchases']
    """
    name = ATTRIBUTES[attribute]
    which = f"of its {name.replace('_', ' ')}"
    return _family(
        "attributes",
        (
            f"{name}.share",
            f"share of the customer's purchases {which}, the later ones weighing more",
            (attribute,),
        ),
        (
            f"{name}.days",
            f"days since the customer last bought an article {which}; NaN: never",
            ("time", attribute),
        ),
        (f"{name}.purchases", f"the customer's purchases {which}", (attribute,)),
    )


def channel_features(channels: tuple[str, ...]) -> Features:
    """Return the features that tell how a candidate came to be one.

    >>> [one.name for one in channel_features(("als",))]
    ['channels.number', 'channels.best', 'flag.als', 'rank.als', 'score.als']
    """
    found = _family(
        "channels",
        ("channels.number", "channels that propose it"),
        ("channels.best", "its best rank in any channel, 1 is first"),
    )
    for prefix, meaning in (
        ("flag", "1 where the channel {} proposes it, else 0"),
        ("rank", "its rank in the channel {}; NaN: not proposed"),
        ("score", "its score by the channel {}; NaN: none"),
    ):
        named = ((f"{prefix}.{one}", meaning.format(one)) for one in channels)
        found += _family(f"{prefix}s", *named)
    return found


def all_features(channels: tuple[str, ...]) -> Features:
    """Return every feature, in the order in which the compiled code writes them."""
    of_attributes = (one for name in ATTRIBUTES for one in attribute_features(name))
    return (*FIXED, *of_attributes, *channel_features(channels))
