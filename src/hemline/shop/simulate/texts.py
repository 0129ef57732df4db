"""The product table of the simulated shop, with names and descriptions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hemline import schema
from hemline.shop.simulate.catalogue import Catalogue
from hemline.shop.simulate.chance import stream
from hemline.shop.simulate.hierarchy import (
    GARMENT_GROUPS,
    INDEX_GROUP_NUMBERS,
    INDEX_GROUPS,
    INDEXES,
)
from hemline.shop.simulate.vocabulary import (
    APPEARANCES,
    COLOURS,
    CUTS,
    DETAILS,
    FABRICS,
    MASTERS,
    NAME_ENDS,
    NAME_EXTRAS,
    NAME_STARTS,
    VALUES,
)

_NUMBERS = {
    "product_type_no", "graphical_appearance_no", "colour_group_code", "perceived_colour_value_id",
    "perceived_colour_master_id", "department_no", "index_group_no", "section_no",
    "garment_group_no",
}  # fmt: skip


def article_table(catalogue: Catalogue, seed: int) -> pa.Table:
    """Return the articles with the 25 columns of H&M's file, in its order and types."""
    product = catalogue.product
    hierarchy = catalogue.hierarchy
    department = catalogue.department[product]
    kind = catalogue.type[product]
    appearance = catalogue.appearance[product]
    departments = hierarchy.departments
    index = np.array([one.index for one in departments])[department]
    section = np.array([one.section for one in departments])[department]
    garment = np.array([one.garment_group for one in departments])[department]
    group = np.array([one.group for one in INDEXES])[index]
    names, descriptions = _texts(catalogue, seed)
    columns = {
        "article_id": pa.array(catalogue.ids()),
        "product_code": pa.array([f"{one:07d}" for one in catalogue.code.tolist()]),
        "prod_name": pa.array(names).take(pa.array(product)),
        "product_type_no": _numbers([one[0] for one in hierarchy.types], kind),
        "product_type_name": _names([one[2].name for one in hierarchy.types], kind),
        "product_group_name": _names([one[1] for one in hierarchy.types], kind),
        "graphical_appearance_no": _numbers(
            [-1 if name == "Unknown" else 1010001 + i for i, (name, _) in enumerate(APPEARANCES)],
            appearance,
        ),
        "graphical_appearance_name": _names([name for name, _ in APPEARANCES], appearance),
        "colour_group_code": _numbers(
            [-1 if one.name == "Unknown" else 3 + 2 * i for i, one in enumerate(COLOURS)],
            catalogue.colour,
        ),
        "colour_group_name": _names([one.name for one in COLOURS], catalogue.colour),
        "perceived_colour_value_id": _numbers([1, 2, 3, 4, 5, 6, 7, -1], catalogue.value),
        "perceived_colour_value_name": _names(VALUES, catalogue.value),
        "perceived_colour_master_id": _numbers(
            [-1 if name == "Unknown" else 1 + i for i, name in enumerate(MASTERS)],
            catalogue.master,
        ),
        "perceived_colour_master_name": _names(MASTERS, catalogue.master),
        "department_no": _numbers([one.number for one in departments], department),
        "department_name": _names([one.name for one in departments], department),
        "index_code": _names([one.code for one in INDEXES], index),
        "index_name": _names([one.name for one in INDEXES], index),
        "index_group_no": _numbers(INDEX_GROUP_NUMBERS, group),
        "index_group_name": _names(INDEX_GROUPS, group),
        "section_no": _numbers([number for number, _ in hierarchy.sections], section),
        "section_name": _names([name for _, name in hierarchy.sections], section),
        "garment_group_no": _numbers([one.number for one in GARMENT_GROUPS], garment),
        "garment_group_name": _names([one.name for one in GARMENT_GROUPS], garment),
        "detail_desc": pa.array(descriptions, type=pa.string()).take(pa.array(product)),
    }
    return pa.table({name: columns[name] for name in schema.ARTICLES.names})


def _texts(catalogue: Catalogue, seed: int) -> tuple[list[str], list[str | None]]:
    """Make up a name and a description for every product; four in a thousand have none."""
    rng = stream(seed, "products", 1)
    n = catalogue.n_products

    def drawn(words: list[str]) -> list[str]:
        return [words[one] for one in rng.integers(0, len(words), n).tolist()]

    starts, ends, extras = drawn(NAME_STARTS), drawn(NAME_ENDS), drawn(NAME_EXTRAS)
    fabrics, details, cuts = drawn(FABRICS), drawn(DETAILS), drawn(CUTS)
    kinds = [catalogue.hierarchy.types[one][2].name for one in catalogue.type.tolist()]
    plain = (rng.random(n) < 0.03).tolist()
    silent = (rng.random(n) < 0.004).tolist()
    names = [
        kind if bare else " ".join(filter(None, (start + end, kind.lower(), extra)))
        for start, end, kind, extra, bare in zip(starts, ends, kinds, extras, plain, strict=True)
    ]
    descriptions = [
        None if none else f"{kind} in {fabric} with {detail}. {cut}"
        for kind, fabric, detail, cut, none in zip(
            kinds, fabrics, details, cuts, silent, strict=True
        )
    ]
    return names, descriptions


def _names(words: list[str], places: np.ndarray) -> pa.Array:
    return pa.array(words).take(pa.array(places.astype(np.int32)))


def _numbers(numbers: list[int], places: np.ndarray) -> pa.Array:
    return pa.array(np.array(numbers, dtype=np.int64)[places])
