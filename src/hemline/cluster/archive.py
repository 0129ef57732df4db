"""The bundle on its way to executors: one archive, unpacked once by each of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tarfile
from pathlib import Path
from typing import Final

BUNDLE: Final = "bundle"
KERNELS: Final = "kernels"


def pack_bundle(bundle: Path, folder: Path) -> Path:
    """Write a folder of `Bundle.save` and the compiled kernels of this process as one tar.

    Not compressed: it holds arrays that are mapped where they are unpacked, and it crosses the
    network once for each executor. The name tells the content, since Spark takes a name once.

    Parameters
    ----------
    bundle : path
        What `Bundle.save` wrote. Its recipe should have answered once in this process, so that
        its kernels are compiled and loaded.
    folder : path
        Where the archive is put.

    Returns
    -------
    path
        Of the archive, `hemline-<digest>.tar`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [(one, f"{BUNDLE}/{one.relative_to(bundle)}") for one in _files(bundle)]
    for package, cached in loaded_kernels().items():
        files.extend((one, f"{KERNELS}/{package}/{one.name}") for one in cached)
    digest = hashlib.sha256()
    for path, name in files:
        state = path.stat()
        digest.update(f"{path} {name} {state.st_size} {state.st_mtime_ns}\n".encode())
    target = folder / f"hemline-{digest.hexdigest()[:16]}.tar"
    if not target.exists():
        temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        with tarfile.open(temporary, "w") as archive:
            for path, name in files:
                archive.add(path, name)
        temporary.replace(target)
    return target


def loaded_kernels() -> dict[str, list[Path]]:
    """Return the cache files of every compiled kernel loaded here, by package of its module."""
    found: dict[str, list[Path]] = {}
    if "numba" not in sys.modules:
        return found
    from numba.core.dispatcher import Dispatcher

    for name, module in sorted(sys.modules.items()):
        if not name.startswith("hemline.") or not name.endswith("_kernel"):
            continue
        own = (one for one in vars(module).values() if isinstance(one, Dispatcher))
        # all of a module's kernels lie in one folder; those that are only inlined lie nowhere
        places = {one.stats.cache_path or "" for one in own if one.py_func.__module__ == name}
        package, _, last = name.rpartition(".")
        for place in sorted(places - {""}):
            found.setdefault(package, []).extend(sorted(Path(place).glob(f"{last}.*.nb[ic]")))
    return found


def use_kernels(unpacked: Path) -> None:
    """Let Numba find the kernels of an unpacked archive, before it is first imported.

    Numba keeps a module's kernels by the path of its package, which may be another one here, and
    checks the module's source: a kernel of other code is compiled anew, into the same place.
    NUMBA_CACHE_DIR is respected where it is set.
    """
    cache = Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(unpacked / "numba")))
    cache.mkdir(parents=True, exist_ok=True)
    from importlib.util import find_spec

    from numba.core.caching import UserProvidedCacheLocator

    for kernels in sorted((unpacked / KERNELS).glob("*")):
        spec = find_spec(kernels.name)
        if spec is None or spec.origin is None:
            continue
        place = cache / UserProvidedCacheLocator.get_suitable_cache_subpath(spec.origin)
        place.mkdir(parents=True, exist_ok=True)
        for one in kernels.iterdir():
            # another process of this executor was first, or an archive before had it too
            with contextlib.suppress(FileExistsError):
                (place / one.name).symlink_to(one)


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())
