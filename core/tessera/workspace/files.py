"""Durable files: a temporary name, fsync, rename. "The file exists" never means "half written"."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_no_room(error: OSError) -> bool:
    """Whether an error means that the disk or the quota is full, and not that one file is bad."""
    return error.errno in _NO_ROOM


def fsync_directory(folder: Path) -> None:
    """Make the names in `folder` survive a power cut.

    Raises:
        OSError: the folder cannot be opened.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes | memoryview, *, private: bool = False) -> None:
    """Write `data` to `path` whole or not at all.

    Args:
        path: final name; an older file of that name is replaced.
        data: the contents.
        private: whether only the owner may read it (mode 0600), for secrets.

    Raises:
        OSError: no space, no permission; the old file is then still there and no temporary file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            if private:
                os.fchmod(stream.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` whole or not at all (see `write_bytes`)."""
    write_bytes(path, text.encode())


def write_npy(path: Path, array: npt.NDArray[Any]) -> None:
    """Write `array` in NumPy's format, whole or not at all (see `write_bytes`)."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getbuffer())


def write_npz(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write named arrays as one uncompressed .npz, whole or not at all (see `write_bytes`)."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getbuffer())


def tree_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, also while others delete some; 0 when there is none."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            about = path.stat()
            total += about.st_size if stat.S_ISREG(about.st_mode) else 0
    return total
