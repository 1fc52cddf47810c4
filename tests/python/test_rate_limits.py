# SPDX-License-Identifier: Apache-2.0
"""Async functions and the limits of services: paced together, repeated, never failed by a 429 before its time."""

import asyncio
import datetime
import email.utils
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import intarsia as pxt
import service_udfs as udfs
from intarsia import exceptions
from intarsia._answers import Kind, answer_of
from test_progress import on_a_terminal

Start = Callable[..., Callable[[], dict[str, Any]]]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the service with some limits; gives what tells its statistics."""
    running = []
    pxt.clear_results()

    def start(**options: Any) -> Callable[[], dict[str, Any]]:
        command = [sys.executable, str(Path(__file__).with_name('fake_service.py')), json.dumps(options)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        running.append(process)
        monkeypatch.setenv('INTARSIA_TEST_SERVICE', process.stdout.readline().strip())
        return lambda: asyncio.run(udfs.get('/stats'))

    yield start
    for process in running:
        process.communicate()


def table(directory: str, function: Any, name: str = 't', **columns: Any) -> pxt.Table:
    t = pxt.create_table(f'{directory}.{name}', {'x': pxt.Int, **columns})
    t.add_computed_column(y=function(t))
    return t


def steady_rate(accepted: list[Any], clients: int) -> float:
    """Calls a minute between the first one of the last client and the time when nine tenths were accepted."""
    firsts = {}
    for at, client, _ in accepted:
        firsts.setdefault(client, at)
    assert len(firsts) == clients
    begin, end = max(firsts.values()), accepted[len(accepted) * 9 // 10][0]
    return 60 * sum(begin < at <= end for at, _, _ in accepted) / (end - begin)


def test_no_row_fails_and_the_limit_is_used(directory: str, service: Start) -> None:
    stats = service(requests_per_minute=600, random=0.04, retry_after=0.5)
    pxt.set_rate_limit('fake', requests_per_minute=600)
    t = table(directory, lambda t: udfs.paced(t.x))
    assert t.insert([{'x': i} for i in range(200)]).num_excs == 0
    assert t.where(t.y == t.x).count() == 200
    seen = stats()
    assert seen['refused']['random'] > 0
    assert len(seen['accepted']) == 200  # none was paid twice
    assert steady_rate(seen['accepted'], 1) >= 0.9 * 600


def test_two_processes_share_the_limit(
    directory: str, service: Start, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    stats = service(requests_per_minute=600, random=0.04, retry_after=0.5)
    pxt.set_rate_limit('fake', requests_per_minute=600)
    for name in ('a', 'b'):
        table(directory, lambda t: udfs.paced(t.x), name)
    code = (
        'import sys, intarsia as pxt\n'
        't = pxt.get_table(sys.argv[1])\n'
        "print(t.insert([{'x': i + int(sys.argv[2])} for i in range(110)]).num_excs)"
    )
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent)}
    running = [
        subprocess.Popen(
            [sys.executable, '-c', code, f'{directory}.{name}', str(first)],
            env={**environment, 'INTARSIA_TEST_CLIENT': name},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, first in (('a', 1000), ('b', 2000))
    ]
    assert [process.communicate()[0].strip() for process in running] == ['0', '0']
    seen = stats()
    assert len(seen['accepted']) == 220
    assert steady_rate(seen['accepted'], 2) >= 0.9 * 600


def test_tokens_are_paced(directory: str, service: Start) -> None:
    stats = service(tokens_per_minute=60_000, most_tokens=1000)
    pxt.set_rate_limit('rate-limits:fake-tokens', tokens_per_minute=60_000)
    t = table(directory, lambda t: udfs.with_tokens(t.x, t.size), size=pxt.Int)
    sizes = [20, 900, 5, 300] * 8
    assert t.insert([{'x': i, 'size': size} for i, size in enumerate(sizes)]).num_excs == 0
    seen = stats()['accepted']
    assert sum(amount for _, _, amount in seen) == sum(sizes)
    assert seen[-1][0] - seen[0][0] >= (sum(sizes) - 1900) / 1000 * 0.9


def test_a_service_whose_limits_are_not_known_is_not_stormed(directory: str, service: Start) -> None:
    stats = service(requests_per_minute=1200)
    t = table(directory, lambda t: udfs.of_unknown_limits(t.x))
    assert t.insert([{'x': i} for i in range(150)]).num_excs == 0
    seen = stats()
    assert len(seen['accepted']) == 150
    assert 0 < seen['refused']['limit'] < 450  # of a storm there would be thousands


def test_functions_without_a_pool_are_repeated_too(directory: str, service: Start) -> None:
    stats = service(outage=1.0)
    t = table(directory, lambda t: udfs.without_pool(t.x))
    assert t.insert([{'x': i} for i in range(20)]).num_excs == 0
    assert len(stats()['accepted']) == 20


def test_a_row_fails_after_its_deadline_and_says_what_was_waited_for(directory: str, service: Start) -> None:
    service(always=429, retry_after=0.2)
    t = table(directory, lambda t: udfs.hopeless(t.x))
    begin = time.monotonic()
    t.insert([{'x': 1}, {'x': 2}], on_error='ignore')
    assert time.monotonic() - begin >= 1.5
    for row in t.select(t.y.errortype, t.y.errormsg).collect():
        kind, message = list(row.values())
        assert kind == 'ExternalServiceError'
        assert "'fake-hopeless'" in message
        assert 'is repeated for 1.5 s' in message
        assert 'HTTP 429' in message


def test_repeated_calls_are_counted_and_logged(directory: str, service: Start, home: Path) -> None:
    def retries() -> int:
        rows = pxt.function_stats().set_index('function')['retries']
        return int(rows.get(udfs.without_pool.self_path, 0))

    stats = service(random=0.3, retry_after=0.05)
    t = table(directory, lambda t: udfs.without_pool(t.x))
    before = retries()
    assert t.insert([{'x': i} for i in range(40)]).num_excs == 0
    refused = sum(stats()['refused'].values())
    assert refused > 0
    assert retries() - before == refused
    log = [json.loads(line) for line in (home / 'logs' / 'intarsia.log').read_text().splitlines()]
    repeated = [line for line in log if line['event'] == 'call.retry']
    assert len(repeated) >= refused
    assert {line['function'] for line in repeated} >= {udfs.without_pool.self_path}
    assert any(line['event'] == 'rate_limit.pause' and line['seconds'] > 0 for line in log)


def test_the_progress_line_tells_of_a_wait_for_a_rate_limit(directory: str, service: Start) -> None:
    service()
    program = f"""
