# SPDX-License-Identifier: Apache-2.0
"""UDFs of the tests: in a module, so that other processes find them."""

import asyncio
import os
import threading
import time
from typing import Any

import numpy as np
import PIL.Image

import intarsia as pxt
from intarsia.func import Batch

calls: list[Any] = []
printing = threading.Lock()


@pxt.udf
def double(x: int) -> int:
    return x * 2


@pxt.udf
async def async_double(x: int) -> int:
    await asyncio.sleep(0.001)
    return x * 2


@pxt.udf
def times(x: int, by: int = 10, *, plus: int = 0) -> int:
    return x * by + plus


@pxt.udf
def reciprocal(x: int) -> float:
    """One over x."""
    return 1 / x


@pxt.udf
def counted(x: int) -> int:
    calls.append(x)
    return x


@pxt.udf
def or_zero(x: int | None) -> int:
    return 0 if x is None else x


@pxt.udf(batch_size=4)
def plus_in_batches(x: Batch[int], k: int = 1) -> Batch[int]:
    calls.append(len(x))
    return [value + k for value in x]


@pxt.udf(batch_size=4)
def one_too_few(x: Batch[int]) -> Batch[int]:
    return x[1:]


@pxt.udf
async def slowly(x: int) -> str:
    await asyncio.sleep(0.05)
    if x == 3:
        raise ValueError('three')
    return f'got {x}'


@pxt.udf
def wrong_type(x: int) -> int:
    return str(x)  # type: ignore[return-value]


@pxt.udf
def invert(image: pxt.Image) -> pxt.Image:
    return image.point(lambda v: 255 - v)


@pxt.udf
def mean_color(image: PIL.Image.Image) -> pxt.Array[(3,), pxt.Float]:
    return np.asarray(image.convert('RGB'), dtype=np.float32).mean(axis=(0, 1))


@pxt.udf
def describe(info: dict) -> dict:
    return {'keys': sorted(info), 'n': len(info)}


@pxt.udf(is_method=True)
def shout(text: str, times: int = 1) -> str:
    return text.upper() + '!' * times


@pxt.udf(is_property=True)
def initial(text: str) -> str:
    return text[:1]


@pxt.udf
def interrupted(x: int) -> int:
    if x == 2:
        raise KeyboardInterrupt
    return x


@pxt.udf
def wait(x: int) -> int:
    time.sleep(0.01)
    return x


@pxt.udf
def slow_double(x: int) -> int:
    time.sleep(0.0002)
    return x * 2


WIDE = 60_000


@pxt.udf
def wide_array(x: int) -> pxt.Array[pxt.Int, (WIDE,)]:
    return np.full(WIDE, x)


def note_call(x: Any) -> None:
    """A line in the file that INTARSIA_TEST_CALLS names, so that calls of killed processes count."""
    with open(os.environ['INTARSIA_TEST_CALLS'], 'a') as file:
        file.write(f'{x}\n')


@pxt.udf
def paid(x: int) -> int:
    note_call(x)
    time.sleep(0.002)
    return x * 10


@pxt.udf
def paid_but_not_13(x: int) -> int:
    note_call(x)
    time.sleep(0.002)
    if x == 13:
        raise ValueError('unlucky')
    return x + 1


@pxt.udf
async def paid_async(x: int) -> str | None:
    note_call(x)
    await asyncio.sleep(0.01)
    return None if x % 5 == 0 else f'<{x}>'


@pxt.udf(batch_size=8)
def paid_in_batches(x: Batch[int], by: int) -> Batch[float]:
    for value in x:
        note_call(value)
    time.sleep(0.01)
    return [value / by for value in x]


@pxt.udf
def paid_image(image: PIL.Image.Image, angle: int) -> PIL.Image.Image:
    note_call(angle)
    time.sleep(0.002)
    return image.rotate(angle)


@pxt.udf(is_deterministic=False)
def paid_by_chance(x: int) -> int:
    note_call(x)
    time.sleep(0.002)
    return x


@pxt.udf(cheap=True)
def slow_but_cheap(x: int) -> int:
    note_call(x)
    time.sleep(0.002)
    return x


@pxt.udf
def says(x: int) -> int:
    """Slow enough for progress to be shown, and prints in pieces."""
    time.sleep(0.02)
    with printing:
        print('row', end=' ')
        print(x)
    return x


@pxt.udf
async def paid_unevenly(x: int) -> int:
    """One call takes long while others of the same batch finish."""
    await asyncio.sleep(60 if x == int(os.environ.get('INTARSIA_TEST_SLOW', '-1')) else 0.01)
    note_call(x)
    return x * 10
