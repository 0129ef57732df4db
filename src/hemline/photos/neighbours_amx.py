"""Products of int8 codes on processors with matrix units (Intel AMX), joined with the sifting.

It can be imported only where `amx_available` says so: on a processor without these units
the compiler would not fail but stop the process. What it computes are exact integers, the
same as any other way of multiplying, only about ten times as fast as float32.

Tiles are 16 rows of 64 bytes. Tiles 0-3 add up a block of 32 x 32 products, 4 and 5 hold
the left codes, 6 and 7 the right ones, which want four consecutive columns of a code
together; both are stored tile by tile (`pack`), because rows that are a power of two
apart fall into the same sets of the cache. Intel 64 and IA-32 Architectures Software Developer's
Manual, volume 1, chapter 18.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from hemline.photos.neighbours_kernel import seed, sift
from hemline.photos.neighbours_search import amx_available

if not amx_available():
    raise ImportError("this processor has no int8 matrix units")

SUB = 256  # rows and columns of what is multiplied, then sifted while it lies in the cache
BLOCK = 1024  # rows of the largest block
STEPS = 8  # of 64 columns, taken together: then both sides lie in the first cache
STRIDE = BLOCK + 16  # of a line of products: no power of two

_byte, _long = ir.IntType(8), ir.IntType(64)
_pointer = ir.PointerType(_byte)


def _instruction(builder: Any, name: str, *arguments: Any) -> None:
    values = [ir.Constant(_byte, one) if isinstance(one, int) else one for one in arguments]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}")
    builder.call(function, values)


@intrinsic
def _configure(_typing: Any, address: Any) -> Any:
    """Load the shapes of the tiles, 64 bytes at an address, for this thread."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _instruction(builder, "ldtilecfg", builder.inttoptr(args[0], _pointer))
        return context.get_dummy_value()

    return types.none(types.int64), generate


