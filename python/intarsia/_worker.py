# SPDX-License-Identifier: Apache-2.0
"""A worker process of `@udf(processes=n)`: runs calls that come over a socket. And the messages, for both sides: a
pickle, with the buffers of arrays and images beside it so that they are not copied into it."""

from __future__ import annotations

import io
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

_HEADER = struct.Struct('<I')
_LENGTH = struct.Struct('<Q')
_PLAIN_MODES = frozenset({'1', 'L', 'LA', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'LAB', 'HSV', 'I', 'F', 'I;16'})


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        imaging = sys.modules.get('PIL.Image')
        if imaging is not None and isinstance(value, imaging.Image) and value.mode in _PLAIN_MODES:
            return _image, (value.mode, value.size, pickle.PickleBuffer(value.tobytes()))
        return NotImplemented


def _image(mode: str, size: tuple[int, int], pixels: Any) -> Any:
    import PIL.Image

    return PIL.Image.frombytes(mode, size, bytes(pixels))


def packed(message: Any) -> list[bytes | memoryview]:
    """The parts of a message: number of parts, their lengths, the pickle, the buffers."""
    buffers: list[pickle.PickleBuffer] = []
    text = io.BytesIO()
    _Pickler(text, protocol=5, buffer_callback=buffers.append).dump(message)
    parts: list[bytes | memoryview] = [text.getvalue(), *(buffer.raw() for buffer in buffers)]
    lengths = b''.join(_LENGTH.pack(len(part)) for part in parts)
    return [_HEADER.pack(len(parts)) + lengths, *parts]


def send(channel: socket.socket, parts: Sequence[bytes | memoryview]) -> None:
    for part in parts:
        channel.sendall(part)


def receive(channel: socket.socket) -> Any:
    """Throws EOFError when the other side is gone."""
    (count,) = _HEADER.unpack(_read(channel, _HEADER.size))
    lengths = struct.unpack(f'<{count}Q', _read(channel, count * _LENGTH.size))
    text, *buffers = [_read(channel, length) for length in lengths]
    return pickle.loads(text, buffers=buffers)


def _read(channel: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        n = channel.recv_into(view)
        if n == 0:
            raise EOFError
        view = view[n:]
    return data


def _function(reference: tuple[str, Any, Any]) -> Callable[..., Any]:
    how, where, name = reference
    if how == 'pickle':
        fn: Any = pickle.loads(where)
        return fn  # type: ignore[no-any-return]
    import importlib

    fn = importlib.import_module(where)
    for part in name.split('.'):
        fn = getattr(fn, part)
    return getattr(fn, 'py_fn', fn)  # type: ignore[no-any-return]


def _failure(failure: BaseException) -> tuple[bool, Any, str]:
    import traceback

    text = ''.join(traceback.format_exception(type(failure), failure, failure.__traceback__))
    try:
        pickle.loads(pickle.dumps(failure))
    except Exception:
        failure = RuntimeError(f'{type(failure).__name__}: {failure}')
    return False, failure, text


def _run(fn: Callable[..., Any], args: tuple[Any, ...], keyword_only: list[str]) -> tuple[bool, Any, str]:
    positional = args[: len(args) - len(keyword_only)]
    named = dict(zip(keyword_only, args[len(positional) :], strict=True))
    try:
        return True, fn(*positional, **named), ''
    except BaseException as failure:
        return _failure(failure)


def _packed_reply(results: list[tuple[bool, Any, str]], seconds: float) -> list[bytes | memoryview]:
    try:
        return packed((results, seconds))
    except Exception:  # find out whose
        return packed(([_sendable(result) for result in results], seconds))


def _sendable(result: tuple[bool, Any, str]) -> tuple[bool, Any, str]:
    try:
        packed(result)
    except Exception as failure:
        return _failure(failure)
    return result


def _end_with_parent(life: int) -> None:
    """The parent holds the other end of this pipe, however it ends."""
    os.read(life, 1)
    os._exit(1)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what a Ctrl-C ends
    channel = socket.socket(fileno=int(sys.argv[1]))
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[2]),), daemon=True).start()
    functions: dict[int, Callable[..., Any]] = {}
    try:
        while True:
            key, reference, keyword_only, calls = receive(channel)
            begin = time.perf_counter()
            try:
                if key not in functions:
                    functions[key] = _function(reference)
                results = [_run(functions[key], args, keyword_only) for args in calls]
            except BaseException as failure:  # its module cannot be imported here
                results = [_failure(failure)] * len(calls)
            send(channel, _packed_reply(results, time.perf_counter() - begin))
    except (EOFError, ConnectionError):
        os._exit(0)
