"""Runs as traces and metrics, at a collector that speaks the real protocol."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from kit import commit, make_project, warden
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.semconv._incubating.attributes import cicd_attributes
from opentelemetry.semconv._incubating.metrics import cicd_metrics
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from otel_server import attributes, collecting

PAGE = "https://github.example/ann/thing/actions/runs/4711"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
REPO = Path(__file__).parents[2]


@pytest.fixture
def collector():
    with collecting() as running:
        yield running


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def test_a_release_is_a_trace_that_joins_the_one_that_called_it(project, collector):
    ran = warden(
        project,
        "release.publish",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS="api-key=canary-of-telemetry",
        TRACEPARENT=f"00-{TRACE}-{PARENT}-01",
        GITHUB_RUN_ID="4711",
        GITHUB_SERVER_URL="https://github.example",
        GITHUB_REPOSITORY="ann/thing",
    )
    assert ran.code == 0, ran.err
    spans = {span.name: span for span in collector.spans}
    run = spans["RUN release.publish"]
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert run.parent_span_id.hex() == PARENT
    steps = ("commit", "gates", "build", "verify", "seal", "upload", "confirm", "prove", "tag")
    assert [span.name for span in collector.spans] == [*steps, "RUN release.publish"]
    assert {spans[name].parent_span_id for name in steps} == {run.span_id}
    assert attributes(run) == {
        "cicd.pipeline.name": "release.publish",
        "cicd.pipeline.action.name": "RUN",
        "cicd.pipeline.run.id": "4711",
        "cicd.pipeline.run.url.full": PAGE,
        "cicd.pipeline.result": "success",
    }
    assert attributes(spans["upload"]) == {
        "cicd.pipeline.task.name": "upload",
        "cicd.pipeline.task.run.id": "4711/upload",
        "cicd.pipeline.task.type": "deploy",
        "cicd.pipeline.task.run.url.full": PAGE,
        "cicd.pipeline.task.run.result": "success",
    }
    assert (run.kind, spans["upload"].kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_INTERNAL)
    assert collector.resource["service.name"] == "release-warden"
    require_known_names(collector)
    (point,) = collector.metrics["cicd.pipeline.run.duration"].histogram.data_points
    took = (run.end_time_unix_nano - run.start_time_unix_nano) / 1e9
    assert point.sum >= took - 0.5, "it began before the library was there to tell"
    assert attributes(point)["cicd.pipeline.result"] == "success"
    assert "cicd.pipeline.run.errors" not in collector.metrics
    assert {held["Api-Key"] for held in map(_titled, collector.headers)} == {"canary-of-telemetry"}
    assert "canary-of-telemetry" not in ran.out + ran.err


def require_known_names(collector):
    """Every name and every value of a list is one of the conventions, as their package has it."""
    names = {value for name, value in vars(cicd_attributes).items() if name.isupper()}
    names |= {ERROR_TYPE}
    metrics = {value for name, value in vars(cicd_metrics).items() if name.isupper()}
    points = [
        point
        for metric in collector.metrics.values()
        for point in (metric.histogram.data_points or metric.sum.data_points)
    ]
    assert collector.metrics.keys() <= metrics
    listed = {
        cicd_attributes.CICD_PIPELINE_RESULT: cicd_attributes.CicdPipelineResultValues,
        cicd_attributes.CICD_PIPELINE_ACTION_NAME: cicd_attributes.CicdPipelineActionNameValues,
        cicd_attributes.CICD_PIPELINE_RUN_STATE: cicd_attributes.CicdPipelineRunStateValues,
        cicd_attributes.CICD_PIPELINE_TASK_TYPE: cicd_attributes.CicdPipelineTaskTypeValues,
        cicd_attributes.CICD_PIPELINE_TASK_RUN_RESULT: (
            cicd_attributes.CicdPipelineTaskRunResultValues
        ),
    }
    for holder in (*collector.spans, *points):
        told = attributes(holder)
        assert told.keys() <= names
        for name, values in listed.items():
            assert name not in told or told[name] in {value.value for value in values}


def _titled(headers):
    return {name.title(): value for name, value in headers.items()}


def test_a_run_that_fails_is_an_error_with_its_class_and_no_words(project, collector):
    red = "import nox\n\n@nox.session\ndef tests(s):\n    s.error()\n"
    (project / "noxfile.py").write_text(red)
    commit(project)
    ran = warden(project, "release.publish", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert ran.code == 3
    spans = {span.name: span for span in collector.spans}
    run = spans["RUN release.publish"]
    told = attributes(run)
    assert (told["cicd.pipeline.result"], told["error.type"]) == ("failure", "gate")
    assert run.status.code == 2
    told = attributes(spans["gates"])
    assert (told["cicd.pipeline.task.run.result"], told["error.type"]) == ("failure", "gate")
    assert spans["gates"].status.code == 2
    require_known_names(collector)
    assert not any(span.events for span in collector.spans), "an exception may hold anything"
    (point,) = collector.metrics["cicd.pipeline.run.errors"].sum.data_points
    assert (point.as_int, attributes(point)["error.type"]) == (1, "gate")


@pytest.mark.parametrize("status", [500, 0])
def test_a_collector_that_fails_changes_nothing(project, collector, status):
    collector.status = status
    url = collector.url if status else "http://127.0.0.1:1"
    usual = warden(project, "release.history")
    ran = warden(
        project,
        "release.history",
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        OTEL_EXPORTER_OTLP_HEADERS="api-key=canary-of-telemetry",
    )
    assert (ran.code, usual.code) == (0, 0)
    assert ran.document["scans"] == usual.document["scans"]
    assert "the collector of telemetry did not take what it was sent" in ran.err
    assert "Traceback" not in ran.err
    assert "canary" not in ran.err


def test_traces_and_metrics_share_the_time_that_a_collector_has(project, collector):
    """It answers each only when both are there: one after the other it would never do."""
    collector.together = threading.Barrier(2, timeout=20)
    ran = warden(project, "release.history", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert (ran.code, "the collector" in ran.err) == (0, False), ran.err
    assert collector.spans
    assert collector.metrics


def test_what_is_switched_off_or_not_asked_for_is_not_even_imported(project):
    code = (
        "import sys; from release.__main__ import main\n"
        "try: main()\n"
        "finally: print([n for n in sys.modules if n.startswith('opentelemetry')], file=sys.stderr)"
    )
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}
    for env in ({}, off):
        argv = [sys.executable, "-P", "-c", code, "release.history", "--project", str(project)]
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
        assert ran.stderr.splitlines()[-1] == "[]", ran.stderr


def test_a_collector_without_the_library_is_told_once(project, tmp_path):
    assert find_spec("opentelemetry.sdk")
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not here')\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from release.__main__ import main; main()"
    )
    argv = [sys.executable, "-P", "-c", code, "release.history", "--project", str(project)]
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stderr
    assert "release-warden[otel]" in ran.stderr
