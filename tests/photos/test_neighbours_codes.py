"""The bound: no cosine is above what the codes of two rows say it can be at most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemline.photos.neighbours_codes import (
    Projection,
    Rows,
    encode,
    full_width,
    main_directions,
)
from hemline.photos.neighbours_kernel import LARGEST_TERM, mix

KINDS = ("random", "rectified", "outliers", "alike", "sparse", "one axis")


def matrix(kind: str, n: int, d: int, seed: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    if kind == "rectified":
        x = np.maximum(x @ (rng.standard_normal((d, d)) * (1 + np.arange(d)) ** -1.0) + 0.3, 1e-3)
    elif kind == "outliers":
        x[:: n // 3] = -20 + 0.1 * x[:: n // 3]
        x[1:] += 5
    elif kind == "alike":
        x = 1 + 1e-6 * x
    elif kind == "sparse":
        x *= rng.random((n, d)) < 0.05
        x[:, 0] += 1e-3
    elif kind == "one axis":
        x *= 1e-4
        x[:, 3] += rng.choice([-1.0, 1.0], n)
    return (x * 10.0 ** rng.integers(-20, 20, n)[:, None]).astype(np.float32)


def projection(rows: Rows, width: int, centred: bool) -> Projection:
    unit = (rows.values / rows.norms[:, None]).astype(np.float32)
    d = unit.shape[1]
    centre = unit.mean(axis=0, dtype=np.float64) if centred else np.zeros(d)
    directions = None
    if width < full_width(d):
        directions = main_directions(unit - centre.astype(np.float32), width - 1)
    power = 1 << (width.bit_length() - 1)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (2, power))
    return Projection(centre, directions, signs, width)


def all_rows(x: npt.NDArray[np.float32]) -> Rows:
    norms = np.sqrt((x.astype(np.float64) ** 2).sum(axis=1))
    x.flags.writeable = False
    return Rows(x, norms, np.arange(len(x), dtype=np.int32))


@settings(max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    d=st.sampled_from([40, 64, 100, 130, 192]),
    wide=st.booleans(),
    int8=st.booleans(),
    centred=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_cosine_is_above_its_bound(
    kind: str, d: int, wide: bool, int8: bool, centred: bool, seed: int
) -> None:
    rows = all_rows(matrix(kind, 90, d, seed))
    width = full_width(d) if wide else 64
    codes = encode(rows, projection(rows, width, centred), int8=int8, block=37, threads=2)
    q = codes.codes[:90].astype(np.int64)
    products = q @ q.T
    unit = rows.values.astype(np.longdouble)
    unit /= np.sqrt((unit * unit).sum(axis=1))[:, None]
    cosines = (unit @ unit.T).astype(np.float64)
    bound = products / codes.per_unit + codes.terms[:, None] + codes.terms[None, :]
    # a row whose term was cut off at LARGEST_TERM has a bound of at least 1 all the same
    assert (bound >= cosines - 1e-12).all()
    assert (codes.lifts >= codes.terms * codes.per_unit).all()
    assert not codes.codes[90:].any()
    if int8:
        assert np.abs(q).max() <= 127
        limits = np.abs(codes.lifts.astype(np.int64)).max() + 2 * codes.per_unit
        assert np.abs(products).max() + 2 * limits < 2**31
    else:
        # by Cauchy-Schwarz no partial sum is larger than this
        assert (q * q).sum(axis=1).max() < 2**24
    assert codes.terms.max() <= LARGEST_TERM


@pytest.mark.parametrize("d", [512, 1000, 2048])
def test_codes_of_clustered_rows_are_tight_enough_to_be_of_use(d: int) -> None:
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((300, 24)) @ rng.standard_normal((24, d)), 0)
    rows = all_rows(x.astype(np.float32))
    unit = rows.values / rows.norms[:, None]
    for int8, most in ((True, 0.02), (False, 0.012)):
        codes = encode(rows, projection(rows, full_width(d), True), int8=int8, block=300, threads=1)
        q = codes.codes[:300].astype(np.float64)
        bound = q @ q.T / codes.per_unit + codes.terms[:, None] + codes.terms[None, :]
        assert np.median(bound - unit @ unit.T) < most


@pytest.mark.parametrize(("width", "nearest"), [(64, 1), (192, 1), (1024, 16), (2048 + 64, 16)])
def test_mixing_changes_no_product(width: int, nearest: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, width)) * (1 + np.arange(width)) ** -1.0
    mixed = x.copy()
    power = 1 << (width.bit_length() - 1)
    mix(mixed, len(mixed), rng.choice([-1.0, 1.0], (2, power)), nearest)
    np.testing.assert_allclose(mixed @ mixed.T, x @ x.T, rtol=0, atol=1e-12)
    # and no coordinate is left with a large share
    assert np.abs(mixed).max() < np.abs(x).max() / 2


def test_directions_are_orthonormal_and_hold_the_variance() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 200)) * (1 + np.arange(200)) ** -0.8
    x -= x.mean(axis=0)
    found = main_directions(x.astype(np.float32), 63)
    np.testing.assert_allclose(found @ found.T, np.eye(63), rtol=0, atol=1e-13)
    best = (np.linalg.svd(x, compute_uv=False)[:63] ** 2).sum()
    assert ((x @ found.T) ** 2).sum() > 0.99 * best
