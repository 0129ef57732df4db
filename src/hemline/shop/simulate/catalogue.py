"""The articles of the simulated shop: products in several colours, and the 25 columns of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemline.shop.simulate.chance import pick, stream
from hemline.shop.simulate.hierarchy import INDEXES, Hierarchy, full_hierarchy
from hemline.shop.simulate.vocabulary import APPEARANCES, COLOURS, MASTERS, VALUES

GRID = np.array([
    1.99, 2.99, 3.99, 4.99, 5.99, 6.99, 7.99, 9.99, 12.99, 14.99, 17.99, 19.99, 24.99, 29.99,
    34.99, 39.99, 49.99, 59.99, 69.99, 79.99, 99.99, 129.0, 149.0, 179.0, 199.0, 249.0,
])  # fmt: skip
"""Price points; the shop's figures are these divided by 590."""

STYLES = 16
"""Styles run across departments and explain who likes what beyond the columns."""


@dataclass(frozen=True)
class Catalogue:
    """Every article as numbers, ascending by article id.

    Attributes
    ----------
    hierarchy : Hierarchy
    code, suffix : int64 (n,)
        product_code and the number of the colour: the id is the one times 1000 plus the other.
    product : int32 (n,)
        Position of the product, 0 .. p-1 in ascending product_code.
    first : int32 (p + 1,)
        Articles of product i are `first[i] : first[i + 1]`.
    department, type, appearance, style, price : int16 (p,)
        Of a product: places in the lists of the hierarchy and vocabulary; `price` in GRID.
    age : int16 (p,)
        Years of the customers it suits best.
    colour, value, master : int16 (n,)
    launch : int32 (p,)
        Day of the launch, counted from the first day; a multiple of 7, may be negative.
    has_photo : bool (n,)
    """

    hierarchy: Hierarchy
    code: npt.NDArray[np.int64]
    suffix: npt.NDArray[np.int64]
    product: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    department: npt.NDArray[np.int16]
    type: npt.NDArray[np.int16]
    appearance: npt.NDArray[np.int16]
    style: npt.NDArray[np.int16]
    price: npt.NDArray[np.int16]
    age: npt.NDArray[np.int16]
    colour: npt.NDArray[np.int16]
    value: npt.NDArray[np.int16]
    master: npt.NDArray[np.int16]
    launch: npt.NDArray[np.int32]
    basic: npt.NDArray[np.bool_]
    has_photo: npt.NDArray[np.bool_]

    @property
    def n_articles(self) -> int:
        """Number of articles."""
        return len(self.product)

    @property
    def n_products(self) -> int:
        """Number of products."""
        return len(self.first) - 1

    def ids(self) -> list[str]:
        """Return the article ids, ten digits each, ascending."""
        return [f"{one:010d}" for one in (self.code * 1000 + self.suffix).tolist()]


