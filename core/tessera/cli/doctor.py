"""`tessera doctor`: what is missing or slow on this machine, in plain words, and how to fix it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_GB = 1024**3
_PROBE_BYTES = 64 * 1024**2
_LOW_DISK_GB = 20
_LOW_MEMORY_GB = 8
_SLOW_DISK_MB_S = 80


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        part: what was looked at.
        state: ok, slow or missing.
        text: what was found.
        advice: how to fix it, empty when all is well.
    """

    part: str
    state: str
    text: str
    advice: str = ""


def examine(workspace: Path) -> Iterator[Finding]:
    """Look at everything that Tessera needs, one part after the other; loading torch takes seconds.

    Args:
        workspace: the folder that is, or will be, the workspace.
    """
    looks: list[Callable[[], Finding]] = [
        _openslide,
        _torch,
        _torchvision,
        _faiss,
        _packages,
        _processor,
        _memory,
        lambda: _disk(workspace),
        lambda: _writing(workspace),
    ]
    return (look() for look in looks)


def describe(finding: Finding) -> str:
    """A finding in one line or two for a terminal."""
    line = f"{finding.state:8}{finding.part:14}{finding.text}"
    return f"{line}\n{'':22}-> {finding.advice}" if finding.advice else line


def _openslide() -> Finding:
    try:
        import openslide
    except (ImportError, OSError) as error:
        return Finding(
            "OpenSlide", "missing", str(error), "run `make install`; the wheel openslide-bin brings the library"
        )
    return Finding("OpenSlide", "ok", f"library {openslide.__library_version__}, reads every format incl. DICOM")


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "missing", str(error), "run `make install`")
    if torch.cuda.is_available():
        return Finding("torch", "ok", f"{torch.__version__} on {torch.cuda.get_device_name()}")
    return Finding(
        "torch",
        "slow",
        f"{torch.__version__} on the CPU only",
        "training runs, 10 to 50 times slower than on a GPU; check `nvidia-smi` if this machine has one",
    )


def _torchvision() -> Finding:
    try:
        import timm
        import torchvision
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(
            "timm",
            "missing",
            f"torchvision does not fit this torch ({error})",
            "install both from one source: `uv pip install torch torchvision timm`",
        )
    return Finding("timm", "ok", f"timm {timm.__version__}, torchvision {torchvision.__version__}")


def _faiss() -> Finding:
    try:
        import faiss
    except ImportError as error:
        return Finding("faiss", "missing", str(error), "run `make install`")
    gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    where = f"{gpus} GPU(s)" if gpus else "the CPU; on a GPU machine k-means falls back to torch"
    return Finding("faiss", "ok", f"{faiss.__version__} on {where}")


def _packages() -> Finding:
    missing = []
    for name in ("lance", "simplejpeg", "cv2", "tifffile", "umap", "panel", "panel_material_ui"):
        if importlib.util.find_spec(name) is None:
            missing.append(name)
    if missing:
        return Finding("packages", "missing", ", ".join(missing), "run `make install`")
    return Finding("packages", "ok", "store, JPEG, map and dashboard packages are here")


def _processor() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 4:
        return Finding("processor", "slow", f"{cores} core(s)", "decoding JPEG is the wall: about 4,000 tiles/s a core")
    return Finding("processor", "ok", f"{cores} cores")


def _memory() -> Finding:
    total_gb = psutil.virtual_memory().total / _GB
    if total_gb < _LOW_MEMORY_GB:
        return Finding(
            "memory",
            "slow",
            f"{total_gb:.0f} GB",
            "use fewer loading threads, --set threads=1, and smaller batches, --set batch_size=64",
        )
    return Finding("memory", "ok", f"{total_gb:.0f} GB")


def _disk(workspace: Path) -> Finding:
    free_gb = shutil.disk_usage(_existing(workspace)).free / _GB
    tiles = free_gb * _GB / 17_000 / 1e6
    text = f"{free_gb:,.0f} GB free, room for about {tiles:,.1f} million tiles"
    if free_gb < _LOW_DISK_GB:
        return Finding(
            "disk", "slow", text, "choose another disk with --workspace, or cap tiles with --max-tiles-per-slide"
        )
    return Finding("disk", "ok", text)


def _writing(workspace: Path) -> Finding:
    """Write and sync 64 MB beside the workspace."""
    folder = _existing(workspace)
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as stream:
            began = time.monotonic()
            stream.write(os.urandom(1024**2) * (_PROBE_BYTES // 1024**2))
            stream.flush()
            os.fsync(stream.fileno())
            rate = _PROBE_BYTES / 1e6 / (time.monotonic() - began)
    except OSError as error:
        return Finding(
            "workspace", "missing", f"{folder} cannot be written: {error}", "choose another folder with --workspace"
        )
    if rate < _SLOW_DISK_MB_S:
        return Finding("workspace", "slow", f"{folder} writes {rate:,.0f} MB/s", "put the workspace on a local SSD")
    return Finding("workspace", "ok", f"{folder} writes {rate:,.0f} MB/s, synced")


def _existing(path: Path) -> Path:
    """The nearest folder above that exists."""
    path = path.resolve()
    while not path.is_dir():
        path = path.parent
    return path
