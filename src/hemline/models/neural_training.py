"""What the trainers share: the device, threads, and negatives drawn batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from hemline.blocks import available_threads
from hemline.errors import ConfigError
from hemline.models.neural_process import torch_module

_WORTH_THREADS = 4_000_000
DRAWS = 20
"""Rounds in which a negative that was bought is drawn again; who bought all keeps the last."""


def choose_device(name: str) -> Any:
    """Return the torch device that a setting names; auto is a GPU when there is one.

    Raises
    ------
    ConfigError
        A GPU is asked for, and torch sees none.
    """
    torch = torch_module()
    seen = torch.cuda.is_available()
    if name == "cuda" and not seen:
        raise ConfigError("device = 'cuda', and torch sees no GPU", hint="auto or cpu")
    return torch.device("cuda" if seen and name != "cpu" else "cpu")


def worthwhile_threads(threads: int, elements: int) -> int:
    """Return how many threads a step over so many numbers is worth; the answer is the same.

    Threads of torch wait for one another many times in a step. Where the step is small, or the
    machine busy, that takes longer than the work.
    """
    return available_threads(threads) if elements >= _WORTH_THREADS else 1


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Within it torch uses this number of threads; the caller's own number comes back."""
    torch = torch_module()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Pairs:
    """The pairs (customer, article) of a CSR matrix on a device, and who did not buy what.

    Attributes
    ----------
    customer, article : int64 tensors (n_pairs,)
    value : float32 tensor (n_pairs,)
    """

    def __init__(self, arrays: dict[str, npt.NDArray[Any]], device: Any, generator: Any) -> None:
        torch = torch_module()
        indptr = arrays["indptr"]
        self.n_customers = len(indptr) - 1
        self.n_articles = int(arrays["n_articles"])
        customer = np.repeat(np.arange(self.n_customers), np.diff(indptr))
        article = arrays["article"].astype(np.int64)
        self.customer = torch.from_numpy(customer).to(device)
        self.article = torch.from_numpy(article).to(device)
        self.value = torch.from_numpy(np.array(arrays["value"])).to(device)
        # rows are sorted and articles within them too, so the keys rise
        self._keys = torch.from_numpy(customer * self.n_articles + article).to(device)
        self.device, self.generator = device, generator

    def __len__(self) -> int:
        return len(self.customer)

    def shuffled(self, size: int) -> Iterator[Any]:
        """Yield the pairs' places in random order, `size` at a time."""
        torch = torch_module()
        # drawn on the processor, so that a GPU learns from the same order
        order = torch.randperm(len(self), generator=self.generator).to(self.device)
        yield from torch.split(order, size)

    def negatives(self, customer: Any) -> Any:
        """Draw an article for each entry of `customer`, uniformly among those not bought.

        They exist for this step alone: the table of all negatives is never written down.
        """
        torch = torch_module()
        drawn = self._draw(len(customer))
        for _ in range(DRAWS):
            key = customer * self.n_articles + drawn
            at = torch.searchsorted(self._keys, key).clamp_(max=len(self._keys) - 1)
            again = torch.nonzero(self._keys[at] == key).flatten()
            if not len(again):
                break
            drawn[again] = self._draw(len(again))
        return drawn

    def _draw(self, n: int) -> Any:
        torch = torch_module()
        return torch.randint(0, self.n_articles, (n,), generator=self.generator).to(self.device)