def make_catalogue(articles: int, days: int, seed: int) -> Catalogue:
    """Draw the catalogue.

    Parameters
    ----------
    articles : int
        Articles, each one colour of a product.
    days : int
        Length of the period in days; launches lie in it and before it.
    seed : int
    """
    hierarchy = full_hierarchy()
    rng = stream(seed, "products")
    counts = _colours_per_product(articles, rng)
    n = len(counts)
    department, kind = _departments_and_types(hierarchy, articles, n, rng)
    basic = rng.random(n) < 0.12
    launch = _launches(n, days, basic, rng)
    # product codes grow with time, as a shop hands them out, but not strictly
    order = np.argsort(launch + rng.integers(-40, 40, n), kind="stable")
    counts, department, kind = counts[order], department[order], kind[order]
    basic, launch = basic[order], launch[order]
    first = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(counts, out=first[1:])
    product = np.repeat(np.arange(n, dtype=np.int32), counts)
    code = 108_775 + np.cumsum(rng.integers(1, max(2, 2 * 850_000 // n), n))
    appearance = _appearances(hierarchy, kind, rng)
    style = _styles(department, appearance, rng)
    age = np.array([one.age for one in hierarchy.departments], dtype=np.int16)[department]
    age = age + np.rint(rng.normal(0, 7.0, n)).astype(np.int16)
    colour = _colours(first, counts, style, rng)
    return Catalogue(
        hierarchy,
        np.asarray(code)[product],
        _suffixes(first, product, rng),
        product,
        first,
        department,
        kind,
        appearance,
        style,
        _prices(hierarchy, department, kind, rng),
        age,
        colour,
        *_perceived(colour, rng),
        launch,
        basic,
        rng.random(articles) >= 0.0042,
    )


def _colours_per_product(articles: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return how many colours every product has; they sum to `articles`. Mean 2.23, most one."""
    tail = rng.random(articles)
    counts = np.where(
        rng.random(articles) < 0.44, 1, np.floor(1 + tail ** (-1 / 1.62)).astype(np.int64)
    )
    counts = np.minimum(counts, min(75, max(3, articles // 20)))
    n = int(np.searchsorted(np.cumsum(counts), articles)) + 1
    counts = counts[:n]
    counts[-1] -= counts.sum() - articles
    return counts


def _departments_and_types(
    hierarchy: Hierarchy, articles: int, n: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Draw departments and product types; a small shop has fewer departments."""
    share = np.array([one.share for one in hierarchy.departments])
    keep = min(len(share), max(12, articles // 25))
    kept = np.sort(np.argsort(-share, kind="stable")[:keep])
    department = kept[pick(np.cumsum(share[kept]), rng, n)]
    kind = np.zeros(n, dtype=np.int64)
    uniform = rng.random(n)
    for one in kept:
        here = np.flatnonzero(department == one)
        cumulative = np.cumsum(hierarchy.type_share[one])
        at = np.searchsorted(cumulative, uniform[here] * cumulative[-1], side="right")
        kind[here] = hierarchy.allowed[one][np.minimum(at, len(cumulative) - 1)]
    if n >= 5000:  # a large shop has something of every type
        missing = np.setdiff1d(np.arange(len(hierarchy.types)), kind)
        spare = np.flatnonzero(np.bincount(kind)[kind] > 20)
        for one, at in zip(missing, rng.choice(spare, len(missing), replace=False), strict=True):
            holds = [d for d in kept if one in hierarchy.allowed[d]]
            department[at], kind[at] = holds[int(rng.integers(len(holds)))], one
    return department.astype(np.int16), kind.astype(np.int16)


def _launches(
    n: int, days: int, basic: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Draw launch days: seasonal goods all the time, basics mostly before the period."""
    last = max(0, days - 3)
    seasonal = rng.uniform(-110, last, n)
    basics = rng.uniform(-900, max(1, 0.8 * last), n)
    day = np.where(basic, basics, seasonal)
    return (np.floor(day / 7) * 7).astype(np.int32)


def _appearances(
    hierarchy: Hierarchy, kind: npt.NDArray[np.int16], rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """Draw graphical appearances; denim only where it is worn, prints not on shoes."""
    share = np.array([one for _, one in APPEARANCES])
    denim = [i for i, (name, _) in enumerate(APPEARANCES) if name in ("Denim", "Chambray")]
    prints = [i for i, (name, _) in enumerate(APPEARANCES) if "print" in name]
    groups = {"Accessories": prints, "Shoes": prints, "Bags": prints, "Underwear": prints + denim}
    found = np.zeros(len(kind), dtype=np.int16)
    uniform = rng.random(len(kind))
    for one in np.unique(kind):
        _, group, described = hierarchy.types[one]
        weights = share.copy()
        weights[groups.get(group, [])] *= 0.02
        wears_denim = described.shape in ("trousers", "shorts", "skirt", "jacket", "dungarees")
        weights[denim] *= 3.0 if wears_denim else 0.15
        here = np.flatnonzero(kind == one)
        cumulative = np.cumsum(weights)
        at = np.searchsorted(cumulative, uniform[here] * cumulative[-1], side="right")
        found[here] = np.minimum(at, len(share) - 1)
    return found


def _styles(
    department: npt.NDArray[np.int16],
    appearance: npt.NDArray[np.int16],
    rng: np.random.Generator,
) -> npt.NDArray[np.int16]:
    """Draw styles: half of it follows from department and appearance, half is free."""
    usual = (department.astype(np.int64) * 7 + appearance * 5) % STYLES
    free = rng.integers(0, STYLES, len(department))
    return np.where(rng.random(len(department)) < 0.5, usual, free).astype(np.int16)


def _prices(
    hierarchy: Hierarchy,
    department: npt.NDArray[np.int16],
    kind: npt.NDArray[np.int16],
    rng: np.random.Generator,
) -> npt.NDArray[np.int16]:
    """Draw price points around what the type costs; children's things are cheaper."""
    usual = np.array([one.price for _, _, one in hierarchy.types])[kind]
    level = np.array([_LEVELS[INDEXES[one.index].code] for one in hierarchy.departments])
    wanted = np.log(usual * level[department]) + rng.normal(0, 0.38, len(kind))
    between = np.log((GRID[1:] + GRID[:-1]) / 2)
    found: npt.NDArray[np.int16] = np.searchsorted(between, wanted).astype(np.int16)
    return found


_LEVELS = {
    "A": 1.0, "B": 0.9, "C": 1.0, "D": 0.8, "F": 1.05, "G": 0.55, "H": 0.6, "I": 0.7, "J": 0.7,
    "S": 1.0,
}  # fmt: skip


def _colours(
    first: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
    style: npt.NDArray[np.int16],
    rng: np.random.Generator,
) -> npt.NDArray[np.int16]:
    """Draw colour groups, different ones within a product as far as there are enough."""
    share = np.array([one.share for one in COLOURS])
    cumulative = np.cumsum(share)
    colour = pick(cumulative, rng, int(first[-1])).astype(np.int16)
    product = np.repeat(np.arange(len(counts)), counts)
    # each style leans to five colours
    leaning = (np.arange(5)[None, :] * 7 + np.arange(STYLES)[:, None] * 3) % 34
    leans = rng.random(len(colour)) < 0.25
    colour = np.where(leans, leaning[style[product], rng.integers(0, 5, len(colour))], colour)
    for _ in range(12):
        key = product * 64 + colour
        order = np.argsort(key, kind="stable")
        again = order[1:][key[order][1:] == key[order][:-1]]
        if not len(again):
            break
        colour[again] = pick(np.cumsum(np.sqrt(share)), rng, len(again))
    return colour.astype(np.int16)


def _perceived(
    colour: npt.NDArray[np.int16], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return perceived value and master of colours; one value in twelve is a shade off."""
    value = np.array([VALUES.index(one.value) for one in COLOURS], dtype=np.int16)[colour]
    off = (rng.random(len(colour)) < 0.08) & (value < 6)
    value = np.where(off, rng.integers(0, 6, len(colour)), value).astype(np.int16)
    master = np.array([MASTERS.index(one.master) for one in COLOURS], dtype=np.int16)[colour]
    return value, master


def _suffixes(
    first: npt.NDArray[np.int32], product: npt.NDArray[np.int32], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Number the colours of a product upwards from 001, with gaps now and then."""
    steps = np.where(rng.random(len(product)) < 0.85, 1, rng.integers(1, 6, len(product)))
    total = np.cumsum(steps)
    before = np.concatenate(([0], total))[first[:-1]]
    found: npt.NDArray[np.int64] = total - before[product]
    return found
