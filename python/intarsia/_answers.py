# SPDX-License-Identifier: Apache-2.0
"""What a failed call says: whether the service refused it for now, it may work when repeated, or never will. Clients of
services have exceptions of their own, which are told by the attributes that they have in common."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Kind(enum.Enum):
    REFUSED = 'refused'  # come again later: 429, or the service says when
    TRANSIENT = 'transient'  # a broken connection, an error inside the service
    PERMANENT = 'permanent'


class Answer(NamedTuple):
    kind: Kind
    text: str  # for a message: 'HTTP 429: too many requests'
    retry_after: float | None = None  # seconds


_TRANSIENT_STATUS = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_OVERLOADED = 529
# Exceptions without a status, by names of their classes and bases, since their packages may not be there.
_REFUSED_NAMES = frozenset({'RateLimitError', 'TooManyRequests', 'ResourceExhausted', 'ThrottlingException'})
_TRANSIENT_NAMES = frozenset({'TransportError', 'APIConnectionError', 'ClientConnectionError', 'IncompleteRead'})
_GRPC_STATUS = {'RESOURCE_EXHAUSTED': 429, 'UNAVAILABLE': 503, 'DEADLINE_EXCEEDED': 504, 'INTERNAL': 500}
_UNITS = {'ms': 0.001, 's': 1.0, 'm': 60.0, 'h': 3600.0, 'd': 86400.0}
_RESETS = ('x-ratelimit-reset-requests', 'x-ratelimit-reset-tokens', 'x-ratelimit-reset', 'ratelimit-reset')
_ANTHROPIC = ('requests', 'tokens', 'input-tokens', 'output-tokens')


def answer_of(failure: BaseException) -> Answer:
    """Looks through what an exception was raised from too: functions wrap the exceptions of their clients."""
    answers = [_own_answer(cause) for cause in _causes(failure)]
    for answer in answers:
        if answer is not None:
            return answer
    return Answer(Kind.PERMANENT, _text(failure, None))


def _causes(failure: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = failure
    for _ in range(10):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _own_answer(failure: BaseException) -> Answer | None:
    """None: says nothing by itself."""
    status, headers = _status(failure), _headers(failure)
    names = {kind.__name__ for kind in type(failure).__mro__}
    text = _text(failure, status)
    after = _retry_after(failure, headers)
    if getattr(failure, 'code', None) == 'insufficient_quota':  # a 429 that no waiting mends
        return Answer(Kind.PERMANENT, text)
    if status in {429, _OVERLOADED} or (status is None and names & _REFUSED_NAMES):
        return Answer(Kind.REFUSED, text, after if after is not None else _reset(headers))
    if status == 503 and after is not None:
        return Answer(Kind.REFUSED, text, after)
    if status in _TRANSIENT_STATUS:
        return Answer(Kind.TRANSIENT, text, after)
    if status is not None:
        return Answer(Kind.PERMANENT, text)
    if isinstance(failure, ConnectionError | TimeoutError) or names & _TRANSIENT_NAMES:
        return Answer(Kind.TRANSIENT, text)
    reason = getattr(failure, 'reason', None)  # urllib.error.URLError
    if isinstance(reason, OSError):
        return Answer(Kind.TRANSIENT, text)
    if type(failure).__module__.partition('.')[0] == 'requests' and names & {'ConnectionError', 'Timeout'}:
        return Answer(Kind.TRANSIENT, text)
    return None


def _text(failure: BaseException, status: int | None) -> str:
    text = f'{type(failure).__name__}: {failure}'
    return f'HTTP {status}, {text}'[:300] if status is not None else text[:300]


def _status(failure: BaseException) -> int | None:
    response = getattr(failure, 'response', None)
    for holder in (failure, response):
        for name in ('status_code', 'status', 'http_status', 'code'):
            status = _status_number(getattr(holder, name, None))
            if status is not None:
                return status
    if isinstance(response, Mapping):  # botocore
        return _status_number((response.get('ResponseMetadata') or {}).get('HTTPStatusCode'))
    return None


def _status_number(value: Any) -> int | None:
    if callable(value):  # grpc.RpcError.code()
        try:
            value = value()
        except Exception:
            return None
    if getattr(value, 'name', None) in _GRPC_STATUS and not isinstance(value, int):
        return _GRPC_STATUS[value.name]
    return int(value) if isinstance(value, int) and 400 <= value < 600 else None


def _headers(failure: BaseException) -> dict[str, str]:
    response = getattr(failure, 'response', None)
    metadata = response.get('ResponseMetadata') if isinstance(response, Mapping) else None
    candidates: list[Any] = [getattr(response, 'headers', None), getattr(failure, 'headers', None)]
    candidates.append(metadata.get('HTTPHeaders') if isinstance(metadata, Mapping) else None)
    for headers in candidates:
        if hasattr(headers, 'items'):
            return {str(name).lower(): str(value) for name, value in headers.items()}
    return {}


def _retry_after(failure: BaseException, headers: dict[str, str]) -> float | None:
    told: Any = getattr(failure, 'retry_after', None)
    if hasattr(told, 'total_seconds'):
        told = told.total_seconds()
    if isinstance(told, int | float):
        return max(0.0, float(told))
    milliseconds = _number(headers.get('retry-after-ms', ''))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get('retry-after')
    if text is None:
        return None
    seconds = _number(text)
    return seconds if seconds is not None else _seconds_until(text)


def _number(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


def _seconds_until(text: str) -> float | None:
    """Of an HTTP date or an RFC 3339 time."""
    import datetime
    import email.utils

    try:
        when = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (when - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def _reset(headers: dict[str, str]) -> float | None:
    """When what is used up is there again, by the headers that services send with every answer."""
    waits = []
    for name in _RESETS:
        if name in headers and headers.get(name.replace('reset', 'remaining'), '0') == '0':
            waits.append(_reset_seconds(headers[name]))
    for what in _ANTHROPIC:
        begin = f'anthropic-ratelimit-{what}'
        if f'{begin}-reset' in headers and headers.get(f'{begin}-remaining') == '0':
            waits.append(_seconds_until(headers[f'{begin}-reset']))
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _reset_seconds(text: str) -> float | None:
    """'6m0s', '20ms', '1.5', or a Unix time."""
    import time

    seconds = _number(text)
    if seconds is not None:
        return max(0.0, seconds - time.time()) if seconds > 1e9 else seconds
    if re.fullmatch(r'(\d+(\.\d+)?(ms|s|m|h|d))+', text):
        return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r'(\d+(?:\.\d+)?)(ms|s|m|h|d)', text))
    return _seconds_until(text)
