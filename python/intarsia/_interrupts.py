# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and the interpreter's end reach work on all threads."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401  its own hook must be registered before ours, and so run after it
import signal
import threading
from types import FrameType

from intarsia import _native


def _on_ctrl_c(number: int, frame: FrameType | None) -> None:
    _native.interrupt_threads(False)
    signal.default_int_handler(number, frame)


def _on_exit() -> None:
    _native.interrupt_threads(True)


def install() -> None:
    """Leaves a program's own handler alone."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    if on_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_ctrl_c)
    # Before threads are joined; atexit's functions run after that.
    threading._register_atexit(_on_exit)  # type: ignore[attr-defined]
