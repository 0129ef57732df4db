"""The departments of the simulated shop: indexes, sections, garment groups, product types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hemline.shop.simulate.vocabulary import TYPES, ProductType


class Index(NamedTuple):
    """An index: its share of articles and of sales, its size in departments, whom it suits.

    `ages` are its relative weights among customers of up to 29, 30 to 44, 45 and more years.
    """

    code: str
    name: str
    group: int
    share: float
    sales: float
    departments: int
    age: int
    ages: tuple[float, float, float]
    sections: tuple[str, ...]


INDEX_GROUPS: Final = ["Womenswear", "Young Fashion", "Menswear", "Baby/Children", "Sport"]
INDEX_GROUP_NUMBERS: Final = [1, 2, 3, 4, 26]

INDEXES: Final = [
    Index(
        "A", "Womenswear", 0, 24.6, 40.0, 62, 42, (30, 45, 52),
        ("Womens Everyday", "Womens Basics", "Womens Tailoring", "Womens Casual", "Womens Trend",
         "Womens Jackets", "Womens Premium", "Maternity", "Plus Sizes", "Womens Denim",
         "Womens Occasion", "Womens Linen", "Special Collections", "Collaborations"),
    ),
    Index(
        "B", "Lingerie/Tights", 0, 6.4, 18.0, 11, 36, (18, 16, 18),
        ("Womens Lingerie", "Womens Nightwear, Socks"),
    ),
    Index(
        "C", "Womens Accessories", 0, 6.6, 6.0, 18, 38, (5, 6, 8),
        ("Womens Small Accessories", "Womens Shoes and Bags"),
    ),
    Index(
        "D", "Young Fashion", 1, 14.4, 22.0, 47, 24, (34, 10, 7),
        ("Young Collection", "Young Projects", "Young Basics", "Young Accessories",
         "Young Selected", "Young Denim", "Young Party", "Young Shoes", "Young Complements"),
    ),
    Index(
        "F", "Menswear", 2, 11.9, 6.0, 64, 33, (6, 7, 6),
        ("Contemporary Casual", "Contemporary Smart", "Contemporary Street", "Mens Suits",
         "Mens Basics", "Mens Underwear", "Mens Outerwear", "Mens Shoes", "Mens Accessories",
         "Mens Denim", "Mens Edition", "Mens Projects", "Mens Other"),
    ),
    Index(
        "G", "Baby Sizes 50-98", 3, 8.4, 1.6, 18, 33, (0.8, 3.5, 0.8),
        ("Baby Essentials", "Baby Girl", "Baby Boy", "Newborn"),
    ),
    Index(
        "H", "Children Sizes 92-140", 3, 11.4, 2.0, 26, 36, (0.7, 5.0, 1.2),
        ("Kids Girl", "Kids Boy", "Kids Outerwear", "Kids Sports"),
    ),
    Index(
        "I", "Children Sizes 134-170", 3, 8.7, 1.9, 20, 40, (0.9, 4.0, 2.0),
        ("Teen Girl", "Teen Boy", "Girls Underwear", "Boys Underwear"),
    ),
    Index(
        "J", "Children Accessories, Swimwear", 3, 4.4, 0.7, 19, 36, (0.3, 1.5, 0.5),
        ("Kids Accessories, Swimwear", "Kids and Baby Shoes"),
    ),
    Index(
        "S", "Sport", 4, 3.2, 4.0, 14, 31, (4, 4, 3),
        ("Womens Sport", "Mens Sport", "Sport Equipment"),
    ),
]  # fmt: skip

SHARED_SECTIONS: Final = {
    "H": "Teen Girl",
    "I": "Kids Sports",
    "G": "Kids Outerwear",
    "J": "Baby Essentials",
    "C": "Collaborations",
    "D": "Collaborations",
}
"""Sections that span two or three indexes."""


class GarmentGroup(NamedTuple):
    """A garment group: number, name, and the product types it may hold."""

    number: int
    name: str
    types: tuple[str, ...]


_JERSEY = ("T-shirt", "Top", "Vest top", "Bodysuit", "Polo shirt")
_UNDER = tuple(one.name for one in TYPES["Underwear"][1]) + tuple(
    one.name for one in TYPES["Nightwear"][1]
)
_ACCESSORIES = tuple(
    one.name
    for group in ("Accessories", "Bags", "Items", "Cosmetic", "Garment and Shoe care")
    for one in TYPES[group][1]
)
_ODD = tuple(
    one.name
    for group in ("Unknown", "Furniture", "Stationery", "Interior textile", "Fun")
    for one in TYPES[group][1]
)
G = GarmentGroup
GARMENT_GROUPS: Final = [
    G(1001, "Unknown", ("T-shirt", "Dress", "Trousers", "Sweater", "Top", "Costume", *_ODD)),
    G(1002, "Jersey Basic", (*_JERSEY, "Leggings", "Joggers")),
    G(1003, "Knitwear", ("Sweater", "Cardigan", "Poncho", "Vest top", "Dress")),
    G(1005, "Jersey Fancy", (*_JERSEY, "Sweater", "Hoodie", "Tunic", "Leggings", "Joggers")),
    G(1006, "Mixed Baby", ("Garment set", "Bodysuit", "Dungarees", "Sweater", "Sleep bag",
                           "Swaddle", "Trousers")),
    G(1007, "Outdoor", ("Jacket", "Coat", "Outdoor waistcoat", "Outdoor trousers",
                        "Outdoor overall")),
    G(1008, "Dressed", ("Blazer", "Waistcoat", "Coat", "Trousers")),
    G(1009, "Trousers", ("Trousers", "Joggers", "Leggings")),
    G(1010, "Blouses", ("Blouse", "Shirt", "Tunic", "Top")),
    G(1011, "Shirts", ("Shirt",)),
    G(1012, "Skirts", ("Skirt",)),
    G(1013, "Dresses Ladies", ("Dress", "Jumpsuit", "Playsuit", "Costume")),
    G(1014, "Dresses Girls", ("Dress", "Skirt", "Playsuit", "Jumpsuit", "Costume")),
    G(1016, "Trousers Denim", ("Trousers", "Shorts", "Skirt", "Dungarees", "Jacket")),
    G(1017, "Under-, Nightwear", _UNDER),
    G(1018, "Swimwear", tuple(one.name for one in TYPES["Swimwear"][1])),
    G(1019, "Accessories", _ACCESSORIES),
    G(1020, "Shoes", tuple(one.name for one in TYPES["Shoes"][1])),
    G(1021, "Socks and Tights", tuple(one.name for one in TYPES["Socks & Tights"][1])),
    G(1023, "Special Offers", (*_JERSEY, "Sweater", "Dress", "Trousers", "Blouse", "Shirt",
                               "Garment set")),
    G(1025, "Shorts", ("Shorts", "Playsuit")),
]  # fmt: skip

CHOICES: Final = {
    "A": {1005: 9, 1003: 7, 1010: 8, 1013: 8, 1009: 7, 1002: 6, 1007: 5, 1008: 3, 1012: 3,
          1016: 3, 1025: 2, 1023: 2, 1001: 1, 1020: 1, 1018: 2, 1011: 1},
    "B": {1017: 6, 1021: 3, 1018: 2},
    "C": {1019: 13, 1020: 7},
    "D": {1005: 8, 1003: 5, 1013: 5, 1002: 5, 1009: 4, 1016: 3, 1019: 4, 1010: 3, 1012: 2,
          1007: 2, 1025: 2, 1018: 1, 1017: 1, 1020: 2, 1021: 1, 1023: 1},
    "F": {1005: 9, 1011: 7, 1002: 7, 1009: 7, 1003: 6, 1007: 5, 1008: 4, 1016: 4, 1019: 5,
          1020: 4, 1017: 3, 1021: 2, 1025: 3, 1018: 1, 1001: 2, 1023: 1},
    "G": {1005: 4, 1006: 4, 1002: 3, 1003: 2, 1007: 2, 1017: 1, 1009: 1, 1014: 1, 1001: 1,
          1021: 1},
    "H": {1005: 5, 1002: 3, 1003: 2, 1007: 3, 1009: 3, 1014: 2, 1016: 2, 1025: 2, 1017: 2,
          1021: 1, 1001: 1, 1023: 1},
    "I": {1005: 5, 1002: 3, 1003: 2, 1007: 2, 1009: 2, 1014: 1, 1016: 1, 1025: 1, 1017: 2,
          1011: 1},
    "J": {1019: 9, 1020: 6, 1018: 4},
    "S": {1005: 5, 1009: 3, 1002: 2, 1007: 2, 1025: 1, 1001: 1},
}  # fmt: skip
"""Of each index, its garment groups with their weights."""

_WOMEN_ONLY = frozenset(
    ("Dress", "Skirt", "Blouse", "Bra", "Nursing bra", "Bra extender", "Corset", "Underdress",
     "Underwear body", "Night gown", "Bikini top", "Bikini bottom", "Swimsuit", "Playsuit",
     "Jumpsuit", "Bodysuit", "Heeled sandals", "Pumps", "Ballerinas", "Wedges", "Tunic",
     "Underwear set", "Sarong", "Poncho", "Hair clip", "Night gown", "Costume")
)  # fmt: skip
_ADULTS_ONLY = frozenset(
    ("Bra", "Nursing bra", "Corset", "Underdress", "Heeled sandals", "Pumps", "Wedges",
     "Bra extender", "Tie", "Wallet", "Side table", "Stool", "Make-up")
)  # fmt: skip
_BABIES_ONLY = frozenset(("Baby bib", "Swaddle", "Sleep bag", "Pre-walkers"))
_MEN_ONLY = frozenset(("Boxers", "Tie", "Bow tie"))

_STYLES = [
    "", "Basic", "Fancy", "Trend", "Premium", "Casual", "Projects", "Selected", "Conscious", "Plus",
    "Campaign", "Light", "Heavy", "Extended",
]  # fmt: skip
_PREFIX = {
    "A": "", "B": "", "C": "", "D": "Young", "F": "Men", "G": "Baby", "H": "Kids",
    "I": "Teen", "J": "Kids", "S": "Sport",
}  # fmt: skip


@dataclass(frozen=True)
class Department:
    """A department: it belongs to one index, one section and one garment group."""

    number: int
    name: str
    index: int
    section: int
    garment_group: int
    share: float
    sales: float
    age: int


@dataclass(frozen=True)
class Hierarchy:
    """Everything that a product can be, independent of any seed.

    Attributes
    ----------
    departments : list of Department
        In the order of their indexes, so that an index is a range of departments.
    sections : list of (number, name)
    types : list of (number, product group, ProductType)
    allowed : list of int64 (t,), one for each department
        Product types a department may hold.
    type_share : list of float64 (t,), one for each department
        Their shares.
    """

    departments: list[Department]
    sections: list[tuple[int, str]]
    types: list[tuple[int, str, ProductType]]
    allowed: list[npt.NDArray[np.int64]]
    type_share: list[npt.NDArray[np.float64]]


def _fits(index: str, name: str) -> bool:
    if index == "F":
        return name not in _WOMEN_ONLY and name not in _BABIES_ONLY
    if index in "GHIJ":
        return name not in _ADULTS_ONLY and (name not in _BABIES_ONLY or index in "GJ")
    if name in _MEN_ONLY:
        return False
    return name not in _BABIES_ONLY


def _name(index: str, group: str, k: int) -> str:
    # the first department of a kind is called alike everywhere: H&M's 299 share 250 names
    words = [group] if k == 0 else [_PREFIX[index], group, _STYLES[k % len(_STYLES)]]
    return " ".join(word for word in words if word)


@lru_cache(maxsize=1)
def full_hierarchy() -> Hierarchy:
    """Build the whole hierarchy: 299 departments in 57 sections, 21 garment groups, 10 indexes."""
    types, group_share = _all_types()
    place = {one.name: i for i, (_, _, one) in enumerate(types)}
    names = [name for index in INDEXES for name in index.sections]
    sections = [(2 + i + i // 3, name) for i, name in enumerate(names)]
    departments: list[Department] = []
    for at in range(len(INDEXES)):
        departments += _departments(at, len(departments), names)
    allowed: list[npt.NDArray[np.int64]] = []
    shares: list[npt.NDArray[np.float64]] = []
    for department in departments:
        code = INDEXES[department.index].code
        fitting = [
            name for name in GARMENT_GROUPS[department.garment_group].types if _fits(code, name)
        ]
        share = np.array([group_share[name] for name in fitting])
        allowed.append(np.array([place[name] for name in fitting], dtype=np.int64))
        shares.append(share / share.sum())
    return Hierarchy(departments, sections, types, allowed, shares)


def _all_types() -> tuple[list[tuple[int, str, ProductType]], dict[str, float]]:
    """Number the product types; return them, and by name their share of all articles."""
    types: list[tuple[int, str, ProductType]] = []
    share_of: dict[str, float] = {}
    number = 252
    for name, (share, members) in TYPES.items():
        total = sum(one.share for one in members)
        for one in members:
            types.append((-1 if one.name == "Unknown" else number, name, one))
            share_of[one.name] = share * one.share / total
            number += 1 + (number * 7) % 3
    return types, share_of


def _departments(at: int, before: int, sections: list[str]) -> list[Department]:
    """Make the departments of the index at a place; `before` others have been made already."""
    index = INDEXES[at]
    garment_place = {group.number: i for i, group in enumerate(GARMENT_GROUPS)}
    kinds = _spread(CHOICES[index.code], index.departments)
    weights = np.array([1.0 / (1 + 0.35 * i) for i in range(len(kinds))])
    weights /= weights.sum()
    own = index.sections
    seen: dict[int, int] = {}
    found = []
    for j, kind in enumerate(kinds):
        k = seen.get(kind, 0)
        seen[kind] = k + 1
        if j == len(kinds) - 1 and index.code in SHARED_SECTIONS:
            section = SHARED_SECTIONS[index.code]
        else:
            section = own[j] if j < len(own) else own[(j * 5 + k) % len(own)]
        n = before + j
        found.append(
            Department(
                1201 + 29 * n + (n * 13) % 7,
                _name(index.code, GARMENT_GROUPS[garment_place[kind]].name, k),
                at,
                sections.index(section),
                garment_place[kind],
                float(index.share * weights[j]),
                float(index.sales * weights[j]),
                index.age + (-7, 0, 8, 3, -4)[j % 5],
            )
        )
    return found


def _spread(weights: dict[int, int], n: int) -> list[int]:
    # the most under-served kind comes next (D'Hondt): large kinds first, every kind in its turn
    taken = dict.fromkeys(weights, 0)
    order = []
    for _ in range(n):
        kind = max(weights, key=lambda one: (weights[one] / (taken[one] + 1), -one))
        taken[kind] += 1
        order.append(kind)
    return order
