# SPDX-License-Identifier: Apache-2.0
"""UDFs of test_worker_processes.py: in a module, so that worker processes find them."""

import ctypes
import os
import signal
import time

import numpy as np
import PIL.Image

import intarsia as pxt
from intarsia.func import Batch


@pxt.udf(processes=2, is_deterministic=False)
def process_id(x: int) -> int:
    time.sleep(0.01)
    return os.getpid()


@pxt.udf(processes=2)
def squared(x: int, plus: int = 0, *, by: int = 1) -> int:
    """Note of each call: in the file that INTARSIA_TEST_CALLS names."""
    if 'INTARSIA_TEST_CALLS' in os.environ:
        with open(os.environ['INTARSIA_TEST_CALLS'], 'a') as notes:
            notes.write(f'{x}\n')
    time.sleep(0.001)
    return (x * x + plus) * by


@pxt.udf(processes=2)
def dies_at_3(x: int) -> int:
    if x == 3:
        ctypes.string_at(0)
    return x


@pxt.udf(processes=2)
def killed_once(x: int, folder: str) -> int:
    """As if memory ran out: the first call of 3 ends its process."""
    if x == 3:
        try:
            os.mkdir(folder)
        except FileExistsError:
            return x
        os.kill(os.getpid(), signal.SIGKILL)
    return x


@pxt.udf(processes=2)
def fails_at_3(x: int) -> int:
    if x == 3:
        raise ValueError('three')
    return x


@pxt.udf(processes=2)
def inverted(image: PIL.Image.Image) -> PIL.Image.Image:
    return PIL.Image.fromarray(255 - np.asarray(image.convert('RGB')))


@pxt.udf(processes=2, batch_size=4)
def doubled(x: Batch[int]) -> Batch[int]:
    return [2 * value for value in x]


@pxt.udf(processes=2)
def lengths(value: pxt.Json) -> pxt.Json:
    return {'n': len(value), 'kinds': [type(item).__name__ for item in value]}


@pxt.udf(processes=2)
def slow(x: int) -> int:
    time.sleep(600)
    return x


def spin(x: int) -> int:
    """Work that holds the interpreter's lock."""
    value = x
    for _ in range(100_000):
        value = (value * 1103515245 + 12345) % 2147483648
    return value


@pxt.udf(is_deterministic=False)
def spun_here(x: int) -> int:
    return spin(x)


@pxt.udf(processes=2, is_deterministic=False)
def spun_in_workers(x: int) -> int:
    return spin(x)
