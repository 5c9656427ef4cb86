import pytest
import yaml
from pydantic import ValidationError

from cluster.manifests.access import ADMINISTRATORS
from cluster.manifests.objects import objects, ray_service
from deployments.errors import StartupError

GATEWAY = {"class_name": "some", "host": "scoring.example.com", "certificate": {"secret": "own"}}


def plural(kind):
    """As the API names what a kind's objects are."""
    name = kind.lower()
    if name.endswith("cy"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("ss") else f"{name}s"


def named(found, name):
    return next(each for each in found if each["metadata"]["name"] == name)


def test_the_namespace_admits_only_restricted_pods(example, of_kind):
    (namespace,) = of_kind(example, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_namespace_that_is_there_is_left_alone(local, changed, of_kind):
    assert of_kind(changed(local, create_namespace=False), "Namespace") == []


def test_a_group_spares_one_pod_at_a_time(aks, local, of_kind):
    budgets = of_kind(aks, "PodDisruptionBudget")
    assert [budget["spec"]["minAvailable"] for budget in budgets] == [1, 1]
    pods = ray_service(aks)["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    for budget, group in zip(budgets, pods, strict=True):
        assert budget["spec"]["selector"]["matchLabels"].items() <= group["template"]["metadata"]["labels"].items()
    assert of_kind(local, "PodDisruptionBudget") == [], "it would keep the only node from being renewed"


@pytest.mark.parametrize("kind", ["gateway", "ingress"])
def test_plain_http_is_sent_to_https(local, changed, of_kind, kind):
    settings = changed(local, gateway={**GATEWAY, "kind": kind})
    if kind == "ingress":
        (ingress,) = of_kind(settings, "Ingress")
        assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/force-ssl-redirect"] == "true"
        assert ingress["spec"]["tls"] == [{"hosts": ["scoring.example.com"], "secretName": "own"}]
        return
    routes = of_kind(settings, "HTTPRoute")
    redirect = named(routes, "scoring-http")["spec"]
    assert redirect["parentRefs"] == [{"name": "scoring-entrance", "sectionName": "http"}]
    assert redirect["rules"][0]["filters"][0]["requestRedirect"]["scheme"] == "https"
    assert "backendRefs" not in redirect["rules"][0]
    served = named(routes, "scoring-https")["spec"]
    assert served["parentRefs"][0]["sectionName"] == "https"
    assert served["rules"][0]["backendRefs"] == [{"name": "scoring-serve-svc", "port": 8000}]
    assert served["rules"][0]["timeouts"] == {"request": "70s"}, "longer than the service's own limit"


def test_cert_manager_makes_the_secret_that_the_gateway_uses(aks, of_kind):
    (certificate,) = of_kind(aks, "Certificate")
    (gateway,) = of_kind(aks, "Gateway")
    https = gateway["spec"]["listeners"][1]
    assert https["tls"]["certificateRefs"][0]["name"] == certificate["spec"]["secretName"]
    assert certificate["spec"]["dnsNames"] == [https["hostname"]]


def test_a_certificate_of_one_s_own_is_not_ordered(local, changed, of_kind):
    assert of_kind(changed(local, gateway=GATEWAY), "Certificate") == []


def test_an_incremental_upgrade_passes_kuberay_s_gateway(local, changed, of_kind):
    upgrade = {"strategy": "incremental", "gateway_class": "some"}
    strategy = ray_service(changed(local, upgrade=upgrade))["spec"]["upgradeStrategy"]
    assert strategy["type"] == "NewClusterWithIncrementalUpgrade"
    assert strategy["clusterUpgradeOptions"]["gatewayClassName"] == "some"
    with pytest.raises(StartupError, match=r"gateway\.backend"):
        objects(changed(local, upgrade=upgrade, gateway=GATEWAY))
    settings = changed(local, upgrade=upgrade, gateway={**GATEWAY, "backend": "scoring-gateway-some"})
    backend = named(of_kind(settings, "HTTPRoute"), "scoring-https")["spec"]["rules"][0]["backendRefs"][0]
    assert backend == {"name": "scoring-gateway-some", "port": 80}
    fixed = [{"name": "cpu", "min_replicas": 1, "max_replicas": 1}]
    with pytest.raises(StartupError, match="max_replicas"):
        objects(changed(local, upgrade=upgrade, workers=fixed))


def test_redis_is_made_only_where_none_is_named(local, aks, of_kind):
    assert len(of_kind(local, "StatefulSet")) == 1
    assert of_kind(aks, "StatefulSet") == []
    options = ray_service(aks)["spec"]["rayClusterConfig"]["gcsFaultToleranceOptions"]
    assert options["redisAddress"] == "rediss://scoring.redis.cache.windows.net:6380"
    assert options["redisPassword"]["valueFrom"]["secretKeyRef"] == {"name": "scoring-redis", "key": "password"}
    (service,) = of_kind(local, "Service")
    options = ray_service(local)["spec"]["rayClusterConfig"]["gcsFaultToleranceOptions"]
    assert options["redisAddress"] == f"{service['metadata']['name']}:6379"


def test_redis_keeps_its_password_and_its_disk(local, changed, of_kind):
    password = {"secret": "redis", "key": "password"}
    settings = changed(local, redis={"password": password, "bundled": {"storage": "1Gi", "storage_class": "fast"}})
    (redis,) = of_kind(settings, "StatefulSet")
    container = redis["spec"]["template"]["spec"]["containers"][0]
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "redis", "key": "password"}
    assert "--requirepass" in container["args"]
    assert redis["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "fast"


def test_policies_let_in_whom_the_settings_name(aks, of_kind):
    policies = of_kind(aks, "NetworkPolicy")
    into = named(policies, "scoring-ray")["spec"]["ingress"]
    gateway = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "scoring"}}}
    ports = [{"protocol": "TCP", "port": 8000}, {"protocol": "TCP", "port": 9000}]
    assert {"from": [gateway], "ports": ports} in into
    operator = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kuberay-system"}}}
    (head,) = named(policies, "scoring-head")["spec"]["ingress"]
    assert head["from"] == [operator]
    assert {"protocol": "TCP", "port": 8265} in head["ports"]
    assert all("8265" not in str(rule) for rule in into), "only KubeRay reaches the dashboard"
    out = named(policies, "scoring-ray")["spec"]["egress"]
    assert {6380, 443} == {port["port"] for port in out[-1]["ports"]}
    assert "169.254.169.254/32" in str(out[-1])


