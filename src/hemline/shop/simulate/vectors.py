"""Vectors as a photo model would give them, without photos: for measurements at full size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from hemline.blocks import Progress, map_blocks
from hemline.shop.simulate.catalogue import STYLES, Catalogue
from hemline.shop.simulate.chance import stream
from hemline.shop.simulate.vocabulary import APPEARANCES, COLOURS

LATENT = 256
CHUNK = 2048


def write_vectors(
    folder: Path, catalogue: Catalogue, dim: int, seed: int, threads: int, progress: Progress
) -> int:
    """Write `vectors.npy`, float32 (n, dim), and `article_ids.txt` of the articles with a photo.

    A vector is a rectified linear map of a latent one, which adds up what its product
    type, appearance, colour, style and product contribute: colours of a product lie
    closest, then products alike in type and appearance; the spectrum falls as a power
    and all values are >= 0, as after the average pool of a convolutional network.
    """
    folder.mkdir(parents=True)
    chosen = np.flatnonzero(catalogue.has_photo)
    ids = catalogue.ids()
    (folder / "article_ids.txt").write_text("".join(f"{ids[one]}\n" for one in chosen.tolist()))
    model = _Model(catalogue, dim, seed)
    n_blocks = -(-len(chosen) // CHUNK)
    with (folder / "vectors.npy").open("wb") as file, threadpool_limits(1, user_api="blas"):
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(chosen), dim)}
        np.lib.format.write_array_header_1_0(file, header)

        def chunk(low: int, high: int) -> npt.NDArray[np.float32]:
            return model.vectors(chosen[low:high], low // CHUNK)

        for done, part in enumerate(map_blocks(chunk, len(chosen), CHUNK, threads), 1):
            part.astype("<f4", copy=False).tofile(file)
            progress(done, n_blocks)
    return len(chosen)


class _Model:
    def __init__(self, catalogue: Catalogue, dim: int, seed: int) -> None:
        self.catalogue, self.dim, self.seed = catalogue, dim, seed
        rng = stream(seed, "vectors")
        n_types = len(catalogue.hierarchy.types)
        self.of_type = self._latent(rng, n_types, 0.7)
        self.of_look = self._latent(rng, n_types * len(APPEARANCES), 0.4)
        self.of_appearance = self._latent(rng, len(APPEARANCES), 0.5)
        self.of_colour = self._latent(rng, len(COLOURS), 0.45)
        self.of_style = self._latent(rng, STYLES, 0.25)
        self.of_product = self._latent(rng, catalogue.n_products, 0.75)
        # axes of falling importance: singular values go down as rank ** -0.45
        falling = (1 + np.arange(LATENT, dtype=np.float32)) ** np.float32(-0.45)
        mixing = rng.standard_normal((LATENT, dim), dtype=np.float32)
        self.mixing = mixing * falling[:, None]
        self.bias = rng.normal(0.1, 0.9, dim).astype(np.float32)
        # some channels of such a network hardly ever speak up, some always do
        self.gain = np.exp(rng.normal(0, 0.5, dim)).astype(np.float32) * np.float32(0.3)

    @staticmethod
    def _latent(rng: np.random.Generator, n: int, scale: float) -> npt.NDArray[np.float32]:
        return rng.standard_normal((n, LATENT), dtype=np.float32) * np.float32(scale)

    def vectors(self, articles: npt.NDArray[np.int64], block: int) -> npt.NDArray[np.float32]:
        """Return the vectors of articles, float32 (n, dim)."""
        catalogue = self.catalogue
        rng = stream(self.seed, "vectors", 1 + block)
        product = catalogue.product[articles]
        kind = catalogue.type[product].astype(np.int64)
        appearance = catalogue.appearance[product].astype(np.int64)
        latent = self._latent(rng, len(articles), 0.35)
        latent += self.of_type[kind]
        latent += self.of_look[kind * len(APPEARANCES) + appearance]
        latent += self.of_appearance[appearance]
        latent += self.of_colour[catalogue.colour[articles]]
        latent += self.of_style[catalogue.style[product]]
        latent += self.of_product[product]
        found = latent @ self.mixing
        found += self.bias
        found += rng.standard_normal(found.shape, dtype=np.float32) * np.float32(0.2)
        np.maximum(found, 0, out=found)
        found *= self.gain
        return found
