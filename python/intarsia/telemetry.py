# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry: traces and metrics of what the engine does. Needs the package opentelemetry-api, and something that
exports: opentelemetry-sdk, or an agent that brings its own."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from intarsia import _native
from intarsia.exceptions import ErrorCode, RequestError

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
    from opentelemetry.trace import Span, TracerProvider

_lock = threading.Lock()
_current: _Exporter | None = None

# Instruments over the counters of functions: name, unit, place in _native.function_stats(), what is counted.
_FUNCTION_COUNTERS = (
    ('intarsia.function.calls', '{call}', 1, 'rows that functions were called for'),
    ('intarsia.function.time', 's', 2, 'time in functions'),
    ('intarsia.function.retries', '{call}', 3, 'calls made again because a service said so'),
    ('intarsia.function.errors', '{call}', 4, 'calls that failed'),
    ('intarsia.function.cache_hits', '{call}', 5, 'calls not made, since their result was kept'),
)


class _Exporter:
    """Makes spans and measurements of what the engine tells. Its methods run on the threads that work."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        from opentelemetry import context, metrics, trace

        self._context, self._metrics, self._trace = context, metrics, trace
        self._tracer = trace.get_tracer('intarsia', _native.version, tracer_provider)
        self._open: dict[int, tuple[Span, Any]] = {}
        meter = metrics.get_meter('intarsia', _native.version, meter_provider)
        self._operation_time = meter.create_histogram('intarsia.operation.duration', 's', 'time of operations')
        self._operation_rows = meter.create_counter('intarsia.operation.rows', '{row}', 'rows changed or read')
        self._statement_time = meter.create_histogram('db.client.operation.duration', 's', 'time of SQL statements')
        for name, unit, place, description in _FUNCTION_COUNTERS:
            meter.create_observable_counter(name, [self._function_counter(place)], unit, description)
        retries = [lambda _: [metrics.Observation(_native.publish_retries())] if _current is self else []]
        meter.create_observable_counter('intarsia.publish.retries', retries, '{publish}', 'publishes done again')

    def _function_counter(self, place: int) -> Any:
        def observe(options: CallbackOptions) -> Iterable[Observation]:
            if _current is not self:
                return []
            return [
                self._metrics.Observation(stats[place], {'intarsia.function': stats[0]})
                for stats in _native.function_stats()
            ]

        return observe

    def began(self, id: int, parent: int, kind: str, name: str, attributes: dict[str, Any]) -> None:
        """`parent`: what it is part of, where that is the work of another thread."""
        elsewhere = self._open.get(parent)
        context = self._trace.set_span_in_context(elsewhere[0]) if elsewhere is not None else None
        is_statement = kind == 'statement'
        span_kind = self._trace.SpanKind.CLIENT if is_statement else self._trace.SpanKind.INTERNAL
        span = self._tracer.start_span(name, context, span_kind, attributes)
        token = None
        if not is_statement and not parent:  # spans that a function of the user makes are part of its call
            token = self._context.attach(self._trace.set_span_in_context(span))
        self._open[id] = (span, token)

    def ended(
        self, id: int, kind: str, name: str, attributes: dict[str, Any], seconds: float, error_type: str, error: str
    ) -> None:
        span, token = self._open.pop(id, (None, None))
        if token is not None:
            self._context.detach(token)
        if span is not None:
            span.set_attributes(attributes)
            if error_type:
                span.set_attribute('error.type', error_type)
                span.set_status(self._trace.StatusCode.ERROR, error or None)
            span.end()
        failure = {'error.type': error_type} if error_type else {}
        if kind == 'operation':
            of_kind = {'intarsia.operation.kind': attributes['intarsia.operation.kind']}
            self._operation_time.record(seconds, {**of_kind, **failure})
            if attributes.get('intarsia.rows'):
                self._operation_rows.add(attributes['intarsia.rows'], of_kind)
        elif kind == 'statement':
            self._statement_time.record(seconds, {'db.system.name': 'postgresql', 'db.operation.name': name, **failure})


def enable(tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None) -> None:
    """Sends traces and metrics of this process to OpenTelemetry, from now on.

    A span of each operation (insert, query, ...) is part of the current span of the program, has spans of the batches
    of rows that it works on, and these have spans of the functions that are called and of SQL statements.

    Args:
        tracer_provider: Where spans go; the global one by default.
        meter_provider: Where measurements go; the global one by default.
    """
    global _current
    with _lock:
        try:
            exporter = _Exporter(tracer_provider, meter_provider)
        except ImportError as missing:
            raise RequestError(
                ErrorCode.UNSUPPORTED_OPERATION,
                'telemetry.enable(): needs the package opentelemetry-api, and opentelemetry-sdk to export something: '
                'pip install opentelemetry-sdk',
            ) from missing
        if _current is None:
            atexit.register(disable)
        _current = exporter
        _native.set_span_observer(exporter.began, exporter.ended)


def disable() -> None:
    """Ends what `enable` began."""
    global _current
    with _lock:
        _native.set_span_observer(None, None)
        _current = None
