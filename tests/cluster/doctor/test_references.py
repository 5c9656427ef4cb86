import pytest

from cluster.doctor import namespace
from cluster.doctor.findings import Outcome
from cluster.doctor.references import checks, wanted
from cluster.doctor.rendered import Rendered

SECRETS = "/api/v1/namespaces/scoring/secrets"


def item(kind, spec, api_version="v1", name="it"):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def pod_spec():
    return {
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [
            {
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "one", "key": "a"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "one", "key": "b", "optional": True}}},
                ],
                "envFrom": [{"configMapRef": {"name": "two"}}],
            }
        ],
        "volumes": [
            {"name": "k", "secret": {"secretName": "keys", "items": [{"key": "keys.json", "path": "keys.json"}]}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": "maybe", "optional": True}}]}},
            {"name": "c", "configMap": {"name": "models"}},
        ],
    }


def test_everything_that_pods_read_is_found_with_its_keys(build):
    found = {
        (each.kind, each.name): (each.keys, each.needed)
        for each in wanted(build.rendered(build.ray_service(head=pod_spec())))
    }
    assert found == {
        ("Secret", "pull"): ({".dockerconfigjson"}, True),
        ("Secret", "one"): ({"a"}, True),
        ("ConfigMap", "two"): (set(), True),
        ("Secret", "keys"): ({"keys.json"}, True),
        ("Secret", "maybe"): (set(), False),
        ("ConfigMap", "models"): (set(), True),
    }


GATEWAY = item(
    "Gateway",
    {"gatewayClassName": "public", "listeners": [{"tls": {"certificateRefs": [{"kind": "Secret", "name": "tls"}]}}]},
    "gateway.networking.k8s.io/v1",
)
INGRESS = item("Ingress", {"ingressClassName": "nginx", "tls": [{"hosts": ["a.test"], "secretName": "tls"}]})
CERTIFICATE = item(
    "Certificate",
    {"secretName": "tls", "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}},
    "cert-manager.io/v1",
)


@pytest.mark.parametrize("way_in", [GATEWAY, INGRESS])
def test_certificates_are_wanted_unless_they_are_made(build, way_in):
    assert [(each.name, each.keys) for each in wanted(build.rendered(way_in))] == [("tls", {"tls.crt"})]
    assert wanted(build.rendered(way_in, CERTIFICATE)) == []


def test_what_a_vault_brings_is_not_wanted(build):
    provider = item("SecretProviderClass", {"secretObjects": [{"secretName": "keys"}, {"secretName": "one"}]})
    names = {each.name for each in wanted(build.rendered(build.ray_service(head=pod_spec()), provider))}
    assert not names & {"keys", "one"}


def run(fake_api, build, table, *objects):
    return {each.name: each.run() for each in checks(fake_api(table), build.rendered(*objects))}


@pytest.mark.parametrize(
    ("found", "outcome", "says"),
    [
        ({"data": {"a": "YQ=="}}, Outcome.OK, "is there"),
        ({"data": {"b": "YQ=="}}, Outcome.FAILED, "has no a"),
        ({}, Outcome.FAILED, "has no a"),
        ((404, "not found"), Outcome.FAILED, "is not there"),
        ((403, "forbidden"), Outcome.WARNING, "may not see"),
    ],
)
def test_a_secret(fake_api, build, found, outcome, says):
    finding = run(fake_api, build, {f"{SECRETS}/one": found}, build.ray_service(head=pod_spec()))["Secret one"]
    assert (finding.outcome, says in finding.message) == (outcome, True)


def test_a_secret_that_deploying_makes_may_be_missing(fake_api, build):
    rendered = Rendered("scoring", [build.ray_service(head=pod_spec())], frozenset({("Secret", "keys")}))
    found = {each.name: each.run().outcome for each in checks(fake_api({}), rendered)}
    assert (found["Secret keys"], found["Secret one"]) == (Outcome.OK, Outcome.FAILED)


def test_what_kubernetes_makes_itself_is_not_wanted(build):
    head = {"containers": [], "volumes": [{"configMap": {"name": "kube-root-ca.crt"}}]}
    assert wanted(build.rendered(build.ray_service(head=head))) == []


def test_a_secret_that_is_optional_only_warns(fake_api, build):
    found = run(fake_api, build, {}, build.ray_service(head=pod_spec()))
    assert found["Secret maybe"].outcome is Outcome.WARNING


def test_classes_and_issuers(fake_api, build):
    found = run(fake_api, build, {}, GATEWAY, CERTIFICATE)
    assert {name for name, each in found.items() if each.outcome is Outcome.FAILED} == {
        "GatewayClass public",
        "ClusterIssuer letsencrypt",
    }
    there = {"/apis/gateway.networking.k8s.io/v1/gatewayclasses/public": {}}
    assert run(fake_api, build, there, GATEWAY, CERTIFICATE)["GatewayClass public"].outcome is Outcome.OK


def test_a_class_of_a_kind_that_the_cluster_does_not_know(fake_api, build):
    found = run(fake_api, build, {"/apis/gateway.networking.k8s.io/v1": {"resources": []}}, GATEWAY)
    finding = found["GatewayClass public"]
    assert finding.outcome is Outcome.FAILED
    assert "does not know GatewayClass" in finding.message


def claim(**spec):
    return item("PersistentVolumeClaim", spec)


def storage_class(name, *, default):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"metadata": {"name": name, "annotations": annotations}}


def test_storage(fake_api, build):
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    named = run(fake_api, build, {f"{classes}/fast": {}}, claim(storageClassName="fast"))
    assert named["StorageClass fast"].outcome is Outcome.OK
    both = {classes: [storage_class("slow", default=False), storage_class("usual", default=True)]}
    assert run(fake_api, build, both, claim())["storage"].outcome is Outcome.OK
    one = {classes: [storage_class("slow", default=False)]}
    assert run(fake_api, build, one, claim())["storage"].outcome is Outcome.FAILED
    stateful = item("StatefulSet", {"template": {"spec": {}}, "volumeClaimTemplates": [claim()]})
    assert run(fake_api, build, one, stateful)["storage"].outcome is Outcome.FAILED
    assert run(fake_api, build, one) == {}


def test_volumes_of_others(fake_api, build):
    volume = {"volumes": [{"persistentVolumeClaim": {"claimName": "models"}}], "containers": []}
    found = run(fake_api, build, {}, build.ray_service(head=volume))
    assert found["PersistentVolumeClaim models"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("found", "outcome", "says"),
    [
        ({"metadata": {"labels": {namespace.ENFORCE: "restricted"}}}, Outcome.OK, "restricted"),
        ({"metadata": {"labels": {namespace.ENFORCE: "baseline"}}}, Outcome.WARNING, "calls baseline"),
        ({"metadata": {}}, Outcome.WARNING, "calls privileged"),
        ({"metadata": {}, "status": {"phase": "Terminating"}}, Outcome.FAILED, "being deleted"),
        ((404, "not found"), Outcome.FAILED, "not there"),
        ((403, "forbidden"), Outcome.WARNING, "may not look"),
    ],
)
def test_the_namespace(fake_api, build, found, outcome, says):
    api = fake_api({"/api/v1/namespaces/scoring": found})
    finding = namespace.check(api, build.rendered()).run()
    assert (finding.outcome, says in finding.message) == (outcome, True)


def test_a_namespace_that_will_be_made_may_be_missing(fake_api, build):
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "scoring"}}
    assert namespace.check(fake_api({}), build.rendered(made)).run().outcome is Outcome.OK
