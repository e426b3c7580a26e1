"""The door to OpenTelemetry: a run as a trace, its length as a metric, where an endpoint is set.

Names are those of the semantic conventions for CI/CD (opentelemetry.io/docs/specs/semconv/cicd): a
task is a pipeline run, a step a task run within it. A trace that ``TRACEPARENT`` names is joined.
Where no endpoint is set, nothing is imported and nothing is measured twice.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from release.adapters import job, process
from release.adapters.meter import Meter
from release.adapters.terminal import write_error
from release.errors import WardenError
from release.ship.failures import failure_of

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter as Instruments
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

TRACES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
METRICS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
SERVICE = "release-warden"
SECONDS = 5
"""How long a collector may take to be told; a run is not held up for longer."""
TESTS = frozenset({"gates", "verify", "prove"})
DEPLOYS = frozenset({"upload", "confirm", "tag"})
STOPPED = frozenset({130, 143})
MISSING = (
    "no telemetry is sent: an OTLP endpoint is set, and OpenTelemetry is not installed\n"
    'next: python -m pip install "release-warden[otel]"'
)


@contextlib.contextmanager
def traced(task: str, meter: Meter) -> Iterator[None]:
    """Around a run: tell a collector of it, where one is named.

    A collector that does not answer is told of in one line and changes nothing else.
    """
    if not (_wanted(TRACES) or _wanted(METRICS)):
        yield
        return
    try:
        telling = _Telling.begin()
    except ImportError:
        write_error(MISSING, "dim")
        yield
        return
    code = 1  # what is not foreseen is a failure too
    try:
        with telling.run(task, meter):
            try:
                yield
                code = 0
            except Exit as ended:
                code = ended.code or 0
                raise
            finally:
                telling.ended(task, meter, code)
    finally:
        if not telling.flushed():
            write_error("the collector of telemetry did not take what it was sent", "dim")


def _wanted(names: tuple[str, ...]) -> bool:
    off = (process.variable("OTEL_SDK_DISABLED") or "").lower() == "true"
    return not off and any(process.variable(name) for name in names)


def result(code: int) -> str:
    """The result of a run by the conventions: one that had to say no failed, it did not break."""
    if code in STOPPED:
        return "cancellation"
    if code in {2, 4, 75}:
        return "error"
    return "failure" if code else "success"


def kind(step: str) -> str:
    """The type of a step by the conventions: ``build``, ``test``, ``deploy``, or none."""
    if step in TESTS:
        return "test"
    return "deploy" if step in DEPLOYS else "build" if step == "build" else ""


@dataclass(frozen=True)
class _Telling:
    """The providers of one run."""

    tracer: Tracer
    instruments: Instruments
    traces: TracerProvider
    metrics: MeterProvider
    heard: _Deaf

    @classmethod
    def begin(cls) -> _Telling:
        """Start the SDK.

        :raises ImportError: it is not installed.
        """
        from opentelemetry.sdk.resources import Resource

        heard = _Deaf()
        log = logging.getLogger("opentelemetry")
        log.handlers, log.propagate = [heard], False
        resource = Resource.create(
            {"service.name": SERVICE, "service.version": version("release-warden")}
        )
        traces, metrics = _traces(resource), _metrics(resource)
        return cls(traces.get_tracer(SERVICE), metrics.get_meter(SERVICE), traces, metrics, heard)

    @contextlib.contextmanager
    def run(self, task: str, meter: Meter) -> Iterator[None]:
        """The span of the run, and those of its steps below it."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(
            {
                name: value
                for name in ("traceparent", "tracestate")
                if (value := process.variable(name.upper()))
            }
        )
        attributes = {
            "cicd.pipeline.name": task,
            "cicd.pipeline.action.name": "RUN",
            "cicd.pipeline.run.id": meter.run,
        }
        if page := job.page():
            attributes["cicd.pipeline.run.url.full"] = page
        with self.tracer.start_as_current_span(
            f"RUN {task}",
            context=parent,
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ):
            meter.listeners.append(_Steps(self.tracer, meter))
            yield

    def ended(self, task: str, meter: Meter, code: int) -> None:
        """How the run ended, on its span and as the conventions' metrics."""
        from opentelemetry.trace import Status, StatusCode, get_current_span

        outcome = {"cicd.pipeline.result": result(code)}
        error = {"error.type": meter.failure or str(code)} if code else {}
        span = get_current_span()
        span.set_attributes(outcome | error)
        if code:
            span.set_status(Status(StatusCode.ERROR))
        labels = {"cicd.pipeline.name": task, "cicd.pipeline.run.state": "executing"}
        self.instruments.create_histogram(
            "cicd.pipeline.run.duration", unit="s", description="Duration of a pipeline run"
        ).record(meter.seconds, labels | outcome | error)
        if code:
            self.instruments.create_counter(
                "cicd.pipeline.run.errors", unit="{error}", description="Errors of pipeline runs"
            ).add(1, {"cicd.pipeline.name": task} | error)

    def flushed(self) -> bool:
        """Send what is left, and stop; whether all of it was taken in time.

        The SDK has a limit for each request, and asks again; the threads hold one for all of it.
        """
        until = time.monotonic() + SECONDS
        ending = [
            threading.Thread(target=provider.shutdown, daemon=True)
            for provider in (self.traces, self.metrics)
        ]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join(max(until - time.monotonic(), 0))
        return not (self.heard.failed or any(thread.is_alive() for thread in ending))


@dataclass(frozen=True)
class _Steps:
    """Tells of each step as a span below the run's."""

    tracer: Tracer
    meter: Meter

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around a step."""
        from opentelemetry.trace import Status, StatusCode

        attributes = {
            "cicd.pipeline.task.name": name,
            "cicd.pipeline.task.run.id": f"{self.meter.run}/{name}",
        }
        if kind(name):
            attributes["cicd.pipeline.task.type"] = kind(name)
        if page := job.page():
            attributes["cicd.pipeline.task.run.url.full"] = page
        with self.tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            finally:
                span.set_attributes(_outcome(sys.exception()))
                if sys.exception():
                    span.set_status(Status(StatusCode.ERROR))


def _outcome(error: BaseException | None) -> dict[str, str]:
    """The result of a step by the conventions, with the class of what it failed of; no words."""
    if error is None:
        return {"cicd.pipeline.task.run.result": "success"}
    ended = "cancellation" if isinstance(error, KeyboardInterrupt) else "failure"
    kind = failure_of(error) if isinstance(error, WardenError) else type(error).__name__
    return {"cicd.pipeline.task.run.result": ended, "error.type": kind}


class _Deaf(logging.Handler):
    """Hears the SDK's complaints, which may quote headers, and keeps only that there were any."""

    failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note that something went wrong."""
        self.failed = self.failed or record.levelno >= logging.ERROR


def _traces(resource: Resource) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if _wanted(TRACES):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=SECONDS)))
    return provider


def _metrics(resource: Resource) -> MeterProvider:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    readers = []
    if _wanted(METRICS):
        exporter = OTLPMetricExporter(timeout=SECONDS)
        readers.append(PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000))
    return MeterProvider(readers, resource=resource, shutdown_on_exit=False)
