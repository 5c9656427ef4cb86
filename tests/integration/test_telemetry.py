"""What a running service of two ingress replicas says of itself: metrics, logs, traces."""

import json
import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from payloads import JPEG, photo
from prometheus_client.parser import text_string_to_metric_families
from services import ROOT, Service, free_port, write_config

from deployments.ingress.access.access_directory import AccessDirectory
from deployments.telemetry.instruments import REGISTRY
from deployments.telemetry.metrics import Histogram

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUESTION = {"input": "port", "top_k": 1}
PASSWORD = "hunter2Horse"  # noqa: S105
SECONDS = 60

HISTOGRAMS = [each for each in REGISTRY.instruments if isinstance(each, Histogram)]
# They come into being with the first trouble of their kind.
OF_TROUBLE = {"scoring_replica_losses", "scoring_quota_storage_failures", "scoring_observations_lost"}


class Collector:
    """Takes spans by OTLP over HTTP, as an OpenTelemetry collector does."""

    def __init__(self):
        self.spans = spans = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    spans.extend(span for scope in resource.scope_spans for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def collector():
    collector = Collector()
    yield collector
    collector.server.shutdown()


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    directory = tmp_path_factory.mktemp("access")
    return directory, AccessDirectory(directory).create("tester", ["scoring.invoke", "scoring.admin"]).primary.text


class Observed:
    """A service, and all that was sent to it."""

    def __init__(self, config, key):
        self.metrics_port = free_port()
        # Ray hands metrics on every ten seconds otherwise.
        environment = {"RAY_metrics_report_interval_ms": "1000"}
        self.service = Service("--config", config, "--metrics-port", self.metrics_port, environment=environment)
        self.service.wait_for("Everything else")
        self.key = key
        self.sent = Counter()

    def send(self, path, protocol, model, version, *, key=None, **options):
        headers = {"x-api-key": self.key if key is None else key, "connection": "close", **options.pop("headers", {})}
        # A new connection each time: both replicas answer.
        with httpx.Client(base_url=self.service.url, trust_env=False, timeout=60) as client:
            response = client.post(path, headers=headers, **options)
        self.sent[model, version, protocol, str(response.status_code)] += 1
        return response

    def scrape(self):
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", trust_env=False, timeout=30).text

    def samples(self):
        families = text_string_to_metric_families(self.scrape())
        return [sample for family in families for sample in family.samples if sample.name.startswith("ray_scoring_")]

    def value(self, name, **labels):
        return sum(
            sample.value for sample in self.samples() if sample.name == name and labels.items() <= sample.labels.items()
        )

    def lines(self):
        (logs,) = {
            found[0]
            for child in self.service.children()
            if (found := re.search(r"/\S+/logs\b", " ".join(child.cmdline())))
        }
        files = sorted(Path(logs).glob("serve/replica_*ingress*.log"))
        return [line for file in files for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def observed(tmp_path_factory, collector, key):
    directory, text = key
    args = {
        "ingress": {
            "access": {"required": True, "directory": str(directory)},
            "scaling": {"min_replicas": 2, "max_replicas": 2},
            "tracing": {"endpoint": collector.endpoint, "sample_ratio": 0},
            "max_body_mb": 1,
        },
        "models": [
            {"kind": "faq_matcher"},
            {
                "kind": "image_classifier",
                "versions": [{"model": {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False}}],
            },
        ],
    }
    observed = Observed(write_config(tmp_path_factory.mktemp("telemetry") / "c.yaml", args), text)
    send_all(observed)
    yield observed
    assert observed.service.stop() == []


def send_all(observed):
    """Send what goes well, what is wrong and what is refused."""
    infer = {"inputs": [{"name": "question", "datatype": "BYTES", "shape": [1], "data": ["port"]}]}
    for _ in range(20):
        observed.send("/faq/score", "reference", "faq", "1", json=QUESTION)
        observed.send("/v2/models/faq/infer", "oip", "faq", "1", json=infer)
    for _ in range(5):
        observed.send("/api/v1/service/faq/score", "azureml", "faq", "1", json=QUESTION)
        observed.send("/image/score", "reference", "image", "1", content=photo(), headers=JPEG)
        observed.send("/faq/score", "reference", "faq", "1", json={"input": 3})
        observed.send("/faq/score", "reference", "faq", "1", json={"input": PASSWORD}, key=f"wrong{PASSWORD}")
        observed.send(f"/nowhere/{observed.key}?password={PASSWORD}", "service", "", "", json=QUESTION)
    observed.send("/faq/score", "reference", "faq", "1", content=b" " * 2_000_000)


def until(condition):
    """Wait until a condition holds, and return what it gives then."""
    end = time.monotonic() + SECONDS
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.2)
    return result


def counted(observed):
    found = Counter()
    for sample in observed.samples():
        if sample.name == "ray_scoring_requests_total":
            labels = tuple(sample.labels[name] for name in ("model", "version", "protocol", "status"))
            found[labels] += int(sample.value)
    # Those by which the service was asked whether it is ready, and what its models are.
    return Counter({labels: count for labels, count in found.items() if labels in observed.sent})


def test_counts_of_both_replicas_add_up_to_what_was_sent(observed):
    until(lambda: counted(observed) == observed.sent)
    assert counted(observed) == observed.sent
    samples = [sample for sample in observed.samples() if sample.name == "ray_scoring_requests_total"]
    assert len({sample.labels["replica"] for sample in samples}) == 2
    assert {sample.labels["deployment"] for sample in samples} == {"ingress"}


def test_refusals_durations_and_sizes_are_counted(observed):
    until(lambda: counted(observed) == observed.sent)
    assert observed.value("ray_scoring_refusals_total", reason="unauthenticated") == 5
    assert observed.value("ray_scoring_refusals_total", reason="invalid_input", model="faq") == 5
    assert observed.value("ray_scoring_refusals_total", reason="not_found") == 5
    assert observed.value("ray_scoring_refusals_total", reason="payload_too_large") == 1
    assert observed.value("ray_scoring_request_duration_seconds_count", protocol="azureml", model="faq") == 5
    assert observed.value("ray_scoring_step_duration_seconds_count", model="faq", step="infer") == 45
    assert observed.value("ray_scoring_step_duration_seconds_count", model="image", step="decode") == 5
    assert observed.value("ray_scoring_call_items_count", stage="image-1-preprocess") == 5
    assert observed.value("ray_scoring_batch_items_count", deployment="image-1") == 5
    assert observed.value("ray_scoring_response_bytes_total", model="faq") > 45 * 40


def test_every_metric_but_those_of_trouble_is_there_and_nothing_waits(observed):
    def names():
        scraped = {sample.name for sample in observed.samples()}
        return {
            each.name for each in REGISTRY.instruments if any(name.startswith(f"ray_{each.name}") for name in scraped)
        }

    expected = {each.name for each in REGISTRY.instruments} - OF_TROUBLE
    until(lambda: expected <= names())
    assert expected <= names()
    for gauge in (
        "scoring_queue_waiting",
        "scoring_calls_out",
        "scoring_requests_in_flight",
        "scoring_stage_in_flight",
    ):
        until(lambda gauge=gauge: observed.value(f"ray_{gauge}") == 0)
        assert observed.value(f"ray_{gauge}") == 0


def test_rules_and_dashboard_name_what_is_scraped(observed):
    files = [ROOT / "observability" / name for name in ("prometheus/scoring.rules.yaml", "grafana-dashboard.json")]
    used = {name for file in files for name in re.findall(r"\bray_scoring_\w+", file.read_text("utf-8"))}
    used = {name for name in used if name.removeprefix("ray_").removesuffix("_total") not in OF_TROUBLE}
    until(lambda: used <= {sample.name for sample in observed.samples()})
    assert used <= {sample.name for sample in observed.samples()}


def test_labels_are_few_and_none_comes_from_a_client(observed):
    until(lambda: counted(observed) == observed.sent)
    scraped = [line for line in observed.scrape().splitlines() if "ray_scoring_" in line]
    text = "\n".join(scraped)
    assert PASSWORD not in text
    assert observed.key not in text
    assert "nowhere" not in text
    assert "tester" not in text
    assert {sample.labels["model"] for sample in observed.samples() if "model" in sample.labels} <= {"", "faq", "image"}


def test_promtool_finds_nothing_wrong_with_the_scrape(observed):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; Debian and Ubuntu have it in the package prometheus.")
    until(lambda: counted(observed) == observed.sent)
    ours = [line for line in observed.scrape().splitlines() if "ray_scoring_" in line]
    assert len(ours) > 100
    done = subprocess.run(
        [promtool, "check", "metrics"], input="\n".join([*ours, ""]), capture_output=True, text=True, check=False
    )
    # Ray's own labels, such as WorkerId, and histograms, which Ray hands on as the gauges that they are made of.
    told = [line for line in (done.stdout + done.stderr).splitlines() if "not 'camelCase'" not in line]
    assert [line for line in told if "non-histogram" not in line] == []
    of_histograms = {f"ray_{each.name}_{part}" for each in HISTOGRAMS for part in ("bucket", "sum", "count")}
    assert {line.split()[0] for line in told} <= of_histograms


def test_the_rules_work_on_what_was_scraped(observed, tmp_path):
    """The records of the rules, over a real scrape that is repeated with growing counts."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; Debian and Ubuntu have it in the package prometheus.")
    until(lambda: counted(observed) == observed.sent)
    samples = [sample for sample in observed.samples() if sample.name == "ray_scoring_requests_total"]

    def written(sample):
        labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sample.labels.items())
        return {"series": f"{sample.name}{{{labels}}}", "values": f"0+{int(sample.value)}x40"}

    series = [written(sample) for sample in samples]
    sent = sum(
        sample.value for sample in samples if sample.labels["status"] == "200" and sample.labels["model"] == "faq"
    )
    test = {
        "rule_files": [str(ROOT / "observability" / "prometheus" / "scoring.rules.yaml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": series,
                "promql_expr_test": [
                    {
                        "expr": 'round(sum(scoring:requests:rate5m{model="faq",status="200"}) * 15)',
                        "eval_time": "9m",
                        "exp_samples": [{"labels": "{}", "value": sent}],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(test), "utf-8")
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_request_has_one_line_of_json_and_no_secret_is_in_any(observed):
    def requests():
        lines = [json.loads(line) for line in observed.lines()]
        return [line for line in lines if line["message"] == "request"]

    total = sum(observed.sent.values())
    until(lambda: len([line for line in requests() if line["method"] == "POST"]) >= total)
    lines = [line for line in requests() if line["method"] == "POST"]
    assert len(lines) == total
    assert (
        Counter(
            (line.get("model", ""), line.get("version", ""), line["protocol"], str(line["status"])) for line in lines
        )
        == observed.sent
    )
    assert len({line["request_id"] for line in lines}) == total
    assert {line["client_id"] for line in lines if line["status"] == 200} == {"tester"}
    text = "\n".join(observed.lines())
    assert PASSWORD not in text
    assert observed.key.rpartition("_")[2] not in text
    assert observed.key[30:] not in text


def test_a_trace_that_a_client_began_is_continued_by_spans_for_its_steps(observed, collector):
    response = observed.send(
        "/image/score",
        "reference",
        "image",
        "1",
        content=photo(),
        headers={**JPEG, "traceparent": f"00-{TRACE}-{SPAN}-01"},
    )
    assert response.status_code == 200
    own = re.fullmatch(f"00-{TRACE}-([0-9a-f]{{16}})-01", response.headers["traceresponse"])[1]
    until(lambda: len(collector.spans) >= 4)
    spans = {span.name: span for span in collector.spans}
    # Nothing else is sampled at a ratio of 0.
    assert set(spans) == {"POST /image/score", "queue", "decode", "infer"}
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    request = spans.pop("POST /image/score")
    assert (request.span_id.hex(), request.parent_span_id.hex()) == (own, SPAN)
    assert {span.parent_span_id.hex() for span in spans.values()} == {own}
    for span in spans.values():
        assert request.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= request.end_time_unix_nano
