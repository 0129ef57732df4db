"""Training of DotBias with torch: Adam, one cycle of the learning rate, negatives on the fly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from hemline.models.neural_process import Arrays, Heard, torch_module
from hemline.models.neural_training import (
    Pairs,
    choose_device,
    torch_threads,
    worthwhile_threads,
)

FIRST_SPREAD = 0.01
"""fastai's first weights: a normal of this deviation, cut off at two of them."""


def train(settings: dict[str, Any], arrays: Arrays, threads: int, heard: Heard) -> Arrays:
    """Train, and return the vectors, biases and losses.

    Returns
    -------
    dict
        customers float32 (n, f + 1) and articles float32 (n_articles, f + 1): vector, bias;
        batch_loss and epoch_loss float32.
    """
    rows = settings["batch"] * (1 + settings["negatives"])
    with torch_threads(worthwhile_threads(threads, rows * settings["factors"])):
        return _train(settings, arrays, heard)


def _train(settings: dict[str, Any], arrays: Arrays, heard: Heard) -> Arrays:
    torch = torch_module()
    device = choose_device(settings["device"])
    generator = torch.Generator().manual_seed(settings["seed"])
    pairs = Pairs(arrays, device, generator)
    f = settings["factors"]
    tables = []
    # vectors and biases apart, as fastai has them: a row of one parameter is gathered faster
    for n, width in (
        (pairs.n_customers, f), (pairs.n_articles, f),
        (pairs.n_customers, 1), (pairs.n_articles, 1),
    ):  # fmt: skip
        first = torch.empty(n, width)
        torch.nn.init.trunc_normal_(
            first, std=FIRST_SPREAD, a=-2 * FIRST_SPREAD, b=2 * FIRST_SPREAD, generator=generator
        )
        tables.append(torch.nn.Parameter(first.to(device)))
    optimizer = torch.optim.AdamW(
        tables,
        lr=settings["learning_rate"],
        betas=(0.9, 0.99),  # fastai's
        eps=1e-5,
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    epochs = settings["epochs"]
    per_epoch = -(-len(pairs) // settings["batch"])
    whole = settings["cycle"] == "whole"
    schedule = _one_cycle(optimizer, settings, per_epoch * epochs) if whole else None
    batch_loss: list[float] = []
    for number in range(epochs):
        started = time.perf_counter()
        steps = schedule or _one_cycle(optimizer, settings, per_epoch)
        losses = []
        for customer, article, target in _examples(pairs, settings):
            optimizer.zero_grad(set_to_none=True)
            predicted = _predict(tables, customer, article, settings["y_range"])
            loss = torch.nn.functional.mse_loss(predicted, target)
            loss.backward()
            optimizer.step()
            steps.step()
            losses.append(loss.detach())
        batch_loss += torch.stack(losses).tolist()
        mean = float(np.mean(batch_loss[-len(losses) :]))
        heard({"number": number + 1, "loss": mean, "seconds": time.perf_counter() - started})
    return {
        "customers": _joined(tables[0], tables[2]),
        "articles": _joined(tables[1], tables[3]),
        "batch_loss": np.array(batch_loss, np.float32),
        "epoch_loss": np.array(batch_loss, np.float32).reshape(epochs, -1).mean(axis=1),
    }


def _one_cycle(optimizer: Any, settings: dict[str, Any], steps: int) -> Any:
    """Fastai's fit_one_cycle: up in a quarter of the steps, down in the rest, both by cosine."""
    torch = torch_module()
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=settings["learning_rate"],
        # torch divides by the steps of each part less one: fewer than eight would be none
        total_steps=max(steps, 8) + 1,
        pct_start=0.25,
        div_factor=25,
        final_div_factor=1e5 / 25,
        base_momentum=0.85,
        max_momentum=0.95,
    )


def _examples(pairs: Pairs, settings: dict[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield customers, articles and targets, batch by batch, negatives drawn for each."""
    torch = torch_module()
    n = settings["negatives"]
    for at in pairs.shuffled(settings["batch"]):
        customer, article = pairs.customer[at], pairs.article[at]
        bought = settings["target"] == "bought"
        target = torch.ones_like(pairs.value[at]) if bought else pairs.value[at]
        if n:
            again = customer.repeat(n)
            article = torch.cat([article, pairs.negatives(again)])
            customer = torch.cat([customer, again])
            target = torch.cat([target, torch.zeros(len(again), device=target.device)])
        yield customer, article, target


def _predict(tables: list[Any], customer: Any, article: Any, y_range: list[float]) -> Any:
    torch = torch_module()
    u, v, b, c = (
        torch.nn.functional.embedding(at, table)
        for at, table in zip((customer, article, customer, article), tables, strict=True)
    )
    z = (u * v).sum(1) + b[:, 0] + c[:, 0]
    low, high = y_range
    return torch.sigmoid(z) * (high - low) + low


def _joined(vectors: Any, biases: Any) -> Any:
    torch = torch_module()
    return torch.cat([vectors, biases], 1).detach().cpu().numpy()
