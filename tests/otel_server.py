"""A collector of OpenTelemetry on loopback: OTLP over HTTP, as protobuf (opentelemetry.io)."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    """What arrived; ``status`` is what it answers, ``together`` who it lets wait for each other."""

    url: str = ""
    status: int = 200
    together: threading.Barrier | None = None
    spans: list[Any] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Take what was sent."""
        if path.endswith("/v1/traces"):
            for held in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource |= attributes(held.resource)
                self.spans += [span for scope in held.scope_spans for span in scope.spans]
        elif path.endswith("/v1/metrics"):
            for held in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in held.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}


def attributes(holder: Any) -> dict[str, str]:
    """The attributes of a span, a point or a resource that are text."""
    return {one.key: one.value.string_value for one in holder.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            collector.headers.append(dict(self.headers.items()))
            if collector.together:
                with contextlib.suppress(threading.BrokenBarrierError):
                    collector.together.wait()
            if collector.status == 200:
                collector.take(self.path, gzip.decompress(body) if zipped else body)
            self.send_response(collector.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
