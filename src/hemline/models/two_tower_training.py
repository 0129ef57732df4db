"""Training of two towers with TorchRec: tables sharded over processes that speak by gloo."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hemline.blocks import available_threads
from hemline.errors import MissingExtraError
from hemline.models.neural_process import (
    Arrays,
    Heard,
    leave,
    read_arrays,
    torch_module,
    write_arrays,
)
from hemline.models.neural_training import Pairs, torch_threads

TABLES = ("history", "article")
FIRST_SPREAD = 0.1
_LEAST = 8
"""Rows of a step at least, so that every process has some."""


def torchrec_module() -> Any:
    """Import TorchRec, whose own imports warn of one another.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    torch_module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torchrec
        except ImportError:
            raise MissingExtraError("torchrec", "torchrec") from None
    return torchrec


def train(settings: dict[str, Any], arrays: Arrays, threads: int, heard: Heard) -> Arrays:
    """Train in one process or in several, and return both tables, the first one mapped.

    Returns
    -------
    dict
        articles and rows float32 (n_articles, f), batch_loss and epoch_loss float32.
    """
    torch = torch_module()
    torchrec_module()
    processes = settings["processes"]
    with tempfile.TemporaryDirectory(prefix="hemline-towers-") as name:
        folder = Path(name)
        write_arrays(arrays, folder / "in")
        (folder / "settings.json").write_text(json.dumps(settings))
        (folder / "out").mkdir()
        each = max(1, available_threads(threads) // processes)
        if processes == 1:
            _work(0, 1, name, each, heard)
        else:
            torch.multiprocessing.spawn(
                _spawned, args=(processes, name, each), nprocs=processes, join=True
            )
            for line in (folder / "epochs.jsonl").read_text().splitlines():
                heard(json.loads(line))
        found = read_arrays(folder / "out")
    # the linear map of the customers' tower is part of its rows from now on
    rows = found["history"].astype(np.float64) @ found["map"].astype(np.float64)
    return {
        "articles": found["article"],
        "rows": rows.astype(np.float32),
        "batch_loss": found["batch_loss"],
        "epoch_loss": found["epoch_loss"],
    }


def _spawned(rank: int, world: int, folder: str, threads: int) -> None:
    """Be one of several processes, and end without the interpreter's farewell."""
    _work(rank, world, folder, threads, None)
    leave()


def _work(rank: int, world: int, folder: str, threads: int, heard: Heard | None) -> None:
    """Be one of the processes: hold a part of the tables, take a part of each step."""
    torch = torch_module()
    if Path("/sys/class/net/lo").exists():
        # the processes are on this machine, whatever name it has
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torchrec_module()
    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world
    )
    try:
        with torch_threads(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchRec's own, and torch's about it
            _Worker(rank, world, Path(folder), heard).run()
        # none goes while another still speaks to it
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()


class _Worker:
    """One process's part of the training."""

    def __init__(self, rank: int, world: int, folder: Path, heard: Heard | None) -> None:
        torch = torch_module()
        self.rank, self.world, self.folder, self.heard = rank, world, folder, heard
        self.settings = json.loads((folder / "settings.json").read_text())
        self.arrays = read_arrays(folder / "in")
        # every process draws the same numbers, and takes its part of what was drawn
        self.generator = torch.Generator().manual_seed(self.settings["seed"])
        self.pairs = Pairs(self.arrays, torch.device("cpu"), self.generator)
        self.bounds = torch.from_numpy(self.arrays["indptr"])
        self.bought = torch.from_numpy(self.arrays["article"].astype(np.int64))
        self.model = _sharded(self.settings, self.pairs.n_articles, world)
        dense = [
            value for name, value in self.model.named_parameters() if name.endswith("map.weight")
        ]
        self.optimizer = torch.optim.Adagrad(dense, lr=self.settings["learning_rate"])

    def run(self) -> None:
        """Train, and write what this process holds."""
        batch_loss: list[float] = []
        epochs = self.settings["epochs"]
        for number in range(epochs):
            started = time.perf_counter()
            losses = [self._step(at) for at in _merged(list(self._shuffled()))]
            batch_loss += losses
            told = {
                "number": number + 1,
                "loss": float(np.mean(losses)),
                "seconds": time.perf_counter() - started,
            }
            if self.rank == 0:
                self._tell(told)
        self._write(batch_loss, epochs)

    def _shuffled(self) -> Any:
        return self.pairs.shuffled(self.settings["batch"])

    def _tell(self, told: dict[str, Any]) -> None:
        if self.heard is not None:
            self.heard(told)
            return
        with (self.folder / "epochs.jsonl").open("a") as file:
            file.write(json.dumps(told) + "\n")

    def _step(self, at: Any) -> float:
        """Take this process's part of a step; the loss of the whole step is returned."""
        torch = torch_module()
        n = self.settings["negatives"]
        customer, article = self.pairs.customer[at], self.pairs.article[at]
        others = self.pairs.negatives(customer.repeat_interleave(n)).reshape(len(at), n)
        low, high = (len(at) * one // self.world for one in (self.rank, self.rank + 1))
        customer, article, others = customer[low:high], article[low:high], others[low:high]
        self.optimizer.zero_grad()
        u, v = self.model(
            self._bags(customer, article), torch.cat([article[:, None], others], dim=1)
        )
        logits = (u[:, None, :] * v).sum(2)
        lost = torch.nn.functional.cross_entropy(
            logits, torch.zeros(len(logits), dtype=torch.int64), reduction="sum"
        )
        # gradients are averaged over processes, whose parts need not be of one size
        (lost * (self.world / len(at))).backward()
        self.optimizer.step()
        whole = lost.detach()
        if self.world > 1:
            torch.distributed.all_reduce(whole)
        return float(whole) / len(at)

    def _bags(self, customer: Any, article: Any) -> tuple[Any, Any]:
        """Return what each customer bought but for the article that is to be found."""
        torch = torch_module()
        start, stop = self.bounds[customer], self.bounds[customer + 1]
        lengths = stop - start
        row = torch.repeat_interleave(torch.arange(len(customer)), lengths)
        within = torch.arange(len(row)) - torch.repeat_interleave(
            lengths.cumsum(0) - lengths, lengths
        )
        values = self.bought[start[row] + within]
        return values[values != article[row]], lengths - 1

    def _write(self, batch_loss: list[float], epochs: int) -> None:
        out = self.folder / "out"
        for name, value in self.model.state_dict().items():
            # model.bags.embedding_bags.history.weight: the name of a table before the last
            table = name.split(".")[-2]
            if table in TABLES:
                for shard in value.local_shards():
                    np.save(out / f"{table}.npy", shard.tensor.detach().cpu().numpy())
            elif self.rank == 0 and table == "map":
                # torch keeps a linear map turned
                np.save(out / "map.npy", value.detach().cpu().numpy().T.copy())
        if self.rank == 0:
            losses = np.array(batch_loss, np.float32)
            np.save(out / "batch_loss.npy", losses)
            np.save(out / "epoch_loss.npy", losses.reshape(epochs, -1).mean(axis=1))


def _merged(parts: list[Any]) -> list[Any]:
    """Join a last step of too few rows to the one before it."""
    if len(parts) > 1 and len(parts[-1]) < _LEAST:
        torch = torch_module()
        return [*parts[:-2], torch.cat(parts[-2:])]
    return parts


def _sharded(settings: dict[str, Any], n_articles: int, world: int) -> Any:
    """Make the two towers, and share their tables out over the processes."""
    torch, torchrec = torch_module(), torchrec_module()
    from torchrec.distributed import DistributedModelParallel
    from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
    from torchrec.distributed.planner import EmbeddingShardingPlanner, Topology
    from torchrec.distributed.planner.types import ParameterConstraints
    from torchrec.optim.apply_optimizer_in_backward import apply_optimizer_in_backward

    device = torch.device("cpu")
    towers = _towers(torch, torchrec, settings, n_articles)
    for module in (towers.bags, towers.single):
        apply_optimizer_in_backward(
            torchrec.optim.RowWiseAdagrad, module.parameters(), {"lr": settings["learning_rate"]}
        )
    sharders = [EmbeddingBagCollectionSharder()]
    topology = Topology(world_size=world, compute_device="cpu", local_world_size=world)
    whole_tables = {name: ParameterConstraints(sharding_types=["table_wise"]) for name in TABLES}
    planner = EmbeddingShardingPlanner(topology=topology, constraints=whole_tables)
    plan = planner.collective_plan(towers, sharders, torch.distributed.group.WORLD)
    return DistributedModelParallel(towers, device=device, plan=plan, sharders=sharders)


def _towers(torch: Any, torchrec: Any, settings: dict[str, Any], n_articles: int) -> Any:
    d = settings["factors"]

    def first(number: int) -> Callable[[Any], None]:
        def fill(weight: Any) -> None:
            if not weight.numel():
                return  # another process holds the table
            # drawn table by table, so that it does not matter which process holds it
            generator = torch.Generator().manual_seed(settings["seed"] * len(TABLES) + number)
            with torch.no_grad():
                weight.copy_(torch.randn(n_articles, d, generator=generator) * FIRST_SPREAD)

        return fill

    def collection(number: int) -> Any:
        name = TABLES[number]
        table = torchrec.EmbeddingBagConfig(
            name=name, embedding_dim=d, num_embeddings=n_articles, feature_names=[name],
            init_fn=first(number),
        )  # fmt: skip
        return torchrec.EmbeddingBagCollection(tables=[table], device=torch.device("cpu"))

    def jagged(name: str, values: Any, lengths: Any) -> Any:
        return torchrec.KeyedJaggedTensor(keys=[name], values=values, lengths=lengths)

    class Towers(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.bags, self.single = collection(0), collection(1)
            self.map = torch.nn.Linear(d, d, bias=False)
            with torch.no_grad():
                self.map.weight.copy_(torch.eye(d))

        def forward(self, bags: tuple[Any, Any], articles: Any) -> tuple[Any, Any]:
            values, lengths = bags
            summed = self.bags(jagged(TABLES[0], values, lengths.to(torch.int32))).values()
            customers = self.map(summed * lengths.clamp(min=1).rsqrt()[:, None])
            ones = torch.ones(articles.numel(), dtype=torch.int32)
            single = self.single(jagged(TABLES[1], articles.flatten(), ones)).values()
            return customers, single.reshape(*articles.shape, d)

    return Towers()
