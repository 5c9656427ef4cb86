import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deployments.telemetry.instruments import REGISTRY
from deployments.telemetry.metrics import Counter, Histogram
from deployments.telemetry.ray_exporter import COMMON

ROOT = Path(__file__).parents[2]
RULES = ROOT / "observability" / "prometheus" / "scoring.rules.yaml"
RULE_TESTS = RULES.with_name("scoring.test.yaml")
DASHBOARD = ROOT / "observability" / "grafana-dashboard.json"
DOCUMENT = ROOT / "docs" / "telemetry.md"
NAME = re.compile(r"\bray_scoring_\w+")


@pytest.fixture(scope="module")
def promtool():
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed; Debian and Ubuntu have it in the package prometheus.")
    return path


def exported(instrument):
    """Return the names under which an instrument is scraped."""
    name = f"ray_{instrument.name}"
    if isinstance(instrument, Counter):
        return {f"{name}_total"}
    return {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if isinstance(instrument, Histogram) else {name}


NAMES = {name for instrument in REGISTRY.instruments for name in exported(instrument)}


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"] if panel["type"] != "row"]


def test_promtool_takes_the_rules(promtool):
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout


def test_the_rules_do_what_their_tests_say(promtool):
    done = subprocess.run([promtool, "test", "rules", RULE_TESTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_and_says_what_is_wrong():
    tested = {
        each["alertname"]
        for test in yaml.safe_load(RULE_TESTS.read_text("utf-8"))["tests"]
        for each in test["alert_rule_test"]
        if "exp_alerts" in each
    }
    alerts = [rule for rule in rules() if "alert" in rule]
    assert {alert["alert"] for alert in alerts} == tested
    assert all({"summary", "description"} <= alert["annotations"].keys() for alert in alerts)


def test_rules_and_dashboard_name_only_metrics_that_there_are():
    used = set(NAME.findall("".join(rule["expr"] for rule in rules()) + DASHBOARD.read_text("utf-8")))
    assert used <= NAMES
    assert len(used) > 10


def test_the_dashboard_shows_every_metric():
    shown = set(NAME.findall(DASHBOARD.read_text("utf-8")))
    missing = [each.name for each in REGISTRY.instruments if not exported(each) & shown]
    assert missing == []


def test_panels_are_whole():
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])


def test_promtool_takes_every_expression_of_the_dashboard(promtool, tmp_path):
    records = [
        {"record": f"dashboard:panel{panel['id']}:{target['refId']}", "expr": target["expr"]}
        for panel in panels()
        for target in panel["targets"]
    ]
    content = yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]})
    file = tmp_path / "dashboard.yaml"
    file.write_text(content.replace("$__rate_interval", "5m").replace("$model", ".*"), "utf-8")
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_document_lists_every_metric_with_its_labels():
    listed = {}
    for line in DOCUMENT.read_text("utf-8").splitlines():
        if match := re.match(r"\| `(ray_scoring_\w+)` \| (\w+) \| ([^|]*) \|", line):
            listed[match[1]] = (match[2], tuple(re.findall(r"`(\w+)`", match[3])))
    expected = {
        f"ray_{each.name}{'_total' if isinstance(each, Counter) else ''}": (type(each).__name__.lower(), each.labels)
        for each in REGISTRY.instruments
    }
    assert listed == expected
    assert all(f"`{label}`" in DOCUMENT.read_text("utf-8") for label in COMMON)