import intarsia as pxt
import service_udfs as udfs
pxt.set_rate_limit('fake', requests_per_minute=40)
t = pxt.create_table('{directory}.t', {{'x': pxt.Int}})
t.add_computed_column(y=udfs.paced(t.x))
t.insert([{{'x': i}} for i in range(4)])
"""
    written = on_a_terminal(['-c', program], INTARSIA_VERBOSITY='1')
    assert f"insert into '{directory}/t'" in written
    assert "waits: 'fake' at its rate" in written


def test_limits_and_the_deadline_come_from_the_configuration(
    directory: str, service: Start, home: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    service(always=429, retry_after=0.2)
    program = f"""
import intarsia as pxt
import service_udfs as udfs
t = pxt.create_table('{directory}.t', {{'x': pxt.Int}})
t.add_computed_column(y=udfs.of_model(t.x, 'large'), on_error='ignore')
t.insert([{{'x': 1}}], on_error='ignore')
print(t.select(t.y.errormsg).collect()[0])
limits = pxt.rate_limits().set_index('pool')
print(limits.loc['fake:large', 'requests_per_minute'], limits.loc['fake:large', 'tokens_per_minute'])
print(limits.loc['elsewhere', 'requests_per_minute'])
"""
    config = home / 'config.toml'
    before = config.read_text() if config.exists() else None
    config.write_text((before or '') + '\nretry_seconds = 3\n[fake.rate_limits]\nlarge = "300/9000"\n')
    try:
        done = run_python(program, INTARSIA_RATE_LIMITS='elsewhere = 60', INTARSIA_RETRY_SECONDS='1')
    finally:
        config.unlink() if before is None else config.write_text(before)
    assert done.returncode == 0, done.stderr
    message, large, elsewhere = done.stdout.splitlines()
    assert 'is repeated for 1 s' in message
    assert large.split() == ['300.0', '9000.0']
    assert float(elsewhere) == 60


def test_what_cannot_work_is_not_repeated(directory: str, service: Start) -> None:
    stats = service(always=400)
    t = table(directory, lambda t: udfs.without_pool(t.x))
    assert t.insert([{'x': 1}], on_error='ignore').num_excs == 1
    assert stats()['refused'] == {'always': 1}


def test_errors_of_the_service_are_repeated_a_few_times(directory: str, service: Start) -> None:
    stats = service(always=500, retry_after=0.0)
    t = table(directory, lambda t: udfs.without_pool(t.x))
    assert t.insert([{'x': 1}], on_error='ignore').num_excs == 1
    assert stats()['refused'] == {'always': 6}


def test_calls_in_flight_are_limited_over_processes(directory: str, service: Start) -> None:
    stats = service(latency=0.1)
    pxt.set_rate_limit('fake-slots', calls_in_flight=4)
    for name in ('a', 'b'):
        table(directory, lambda t: udfs.in_slots(t.x), name)
    code = (
        'import sys, intarsia as pxt\n'
        "print(pxt.get_table(sys.argv[1]).insert([{'x': i + int(sys.argv[2])} for i in range(40)]).num_excs)"
    )
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parent)}
    running = [
        subprocess.Popen(
            [sys.executable, '-c', code, f'{directory}.{name}', str(first)],
            env={**environment, 'INTARSIA_TEST_CLIENT': name},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, first in (('a', 1000), ('b', 2000))
    ]
    assert [process.communicate()[0].strip() for process in running] == ['0', '0']
    seen = stats()
    assert len(seen['accepted']) == 80
    assert 2 <= seen['most_in_flight'] <= 4


def test_batched_calls_are_in_flight_too(directory: str, service: Start) -> None:
    stats = service(latency=0.3)
    t = table(directory, lambda t: udfs.in_batches(t.x))
    assert t.insert([{'x': i} for i in range(23)]).num_excs == 0
    assert t.where(t.y == 2 * t.x).count() == 23
    seen = stats()
    assert [amount for _, _, amount in seen['accepted']] == [5, 5, 5, 5, 3]
    assert seen['most_in_flight'] > 1


def test_the_pool_may_follow_from_an_argument(directory: str, service: Start) -> None:
    service()
    t = table(directory, lambda t: udfs.of_model(t.x, t.model), model=pxt.String)
    t.insert([{'x': 1, 'model': 'small'}, {'x': 2, 'model': 'large'}])
    pools = set(pxt.rate_limits()['pool'])
    assert {'fake:small', 'fake:large'} <= pools


def test_a_pause_is_of_all_processes(
    directory: str, service: Start, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    from intarsia._instance import rate_limits

    service()
    table(directory, lambda t: udfs.paced(t.x))
    pxt.set_rate_limit('fake')
    rate_limits().pause('fake', 2.0)
    begin = time.monotonic()
    done = run_python(f"import intarsia as pxt; print(pxt.get_table('{directory}.t').insert([{{'x': 77}}]).num_excs)")
    assert done.stdout.strip() == '0', done.stderr
    assert time.monotonic() - begin >= 2.0


def test_an_interrupt_ends_the_wait(directory: str, service: Start, tmp_path: Path) -> None:
    service(always=429, retry_after=3000)
    table(directory, lambda t: udfs.patient(t.x))
    code = (
        'import intarsia as pxt\n'
        f"t = pxt.get_table('{directory}.t')\n"
        "print('ready', flush=True)\n"
        "try:\n    t.insert([{'x': 1}])\nexcept KeyboardInterrupt:\n    print('interrupted')"
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code],
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[0] == 'interrupted\n'


def test_limits_are_set_listed_and_checked(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pxt.set_rate_limit('request-rate:listed', requests_per_minute=30, calls_in_flight=3)
    listed = pxt.rate_limits().set_index('pool').loc['listed']
    assert (listed['requests_per_minute'], listed['calls_in_flight']) == (30, 3)
    for wrong in ({'requests_per_minute': 0}, {'tokens_per_minute': -1}, {'calls_in_flight': 0}):
        with pytest.raises(exceptions.RequestError, match=next(iter(wrong))):
            pxt.set_rate_limit('listed', **wrong)  # type: ignore[arg-type]
    with pytest.raises(exceptions.RequestError, match='pool is a name'):
        pxt.set_rate_limit('request-rate:')
    with pytest.raises(exceptions.RequestError, match='not async'):

        @pxt.udf(resource_pool='x')
        def plain(x: int) -> int:
            return x


def error(status: Any = None, headers: dict[str, str] | None = None, **attributes: Any) -> Exception:
    failure = RuntimeError('x')
    failure.response = SimpleNamespace(status_code=status, headers=headers or {})  # type: ignore[attr-defined]
    for name, value in attributes.items():
        setattr(failure, name, value)
    return failure


def http_date(seconds: int) -> str:
    return email.utils.format_datetime(
        datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds), usegmt=True
    )


RateLimitError = type('RateLimitError', (Exception,), {})
Botocore = type('ClientError', (Exception,), {})


@pytest.mark.parametrize(
    ('failure', 'kind', 'after'),
    [
        (error(429, {'Retry-After': '7'}), Kind.REFUSED, 7),
        (error(429, {'retry-after-ms': '1500', 'retry-after': '2'}), Kind.REFUSED, 1.5),
        (error(429, {'x-ratelimit-reset-requests': '1m30s', 'x-ratelimit-reset-tokens': '20ms'}), Kind.REFUSED, 90),
        (error(429, {'x-ratelimit-remaining-requests': '5', 'x-ratelimit-reset-requests': '9s'}), Kind.REFUSED, None),
        (error(429), Kind.REFUSED, None),
        (error(429, code='insufficient_quota'), Kind.PERMANENT, None),
        (error(503, {'Retry-After': '2'}), Kind.REFUSED, 2),
        (error(503), Kind.TRANSIENT, None),
        (error(529), Kind.REFUSED, None),
        (error(502), Kind.TRANSIENT, None),
        (error(401), Kind.PERMANENT, None),
        (error(404), Kind.PERMANENT, None),
        (error(retry_after=3, status_code=429), Kind.REFUSED, 3),
        (error(code=lambda: SimpleNamespace(name='RESOURCE_EXHAUSTED')), Kind.REFUSED, None),
        (urllib.error.HTTPError('u', 429, 'm', Message(), None), Kind.REFUSED, None),
        (urllib.error.URLError(ConnectionRefusedError()), Kind.TRANSIENT, None),
        (ConnectionResetError(), Kind.TRANSIENT, None),
        (asyncio.TimeoutError(), Kind.TRANSIENT, None),
        (RateLimitError(), Kind.REFUSED, None),
        (ValueError('x'), Kind.PERMANENT, None),
    ],
)
def test_answers_are_told_by_what_exceptions_have_in_common(failure: Exception, kind: Kind, after: Any) -> None:
    answer = answer_of(failure)
    assert answer.kind is kind
    assert answer.retry_after == (after if after is None else pytest.approx(after, abs=2))


def test_a_service_may_name_the_time_after_which_it_answers() -> None:
    assert answer_of(error(429, {'retry-after': http_date(30)})).retry_after == pytest.approx(30, abs=5)


def test_the_answer_is_found_in_what_an_exception_was_raised_from() -> None:
    wrapped = ValueError('no answer')
    wrapped.__cause__ = error(429, {'Retry-After': '4'})
    assert answer_of(wrapped).retry_after == 4
