# SPDX-License-Identifier: Apache-2.0
"""Traces and metrics, as OpenTelemetry's SDK gets them."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import intarsia as pxt
import udfs_of_tests as udfs
from intarsia import telemetry

provider = TracerProvider()
tracer = provider.get_tracer('the program')


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.enable(provider, MeterProvider())
    yield exporter
    telemetry.disable()


class Spans:
    """What was exported, as a tree."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self.all = exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]

    def children(self, span: ReadableSpan) -> list[ReadableSpan]:
        return [child for child in self.all if child.parent and child.parent.span_id == span.context.span_id]

    def path(self, span: ReadableSpan) -> list[str]:
        """Names from the outermost span down to this one."""
        outer = [s for s in self.all if span.parent and s.context.span_id == span.parent.span_id]
        return [*(self.path(outer[0]) if outer else []), span.name]


def test_an_operation_has_batches_functions_and_sql(directory: str, exporter: InMemorySpanExporter) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.add_computed_column(double=udfs.double(t.id))
    exporter.clear()
    with tracer.start_as_current_span('request'):
        t.insert([{'id': i} for i in range(10)])
    spans = Spans(exporter)
    insert = f'insert {directory}/t'
    (operation,) = spans.named(insert)
    assert spans.path(operation) == ['request', insert]
    assert operation.attributes['intarsia.operation.kind'] == 'insert'
    assert operation.attributes['intarsia.rows'] == 10
    assert operation.attributes['intarsia.operation.id'] > 0
    calls = spans.named(udfs.double.self_path)
    assert {tuple(spans.path(call)) for call in calls} == {('request', insert, 'batch', udfs.double.self_path)}
    assert sum(call.attributes['intarsia.rows'] for call in calls) == 10
    publishes = [span for span in spans.children(operation) if span.name == 'PIPELINE']
    (publish,) = [span for span in publishes if 'insert into operations' in span.attributes['db.query.text']]
    assert publish.kind == trace.SpanKind.CLIENT
    assert publish.attributes['db.system.name'] == 'postgresql'
    assert publish.attributes['db.operation.batch.size'] > 5
    assert operation.start_time <= publish.start_time <= publish.end_time <= operation.end_time
    assert len({span.context.trace_id for span in spans.all}) == 1


def test_a_query_is_an_operation_and_its_sql_has_no_values(directory: str, exporter: InMemorySpanExporter) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int, 'name': pxt.String})
    t.insert([{'id': i, 'name': 'a'} for i in range(3000)])
    exporter.clear()
    assert len(t.where(t.name != 'secret-4711').select(y=udfs.double(t.id)).collect()) == 3000
    spans = Spans(exporter)
    (query,) = spans.named(f'query {directory}/t')
    assert query.attributes['intarsia.rows'] == 3000
    assert {tuple(spans.path(span)[:2]) for span in spans.all} == {(query.name,), (query.name, 'batch')}
    texts = [span.attributes['db.query.text'] for span in spans.all if span.name in ('SELECT', 'COPY')]
    assert any('<> ?' in text or '!= ?' in text or 'is distinct from' in text for text in texts), texts
    assert 'secret-4711' not in str([dict(span.attributes or {}) for span in spans.all])


def test_spans_of_a_function_are_part_of_its_call(directory: str, exporter: InMemorySpanExporter) -> None:
    @pxt.udf(is_deterministic=False)
    def traced(x: int) -> int:
        with tracer.start_as_current_span('of the function'):
            return x

    @pxt.udf(is_deterministic=False)
    async def traced_async(x: int) -> int:
        with tracer.start_as_current_span('of the coroutine'):
            await asyncio.sleep(0)
            return x

    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert([{'id': 1}])
    exporter.clear()
    pxt.clear_results()
    t.select(a=traced(t.id), b=traced_async(t.id), c=udfs.async_double(t.id)).collect()
    spans = Spans(exporter)
    for name, function in (('of the function', traced), ('of the coroutine', traced_async)):
        (span,) = spans.named(name)
        assert spans.path(span)[-2:] == [function.self_path, name]
    (kept,) = spans.named(udfs.async_double.self_path)
    assert spans.path(kept)[-2:] == ['batch', kept.name]


def test_async_variants_keep_the_current_span(directory: str, exporter: InMemorySpanExporter) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})

    async def request() -> None:
        with tracer.start_as_current_span('request'):
            await t.ainsert([{'id': 1}])

    asyncio.run(request())
    spans = Spans(exporter)
    (operation,) = spans.named(f'insert {directory}/t')
    assert spans.path(operation) == ['request', operation.name]


def test_sql_of_other_threads_is_part_of_the_operation(directory: str, exporter: InMemorySpanExporter) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    t.insert([{'id': i} for i in range(12_000)])
    exporter.clear()
    t.add_computed_column(double=udfs.double(t.id))  # more rows than are filled in place
    spans = Spans(exporter)
    (operation,) = spans.named(f'add_column {directory}/t')
    copies = [span for span in spans.named('COPY') if ' from stdin' in span.attributes['db.query.text'].lower()]
    assert copies
    assert {spans.path(span)[0] for span in copies} == {operation.name}


def test_failures_are_marked(directory: str, exporter: InMemorySpanExporter) -> None:
    t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    with pytest.raises(pxt.Error):
        pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    failed = [span for span in Spans(exporter).named(f'create_table {directory}/t') if not span.status.is_ok]
    assert [span.attributes['error.type'] for span in failed] == ['AlreadyExistsError']
    assert 'existing table' in failed[0].status.description
    del t


def test_metrics(directory: str) -> None:
    reader = InMemoryMetricReader()
    telemetry.enable(TracerProvider(), MeterProvider([reader]))
    try:
        t = pxt.create_table(f'{directory}.t', {'id': pxt.Int})
        t.add_computed_column(double=udfs.double(t.id))
        for _ in range(3):
            t.insert([{'id': i} for i in range(5)])
        data = reader.get_metrics_data()
    finally:
        telemetry.disable()
    assert data is not None
    points: dict[str, list[Any]] = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    (inserts,) = [
        p for p in points['intarsia.operation.duration'] if p.attributes['intarsia.operation.kind'] == 'insert'
    ]
    assert inserts.count == 3
    assert inserts.sum > 0
    (rows,) = [p for p in points['intarsia.operation.rows'] if p.attributes['intarsia.operation.kind'] == 'insert']
    assert rows.value == 15
    assert sum(p.count for p in points['db.client.operation.duration']) > 6
    of_double = {'intarsia.function': udfs.double.self_path}
    (calls,) = [p for p in points['intarsia.function.calls'] if p.attributes == of_double]
    assert calls.value >= 15
    assert {'intarsia.function.time', 'intarsia.function.retries', 'intarsia.function.errors'} <= set(points)
    assert {'intarsia.function.cache_hits', 'intarsia.publish.retries'} <= set(points)


def test_nothing_is_exported_when_disabled(directory: str, exporter: InMemorySpanExporter) -> None:
    telemetry.disable()
    pxt.create_table(f'{directory}.t', {'id': pxt.Int})
    assert exporter.get_finished_spans() == ()


def test_without_the_package_it_says_what_to_install(
    run_python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    program = """
import sys
sys.modules['opentelemetry'] = None
import intarsia as pxt
from intarsia import telemetry
try:
    telemetry.enable()
except pxt.RequestError as error:
    print(error)
pxt.list_tables()
"""
    done = run_python(program)
    assert done.returncode == 0, done.stderr
    assert 'pip install opentelemetry-sdk' in done.stdout
