"""Where the simulated shop's randomness comes from: one stream for each part and block."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

PARTS: Final = ("products", "lives", "market", "customers", "purchases", "photos", "vectors")


def stream(seed: int, part: str, block: int = 0) -> np.random.Generator:
    """Return the stream of a part's block: the same whoever draws, in whatever order."""
    sequence = np.random.SeedSequence(seed, spawn_key=(PARTS.index(part), block))
    return np.random.Generator(np.random.PCG64(sequence))


def mix(numbers: npt.NDArray[np.uint64], salt: int) -> npt.NDArray[np.uint64]:
    """Hash every number to 64 bits (the finaliser of SplitMix64; Steele, Lea and Flood 2014).

    Parameters
    ----------
    numbers : uint64 (n,)
    salt : int
        Another salt gives another hash.
    """
    with np.errstate(over="ignore"):
        x = numbers + np.uint64((salt * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def pick(
    cumulative: npt.NDArray[np.float64],
    rng: np.random.Generator,
    n: int,
) -> npt.NDArray[np.int64]:
    """Draw `n` places in proportion to weights given by their cumulative sums (m,)."""
    at = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    found: npt.NDArray[np.int64] = np.minimum(at, len(cumulative) - 1)
    return found
