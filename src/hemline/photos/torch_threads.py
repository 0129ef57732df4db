"""Torch within the worker threads that embed photos: one processor each, or one GPU in turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hemline.errors import MissingExtraError

_gpu = threading.Lock()


def torch_module() -> Any:
    """Import torch.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "neural") from None
    return torch


@contextmanager
def inference() -> Iterator[None]:
    """Within it, torch computes without gradients and with this thread's one processor.

    Calls from several threads run side by side on processors, one after another on a GPU.
    Sums are then taken in the same order whatever the number of threads.
    """
    torch = torch_module()
    if torch.cuda.is_available():
        with _gpu, torch.inference_mode():
            yield
        return
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    with torch.inference_mode():
        yield
