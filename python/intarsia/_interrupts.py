# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C reaches work on all threads."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from intarsia import _native


def _on_ctrl_c(number: int, frame: FrameType | None) -> None:
    _native.interrupt_threads()
    signal.default_int_handler(number, frame)


def install() -> None:
    """Leaves a program's own handler alone."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    if on_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_ctrl_c)
