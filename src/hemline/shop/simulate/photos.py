"""The drawn photos of the simulated shop, in folders as Kaggle has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hemline.blocks import Progress, map_blocks
from hemline.shop.simulate.catalogue import Catalogue
from hemline.shop.simulate.chance import stream
from hemline.shop.simulate.vocabulary import APPEARANCES, COLOURS

PRODUCTS = 32
"""Products in a block of drawing."""


def write_photos(
    folder: Path, catalogue: Catalogue, size: int, seed: int, threads: int, progress: Progress
) -> int:
    """Draw a photo of every article that has one; return how many there are.

    Article 0108775015 lies at `010/0108775015.jpg`, `size` pixels square. Colours of a
    product share its silhouette and pattern.
    """
    from hemline.shop.simulate.drawing.photo import photo, silhouette, stencil

    ids = catalogue.ids()
    folder.mkdir()
    for prefix in sorted({ids[one][:3] for one in np.flatnonzero(catalogue.has_photo).tolist()}):
        (folder / prefix).mkdir()

    def draw(low: int, high: int) -> int:
        drawn = 0
        for product in range(low, high):
            articles = range(*catalogue.first[product : product + 2].tolist())
            wanted = [one for one in articles if catalogue.has_photo[one]]
            if not wanted:
                continue
            rng = stream(seed, "photos", product)
            kind = catalogue.hierarchy.types[int(catalogue.type[product])][2]
            appearance = APPEARANCES[int(catalogue.appearance[product])][0]
            shared = stencil(silhouette(kind.shape, rng.random(4)), appearance, size, rng)
            for one in wanted:
                colour = COLOURS[int(catalogue.colour[one])].rgb
                path = folder / ids[one][:3] / f"{ids[one]}.jpg"
                path.write_bytes(photo(shared, colour, rng))
            drawn += len(wanted)
        return drawn

    total = 0
    n_blocks = -(-catalogue.n_products // PRODUCTS)
    for done, drawn in enumerate(map_blocks(draw, catalogue.n_products, PRODUCTS, threads), 1):
        total += drawn
        progress(done, n_blocks)
    return total