@intrinsic
def _release(_typing: Any) -> Any:
    """Give the tiles back: until then the system saves 8 KiB at every switch of threads."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _instruction(builder, "tilerelease")
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def _multiply_32(
    _typing: Any, left: Any, right: Any, steps: Any, out: Any, stride: Any, add: Any
) -> Any:
    """Write, or add, 32 x 32 products of packed codes over some steps of 64 columns.

    left, right and out are addresses; `stride` bytes lie between lines of `out`.
    """

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        left, right, steps, out, stride, add = args

        def number(value: int) -> Any:
            return ir.Constant(_long, value)

        def at(base: Any, offset: Any) -> Any:
            return builder.inttoptr(builder.add(base, offset), _pointer)

        low = builder.add(out, builder.mul(stride, number(16)))
        places = [at(base, number(offset)) for base in (out, low) for offset in (0, 64)]
        fresh = builder.icmp_signed("==", add, number(0))
        with builder.if_else(fresh) as (then, otherwise):
            with then:
                for tile in range(4):
                    _instruction(builder, "tilezero", tile)
            with otherwise:
                for tile, place in enumerate(places):
                    _instruction(builder, "tileloadd64", tile, place, stride)
        with cgutils.for_range(builder, steps, intp=_long) as loop:
            offset = builder.mul(loop.index, number(2048))
            a, b = builder.add(left, offset), builder.add(right, offset)
            for tile, place in ((4, a), (6, b)):
                _instruction(builder, "tileloadd64", tile, at(place, number(0)), number(64))
                _instruction(builder, "tileloadd64", tile + 1, at(place, number(1024)), number(64))
            for tile in range(4):
                _instruction(builder, "tdpbssd", tile, 4 + tile // 2, 6 + tile % 2)
        for tile, place in enumerate(places):
            _instruction(builder, "tilestored64", tile, place, stride)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 6), generate


def aligned(lines: int, words: int) -> npt.NDArray[np.int32]:
    """Return an array int32 (lines, words) that starts at a multiple of 64 bytes.

    Tiles that straddle lines of the cache are loaded six times as slowly.
    """
    buffer = np.empty(4 * lines * words + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + 4 * lines * words].view(np.int32).reshape(lines, words)


def tile_shapes() -> npt.NDArray[np.uint8]:
    """Return the configuration of eight tiles of 16 rows of 64 bytes, uint8 (64,)."""
    shapes = np.zeros(64, np.uint8)
    shapes[0] = 1
    shapes[16:32:2] = 64
    shapes[48:56] = 16
    return shapes


_i8, _words, _tile = nb.int64, nb.int32[:, ::1], nb.int32[:, ::1]


@njit([types.void(_words, _i8, _i8, _words, _words)], nogil=True, cache=True)
def pack(words, low, high, left, right):  # type: ignore[no-untyped-def]
    """Store codes low:high tile by tile, as left and as right sides of products.

    words (n, w / 4) are the int8 codes, four in an int32. left and right (n / 32, 8 w)
    hold, of each 32 codes, for each 64 columns a tile of codes 0-15 and one of 16-31.
    low and high are multiples of 32.
    """
    for group in range(low // 32, high // 32):
        for step in range(words.shape[1] // 16):
            for row in range(32):
                tile = 512 * step + row // 16 * 256
                for word in range(16):
                    value = words[32 * group + row, 16 * step + word]
                    left[group, tile + 16 * (row % 16) + word] = value
                    right[group, tile + 16 * word + row % 16] = value


@njit(nogil=True, inline="always")
def _multiply(left, right, low_i, low_j, out, n_i, n_j):  # type: ignore[no-untyped-def]
    code = 4 * left.shape[1] // 32  # bytes
    stride = 4 * out.shape[1]
    for start in range(0, code // 64, STEPS):
        steps = min(STEPS, code // 64 - start)
        for i in range(0, n_i, 32):
            for j in range(0, n_j, 32):
                _multiply_32(
                    left.ctypes.data + (low_i + i) * code + start * 2048,
                    right.ctypes.data + (low_j + j) * code + start * 2048,
                    steps,
                    out.ctypes.data + i * stride + 4 * j,
                    stride,
                    start,
                )


_rows = types.Array(nb.float32, 2, "C", readonly=True)
_i4, _f8 = nb.int32[::1], nb.float64[::1]
_state = (_rows, _i4, _f8, _f8, nb.float64, _i4, _i4, nb.float32[:, ::1], nb.int32[:, ::1])


@njit(
    [nb.int64(_words, _words, _words, nb.uint8[::1], *[_i8] * 4, *_state)], nogil=True, cache=True
)
def join(  # type: ignore[no-untyped-def]
    left,
    right,
    piece,
    shapes,
    low_i,
    high_i,
    low_j,
    high_j,
    rows,
    order,
    norms,
    terms,
    per_unit,
    lifts,
    limits,
    scores,
    ids,
):
    """Multiply and sift the pairs of rows low_i:high_i and low_j:high_j, piece by piece.

    Blocks start at multiples of 32; codes are padded to a multiple of SUB. `piece` is
    scratch, large enough for a block with itself, which is first used to seed its rows'
    lists. Returns the pairs that were scored.
    """
    passed = 0
    _configure(shapes.ctypes.data)
    if low_i == low_j:
        side = (high_i - low_i + 31) // 32 * 32
        _multiply(left, right, low_i, low_j, piece, side, side)
        seed(piece, low_i, high_i, rows, order, norms, terms, per_unit, lifts, limits, scores, ids)
        passed = sift(
            piece,
            low_i,
            high_i,
            low_j,
            high_j,
            rows,
            order,
            norms,
            terms,
            per_unit,
            lifts,
            limits,
            scores,
            ids,
        )
    else:
        for i in range(low_i, high_i, SUB):
            for j in range(low_j, high_j, SUB):
                _multiply(left, right, i, j, piece, SUB, SUB)
                passed += sift(
                    piece,
                    i,
                    min(i + SUB, high_i),
                    j,
                    min(j + SUB, high_j),
                    rows,
                    order,
                    norms,
                    terms,
                    per_unit,
                    lifts,
                    limits,
                    scores,
                    ids,
                )
    _release()
    return passed
