# SPDX-License-Identifier: Apache-2.0
"""UDFs that call tests/python/fake_service.py, whose port is in the environment."""

import asyncio
import json
import os
from types import SimpleNamespace
from typing import Any

import intarsia as pxt
from intarsia.func import Batch


class ServiceError(Exception):
    """As clients of services raise them."""

    def __init__(self, status: int, headers: dict[str, str], body: str) -> None:
        super().__init__(body)
        self.response = SimpleNamespace(status_code=status, headers=headers)


async def get(path: str) -> Any:
    reader, writer = await asyncio.open_connection('127.0.0.1', int(os.environ['INTARSIA_TEST_SERVICE']))
    try:
        writer.write(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        head, _, body = (await reader.read()).decode().partition('\r\n\r\n')
    finally:
        writer.close()
    first, *lines = head.split('\r\n')
    status = int(first.split(' ')[1])
    if status != 200:
        raise ServiceError(status, dict(line.split(': ', 1) for line in lines), body)
    return json.loads(body)


async def ask(x: int, tokens: int = 0) -> int:
    client = os.environ.get('INTARSIA_TEST_CLIENT', 'one')
    return int((await get(f'/call?client={client}&x={x}&tokens={tokens}'))['answer'])


@pxt.udf(resource_pool='fake')
async def paced(x: int) -> int:
    return await ask(x)


@pxt.udf(resource_pool='request-rate:fake-tokens', tokens=lambda size: size)
async def with_tokens(x: int, size: int) -> int:
    return await ask(x, size)


@pxt.udf(resource_pool='fake-unknown')
async def of_unknown_limits(x: int) -> int:
    return await ask(x)


@pxt.udf
async def without_pool(x: int) -> int:
    return await ask(x)


@pxt.udf(resource_pool='fake-hopeless', retry_seconds=1.5)
async def hopeless(x: int) -> int:
    return await ask(x)


@pxt.udf(resource_pool='fake-patient', retry_seconds=3600)
async def patient(x: int) -> int:
    return await ask(x)


@pxt.udf(resource_pool='fake-slots')
async def in_slots(x: int) -> int:
    return await ask(x)


@pxt.udf(batch_size=5, resource_pool='fake-batches', tokens=lambda x: len(x))
async def in_batches(x: Batch[int]) -> Batch[int]:
    await ask(0, len(x))
    return [value * 2 for value in x]


@pxt.udf
async def of_model(x: int, model: str) -> int:
    return await ask(x)


@of_model.resource_pool
def _(model: str) -> str:
    return f'rate-limits:fake:{model}'
