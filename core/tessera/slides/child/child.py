"""One child process: started, asked, watched, and ended when it breaks its budget."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tessera.errors import SlideError
from tessera.slides.child.wire import Buffers, Wire
from tessera.workspace.background import SAFE_PYTHON, safe_environment

Told = Callable[[dict[str, Any], Buffers], None]
_LAST_WORDS = 4000  # bytes of what it wrote before it died


@dataclass(frozen=True)
class Budget:
    """What one task may take.

    Attributes:
        seconds: wall time from request to answer; 0 sets no limit.
        silence: seconds between two words of it.
        memory: bytes beyond what an idle child holds; 0 sets no limit.
    """

    seconds: float = 3600
    silence: float = 300
    memory: int = 4 * 1024**3


class ChildDiedError(Exception):
    """The child crashed, hung or took too much; its text says which."""


class OverMemoryError(SlideError):
    """The slide needs more memory than its budget."""


class Child:
    """A process that does tasks. Not to be shared between threads: one task at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._wire = Wire(ours)
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        with theirs:
            self._process = subprocess.Popen(
                [*SAFE_PYTHON, "-W", "ignore", "-m", "tessera.slides.child.serve", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._last_words,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the parent, which ends its children
                env=safe_environment(os.environ),
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(
        self, task: str, arguments: dict[str, Any], budget: Budget, told: Told | None = None
    ) -> tuple[dict[str, Any], Buffers]:
        """Have a task done.

        Args:
            task: `module:function` of a task, see `tessera.slides.child.serve.Task`.
            arguments: what it is given; goes through JSON.
            budget: what it may take.
            told: is told what it says on the way.

        Returns:
            Header and buffers of its answer.

        Raises:
            ChildDiedError: it died, or was ended because it broke its budget; it cannot be asked again.
            OverMemoryError: it ran out of memory and lives on.
            SlideError: the task says that the slide is at fault.
        """
        began = time.monotonic()
        try:
            self._wire.wait(budget.silence)
            self._wire.send({"task": task, "arguments": arguments, "memory": budget.memory})
            while True:
                left = budget.seconds - (time.monotonic() - began) if budget.seconds else budget.silence
                if left <= 0:
                    raise TimeoutError
                self._wire.wait(min(left, budget.silence))
                header, buffers = self._wire.receive()
                if header["kind"] != "word":
                    break
                if told is not None:
                    told(header, buffers)
        except TimeoutError as error:
            self.kill()
            passed = time.monotonic() - began
            raise ChildDiedError(f"gave no answer within {passed:.0f} s and was ended") from error
        except (EOFError, OSError, ValueError, KeyError, TypeError) as error:
            raise ChildDiedError(self._how_it_died()) from error
        except BaseException:
            self.kill()  # it is in the middle of something that nobody waits for any more
            raise
        if header["kind"] == "done":
            return header["answer"], buffers
        raise _error(header, arguments, budget)

    def end(self) -> None:
        """End it while another thread asks it: that thread then hears of its death."""
        self._process.kill()

    def kill(self) -> None:
        """End it now and give back what it held; not while another thread asks it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._wire.close()
        self._last_words.close()

    def _how_it_died(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._last_words.seek(max(0, self._last_words.seek(0, os.SEEK_END) - _LAST_WORDS))
        words = self._last_words.read().decode(errors="replace")
        self.kill()
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
        if code == -signal.SIGKILL:
            return "was killed (SIGKILL), most likely because the machine ran out of memory"
        return f"crashed ({name}{_told_last(words)})"


def _told_last(words: str) -> str:
    """What a native library said before it ended the process."""
    lines = [line.strip() for line in words.splitlines() if re.search("error|fail|abort|cannot|assert", line, re.I)]
    if not lines:
        return ""
    plain = re.sub(r"\(process:\d+\): |\*\*: |\d\d:\d\d:\d\d\.\d+: |\S*/\S+\.[ch]:\d+: ", "", lines[-1])
    return f": {plain[:160]}"


def _error(header: dict[str, Any], arguments: dict[str, Any], budget: Budget) -> SlideError:
    path = str(arguments.get("path", ""))
    if header["kind"] == "memory":
        return OverMemoryError(
            path,
            f"needs more than {budget.memory / 1e9:.3g} GB of memory to be opened: convert it to a tiled pyramid"
            " (vips tiffsave IN OUT --tile --pyramid --compression jpeg), or raise --set slide_memory",
        )
    from tessera.slides import problems

    kind = getattr(problems, str(header.get("error")), SlideError)
    known = isinstance(kind, type) and issubclass(kind, SlideError)
    return (kind if known else SlideError)(path, str(header.get("reason", "failed without a reason")))
