# SPDX-License-Identifier: Apache-2.0
"""A service with hard limits, in a process of its own: `python fake_service.py JSON` prints its port. It answers
GET /call?client=a&tokens=3 and GET /stats. More than its limits allow, with a second's worth as reserve, it refuses
with 429 and Retry-After, and some of the rest at random with 429 or 503."""

import asyncio
import json
import random
import sys
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

REASONS = {200: 'OK', 400: 'Bad Request', 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Unavailable'}


class Bucket:
    def __init__(self, per_minute: float, reserve: float) -> None:
        self.rate = per_minute / 60
        self.most = max(reserve, self.rate)
        self.level = self.most
        self.at = time.monotonic()

    def wait_for(self, amount: float) -> float:
        """Seconds until it could be taken; 0: it is."""
        now = time.monotonic()
        self.level = min(self.most, self.level + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, (amount - self.level) / self.rate)

    def take(self, amount: float) -> None:
        self.level -= amount


class Service:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = {'random': 0.0, 'latency': 0.02, 'retry_after': 1.0, 'outage': 0.0, 'always': 0, **options}
        self.requests = Bucket(self.options.get('requests_per_minute', 1e9), 1)
        self.tokens = Bucket(self.options.get('tokens_per_minute', 1e9), self.options.get('most_tokens', 1))
        self.accepted: list[tuple[float, str, float]] = []
        self.refused: dict[str, int] = {}
        self.in_flight = self.most_in_flight = 0
        self.begin = time.monotonic()

    def refuse(self, why: str, status: int, after: float | None) -> tuple[int, dict[str, str], Any]:
        self.refused[why] = self.refused.get(why, 0) + 1
        return status, {} if after is None else {'Retry-After': f'{after:.3f}'}, {'error': why}

    async def call(self, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        now = time.monotonic()
        if self.options['always']:
            return self.refuse('always', self.options['always'], self.options['retry_after'])
        if now - self.begin < self.options['outage']:
            return self.refuse('outage', 429, None)
        if random.random() < self.options['random']:
            return self.refuse('random', random.choice([429, 503]), self.options['retry_after'])
        amount = float(query.get('tokens', 0))
        wait = max(self.requests.wait_for(1), self.tokens.wait_for(amount))
        if wait > 0:
            return self.refuse('limit', 429, wait)
        self.requests.take(1)
        self.tokens.take(amount)
        self.accepted.append((now, query.get('client', ''), amount))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(self.options['latency'])
        self.in_flight -= 1
        return 200, {}, {'answer': query.get('x', '')}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = urlsplit((await reader.readline()).decode().split(' ')[1])
        while (await reader.readline()).strip():
            pass
        status, headers, body = 200, {}, {}
        if target.path == '/call':
            status, headers, body = await self.call(dict(parse_qsl(target.query)))
        elif target.path == '/stats':
            body = {'accepted': self.accepted, 'refused': self.refused, 'most_in_flight': self.most_in_flight}
        text = json.dumps(body)
        lines = [f'HTTP/1.1 {status} {REASONS[status]}', *(f'{name}: {value}' for name, value in headers.items())]
        writer.write('\r\n'.join([*lines, f'Content-Length: {len(text)}', 'Connection: close', '', text]).encode())
        await writer.drain()
        writer.close()


async def main(options: dict[str, Any]) -> None:
    random.seed(7)
    service = Service(options)
    server = await asyncio.start_server(service.serve, '127.0.0.1', 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until whoever started it is gone


if __name__ == '__main__':
    asyncio.run(main(json.loads(sys.argv[1])))
