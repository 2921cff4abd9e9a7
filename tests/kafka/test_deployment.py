"""What runs elsewhere: alerts, dashboard and manifest ask for what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka_helpers import produce_rows, service_for, yeast_apart
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from stream.cli import cli
from stream.kafka.monitoring import ServiceCollector
from stream.kafka.operations import OperationsServer
from stream.models.registry import create_model

DOCKER = Path(__file__).resolve().parents[2] / "docker"
ALERTS = yaml.safe_load((DOCKER / "alerts.yaml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DOCKER / "grafana/dashboards/learner.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def exposed(broker, tmp_path_factory):
    """Names of the metrics of a learner that has learnt, with values of their label 'metric'."""
    from kafka_helpers import create_topic

    source, labels, predictions = (create_topic(broker.bootstrap) for _ in range(3))
    rows, truths = yeast_apart(60)
    produce_rows(broker.bootstrap, source, rows)
    produce_rows(broker.bootstrap, labels, truths)
    service = service_for(
        broker.bootstrap,
        tmp_path_factory.mktemp("learner"),
        source,
        predictions,
        model=create_model("drifthomer", seed=1),
        settings={"labels_topic": labels},
        window=20,
    )
    service.run()
    registry = CollectorRegistry()
    registry.register(ServiceCollector(service))
    return generate_latest(registry).decode()


def names_in(expression):
    return set(re.findall(r"\bdrifthomer_\w+", expression))


def expressions():
    for rule in ALERTS["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]
    yield "docs/operations.md", (DOCKER.parent / "docs/operations.md").read_text(encoding="utf-8")
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_alerts_and_panels_ask_for_metrics_that_exist(exposed, where, expression):
    """A metric that was renamed: the alert never fires, and the panel stays empty."""
    samples = set(re.findall(r"^(drifthomer_\w+)", exposed, re.M))
    assert names_in(expression) <= samples
    for metric in re.findall(r'metric="(\w+)"', expression):
        assert f'{{metric="{metric}"}}' in exposed


def test_the_dashboard_is_where_grafana_looks():
    provisioning = DOCKER / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/files.yaml").read_text())["providers"]
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    volumes = [each.split(":") for each in compose["grafana"]["volumes"]]
    assert ["./grafana/dashboards", provider["options"]["path"], "ro"] in volumes
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    mounted = {each.split(":")[1] for each in compose["prometheus"]["volumes"]}
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text(encoding="utf-8"))
    assert set(prometheus["rule_files"]) <= mounted


def test_the_manifest_starts_a_learner(tmp_path):
    """Options that do not exist, a volume that is not mounted, a probe at another port."""
    text = (DOCKER / "kubernetes" / "learner.yaml").read_text(encoding="utf-8")
    documents: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(text)}
    config, pods = documents["ConfigMap"], documents["StatefulSet"]["spec"]
    pod = pods["template"]["spec"]
    (container,) = pod["containers"]
    command, option, path = container["args"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert (option, path) == ("--config", f"{mounts['config']}/learner.toml")
    file = tmp_path / "learner.toml"
    file.write_text(config["data"]["learner.toml"])
    given = cli.commands[command].make_context(command, [option, str(file)]).params
    assert str(given["snapshot_dir"]) == mounts["state"]
    assert pods["volumeClaimTemplates"][0]["metadata"]["name"] == "state"
    assert pod["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]
    (port,) = container["ports"]
    assert given["metrics_port"] == port["containerPort"]
    assert given["metrics_host"] == "0.0.0.0"  # probes come from elsewhere
    server = OperationsServer(0)
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[name]["httpGet"]
        assert asked["port"] == port["name"]
        assert server.answer(asked["path"])[0] in (200, 503)
    server.close()
    assert pods["replicas"] == 1
    assert pod["terminationGracePeriodSeconds"] >= 15
    labels = pods["template"]["metadata"]["labels"]
    assert pods["selector"]["matchLabels"] == documents["Service"]["spec"]["selector"] == labels
