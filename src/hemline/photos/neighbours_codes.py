"""Short integer codes of vectors whose products bound the cosine from above.

For rows x of length one and any centre c, let y = x - c. Then

    x_i . x_j = c.c + c.y_i + c.y_j + y_i . y_j

With orthonormal directions R, z = R y and r = |y - R'z|, Cauchy-Schwarz on what lies
outside R gives y_i . y_j <= z_i . z_j + r_i r_j = v_i . v_j, where v is z with r as one
coordinate more. A rotation of v changes no product; it spreads v evenly over its
coordinates. Rounded to v = s q + e, with q integer and n = max(|v|, |s q|),

    v_i . v_j <= s^2 q_i . q_j + n_i |e_j| + |e_i| n_j
              <= s^2 q_i . q_j + t_i + t_j,   t = (k n^2 + |e|^2 / k) / 2 for any k > 0

so that with b = c.c / 2 + c.y + t:  x_i . x_j <= s^2 (q_i . q_j) + b_i + b_j. The
products of q are integers that int32 or float32 hold exactly: no bound is needed for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.blocks import map_blocks

SAMPLE = 8192  # rows that the centre, the directions and the pilot are taken from
NARROW = (64, 128, 256, 512)  # lengths of a code that are tried beside the full one
LARGEST_INT8 = 127
FLOAT_STEP = 1.05 * 2.0**-11  # |v| <= 2: sums of products stay below 2^24, exact in float32
SMALLEST_STEP = 2.0**-13  # keeps bounds, in units of step^2, within int32

F8 = npt.NDArray[np.float64]
F4 = npt.NDArray[np.float32]
I4 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Rows:
    """The vectors as they lie in their file, and what is known of each.

    Attributes
    ----------
    values : float32 (m, d)
    norms : float64 (m,)
        0 for a row that is zero or not finite.
    order : int32 (u,)
        The rows that are searched, in the order in which they are: like beside like.
    """

    values: F4
    norms: F8
    order: I4


@dataclass(frozen=True)
class Projection:
    """Centre, directions and signs that turn a vector into the v of a code.

    Attributes
    ----------
    centre : float64 (d,)
    directions : float64 (width - 1, d), or None
        Orthonormal rows; None when the code has room for the whole vector.
    signs : float64 (2, p)
        Of the rotation that spreads the vector over its coordinates.
    width : int
        Length of a code.
    """

    centre: F8
    directions: F8 | None
    signs: F8
    width: int

    def apply(self, rows: Rows, low: int, high: int) -> tuple[F8, F8]:
        """Return v, float64 (b, width), and c.y, (b,), of the rows order[low:high]."""
        from hemline.photos.neighbours_kernel import centre_rows, mix

        d = rows.values.shape[1]
        along = np.empty(high - low)
        y = np.empty((high - low, d))
        centre_rows(rows.values, rows.order, rows.norms, self.centre, low, high, y, along)
        v = y
        if self.directions is not None:
            v = np.empty((high - low, self.width))
            v[:, :-1] = y @ self.directions.T
            outside = np.einsum("ij,ij->i", y, y) - np.einsum("ij,ij->i", v[:, :-1], v[:, :-1])
            v[:, -1] = np.sqrt(np.maximum(outside, 0) + 1e-12)  # the root of what rounding hides
        elif self.width > d:
            v = np.zeros((high - low, self.width))
            v[:, :d] = y
        # the transform's short strides are slow, and of a long vector not needed
        mix(v, len(v), self.signs, 16 if self.width >= 1024 else 1)
        return v, along


@dataclass(frozen=True)
class Codes:
    """Codes of the searched rows and what their products must be held against.

    Attributes
    ----------
    codes : int8 or float32 (u padded to a multiple of 256, width)
        Integers; padding is zero.
    terms : float64 (u,)
        b of the module's docstring.
    lifts : int32 or float32 (u,)
        b in units of step^2, rounded up.
    per_unit : float
        1 / step^2.
    """

    codes: npt.NDArray[Any]
    terms: F8
    lifts: npt.NDArray[Any]
    per_unit: float


def sample_order(rows: Rows) -> I4:
    """Return places in the order, evenly spaced, int32 (at most SAMPLE,)."""
    count = min(SAMPLE, len(rows.order))
    return np.linspace(0, len(rows.order) - 1, count).astype(np.int32)


def unit_rows(rows: Rows, places: I4) -> F4:
    """Return the rows at some places of the order, made of length one, float32."""
    taken = rows.order[places]
    unit: F4 = (rows.values[taken] / rows.norms[taken][:, None]).astype(np.float32)
    return unit


def main_directions(centred: F4, count: int) -> F8:
    """Return orthonormal directions of largest variance, float64 (count, d), largest first.

    Subspace iteration with a random start (Halko, Martinsson and Tropp 2011, algorithm
    4.4): any orthonormal directions give a valid bound, good ones a tight one.
    """
    rng = np.random.default_rng(1)
    d = centred.shape[1]
    start = rng.standard_normal((d, min(d, count + 16)), dtype=np.float32)
    for _ in range(3):
        start, _triangle = np.linalg.qr(centred.T @ (centred @ start))
    found, _triangle = np.linalg.qr(start.astype(np.float64))
    inside = centred @ found.astype(np.float32)
    _values, turn = np.linalg.eigh((inside.T @ inside).astype(np.float64))
    found = found @ turn[:, ::-1][:, :count]
    directions, _triangle = np.linalg.qr(found)
    return np.ascontiguousarray(directions.T)


def full_width(d: int) -> int:
    """Return the length of a code that holds a whole vector."""
    return -(-d // 64) * 64


def survivors(
    sample: F4,
    leaders: F4,
    limits: F4,
    centre: F8,
    directions: F8,
    widths: Sequence[int],
    loss: float,
) -> dict[int, float]:
    """Return for each width the share of pairs that its bound would leave to be scored.

    Parameters
    ----------
    sample : float32 (t, d)
        Centred rows that stand for all.
    leaders : float32 (l, d)
        Centred rows whose true limits (l,), the cosine to the k-th neighbour, are known.
    loss : float
        |e| / |v| of the rounding.
    """
    c = centre.astype(np.float32)
    one, other = leaders, sample
    base = float(c @ c) + (one @ c)[:, None] + (other @ c)[None, :]
    lengths = [np.einsum("ij,ij->i", part, part) for part in (one, other)]
    base += loss * np.sqrt(lengths[0])[:, None] * np.sqrt(lengths[1])[None, :] * 2
    spread = directions.astype(np.float32).T
    inner = [one @ spread, other @ spread]
    products = np.zeros((len(leaders), len(sample)), np.float32)
    inside = [np.zeros(len(leaders), np.float32), np.zeros(len(sample), np.float32)]
    shares, at = {}, 0
    for width in sorted(widths):
        parts = [part[:, at : width - 1] for part in inner]
        products += parts[0] @ parts[1].T
        inside = [
            had + np.einsum("ij,ij->i", part, part) for had, part in zip(inside, parts, strict=True)
        ]
        at = width - 1
        outside = [
            np.sqrt(np.maximum(length - had, 0))
            for length, had in zip(lengths, inside, strict=True)
        ]
        bound = base + products + outside[0][:, None] * outside[1][None, :]
        shares[width] = float((bound >= limits[:, None]).mean())
    return shares


def encode(rows: Rows, projection: Projection, *, int8: bool, block: int, threads: int) -> Codes:
    """Return the codes of all searched rows."""
    from hemline.photos.neighbours_kernel import LARGEST_TERM, quantise

    n, width = len(rows.order), projection.width
    kind = np.int8 if int8 else np.float32
    codes = np.zeros((-(-n // 256) * 256, width), kind)
    error, length, along = np.empty(n), np.empty(n), np.empty(n)
    step = _step(rows, projection, int8)
    largest = float(LARGEST_INT8) if int8 else np.inf

    def encode_block(low: int, high: int) -> None:
        v, along[low:high] = projection.apply(rows, low, high)
        quantise(v, len(v), step, largest, low, codes, error, length)

    for _ in map_blocks(encode_block, n, block, threads):
        pass
    per_unit = 1 / step**2
    ratio = np.sqrt((error @ error + 1e-30) / (length @ length + 1e-30))
    terms = (ratio * length**2 + error**2 / ratio) / 2
    terms += along + projection.centre @ projection.centre / 2
    np.minimum(terms, LARGEST_TERM, out=terms)
    number = np.int32 if int8 else np.float32
    # 4 units more than rounding up: above 2^24 a float32 sum of integers is off by up to 2
    return Codes(codes, terms, np.ceil(terms * per_unit + 4).astype(number), per_unit)


def _step(rows: Rows, projection: Projection, int8: bool) -> float:
    """Return the step of the codes: a compromise between coarse and cut off, any is valid."""
    if not int8:
        return FLOAT_STEP
    places = sample_order(rows)[:: max(1, min(SAMPLE, len(rows.order)) // 512)]
    some = Rows(rows.values, rows.norms, rows.order[places])
    v, _along = projection.apply(some, 0, len(places))
    lengths = np.sqrt(np.einsum("ij,ij->i", v, v))
    spread = float(np.quantile(lengths, 0.9)) / np.sqrt(projection.width)
    return max(float(3.9 * spread / LARGEST_INT8), SMALLEST_STEP)