def test_without_a_way_in_nobody_from_outside_is_let_in(local, of_kind):
    into = named(of_kind(local, "NetworkPolicy"), "scoring-ray")["spec"]["ingress"]
    assert not [rule for rule in into if {"protocol": "TCP", "port": 8000} in rule.get("ports", [])]


def test_policies_can_be_left_out(local, changed, of_kind):
    assert of_kind(changed(local, network={"policies": False}), "NetworkPolicy") == []


def test_prometheus_finds_the_pods(aks, local, changed, of_kind):
    (monitor,) = of_kind(aks, "PodMonitor")
    assert monitor["apiVersion"] == "azmonitoring.coreos.com/v1"
    assert of_kind(local, "PodMonitor") == []
    settings = changed(local, monitoring={"kind": "prometheus-operator", "labels": {"release": "prometheus"}})
    (monitor,) = of_kind(settings, "PodMonitor")
    (rules,) = of_kind(settings, "PrometheusRule")
    assert monitor["apiVersion"] == rules["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == rules["metadata"]["labels"]["release"] == "prometheus"
    assert {group["name"] for group in rules["spec"]["groups"]} == {"scoring.records", "scoring.alerts"}
    ports = ray_service(local)["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0][
        "ports"
    ]
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in {port["name"] for port in ports}


def test_the_vault_holds_every_secret_that_pods_refer_to(aks, of_kind):
    (vault,) = of_kind(aks, "SecretProviderClass")
    made = {secret["secretName"]: [each["key"] for each in secret["data"]] for secret in vault["spec"]["secretObjects"]}
    assert made == {
        "scoring-keys": ["keys.json", "signing.json"],
        "scoring-quotas": ["password"],
        "scoring-redis": ["password"],
    }
    wanted = yaml.safe_load(vault["spec"]["parameters"]["objects"])["array"]
    names = {yaml.safe_load(each)["objectName"] for each in wanted}
    assert names == {each["objectName"] for secret in vault["spec"]["secretObjects"] for each in secret["data"]}
    assert all(letter.isalnum() or letter == "-" for name in names for letter in name)


def test_an_operator_cannot_give_themselves_rights(example, of_kind):
    operator = named(of_kind(example, "Role"), "scoring-operator")
    change = {"create", "update", "patch", "delete", "bind", "escalate", "*"}
    for rule in operator["rules"]:
        if "rbac.authorization.k8s.io" in rule["apiGroups"] or "serviceaccounts" in rule["resources"]:
            assert not change & set(rule["verbs"])
        assert "*" not in rule["resources"] + rule["verbs"] + rule["apiGroups"]


def test_an_operator_may_change_every_object_but_an_administrator_s(example, of_kind):
    operator = named(of_kind(example, "Role"), "scoring-operator")
    allowed = {
        (group, resource)
        for rule in operator["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if "patch" in rule["verbs"]
    }
    for each in objects(example):
        resource = (each["apiVersion"].rpartition("/")[0], plural(each["kind"]))
        assert (resource in allowed) == (each["kind"] not in ADMINISTRATORS), resource


def test_a_viewer_sees_no_secret(example, of_kind):
    viewer = named(of_kind(example, "Role"), "scoring-viewer")
    assert all("secrets" not in rule["resources"] for rule in viewer["rules"])
    assert all(set(rule["verbs"]) == {"get", "list", "watch"} for rule in viewer["rules"])


def test_groups_of_people_have_roles(aks, local, of_kind):
    bindings = {each["roleRef"]["name"]: each["subjects"][0]["name"] for each in of_kind(aks, "RoleBinding")}
    assert bindings == {"scoring-viewer": "1" * 8 + "-1111-1111-1111-" + "1" * 12,
                        "scoring-operator": "2" * 8 + "-2222-2222-2222-" + "2" * 12}  # fmt: skip
    assert of_kind(local, "RoleBinding") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"pods": {"volumes": [{"name": "a", "path": "/a"}]}},
        {"pods": {"volumes": [{"name": "a", "path": "/a", "claim": "c", "secret": "s"}]}},
        {"pods": {"variables": {"1A": "x"}}},
        {"gateway": {**GATEWAY, "certificate": {}}},
        {"gateway": {**GATEWAY, "host": "not a host"}},
        {"upgrade": {"strategy": "incremental"}},
        {"redis": {"address": "no-port"}},
    ],
)
def test_settings_that_make_no_sense_are_refused(local, changed, wrong):
    with pytest.raises(ValidationError):
        changed(local, **wrong)
