# SPDX-License-Identifier: Apache-2.0
"""Functions of the fault driver, in a module so that every process finds them. Each call that begins and each that ends
is a line in the file that INTARSIA_TEST_CALLS names."""

import asyncio
import os
import time

import intarsia as pxt


def note(what: str, x: int) -> None:
    with open(os.environ['INTARSIA_TEST_CALLS'], 'a') as file:
        file.write(f'{what} {x}\n')


@pxt.udf
def paid(x: int) -> int:
    note('begin', x)
    time.sleep(0.002)
    note('end', x)
    return x * 10


@pxt.udf
async def paid_async(x: int) -> int:
    note('begin', x)
    await asyncio.sleep(0.002 + x % 7 * 0.02)
    note('end', x)
    return x * 10


@pxt.udf(cheap=True)
def slow_double(x: int) -> int:
    time.sleep(0.0001)
    return x * 2
