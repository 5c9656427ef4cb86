import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.doctor.findings import Outcome
from cluster.doctor.kuberay import checks, dry_run, kubernetes_version, operator, unknown_fields

DEPLOYMENTS = "/apis/apps/v1/deployments"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rayservices.ray.io"
SERVED = {"/apis/ray.io/v1": {"resources": [{"kind": "RayService", "name": "rayservices", "namespaced": True}]}}
RAY_SERVICE = "/apis/ray.io/v1/namespaces/scoring/rayservices/scoring"
ANYTHING = {"x-kubernetes-preserve-unknown-fields": True, "type": "object"}


def deployment(image, ready=1):
    return {
        "metadata": {"name": "kuberay-operator", "namespace": "kuberay"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"readyReplicas": ready},
    }


@pytest.mark.parametrize(
    ("found", "outcome", "says"),
    [
        ([deployment("quay.io/kuberay/operator:v1.6.1")], Outcome.OK, "KubeRay v1.6.1 runs as kuberay/"),
        ([deployment("quay.io/kuberay/operator:v1.6.1@sha256:ab")], Outcome.OK, "v1.6.1"),
        ([deployment("quay.io/kuberay/operator:v1.0.0")], Outcome.FAILED, "v1.0.0 is not supported"),
        ([deployment("quay.io/kuberay/operator:v2.0.0")], Outcome.FAILED, "not supported"),
        ([deployment("quay.io/kuberay/operator:nightly")], Outcome.WARNING, "not told"),
        ([deployment("quay.io/kuberay/operator:v1.6.1", ready=0)], Outcome.FAILED, "no pod that is ready"),
        ([], Outcome.WARNING, "may run elsewhere"),
        ((403, "forbidden"), Outcome.WARNING, "may not look"),
    ],
)
def test_the_operator(fake_api, found, outcome, says):
    finding = operator(fake_api({DEPLOYMENTS: found}))
    assert (finding.outcome, says in finding.message) == (outcome, True)


@pytest.mark.parametrize(("told", "outcome"), [("v1.34.4", Outcome.OK), ("v1.21.0", Outcome.FAILED)])
def test_kubernetes(fake_api, told, outcome):
    assert kubernetes_version(fake_api({"/version": {"gitVersion": told}})).outcome is outcome


def crd(spec_schema):
    schema = {"openAPIV3Schema": {"properties": {"spec": spec_schema}}}
    return {"spec": {"versions": [{"name": "v1", "schema": schema}]}}


def of_kind(fake_api, build, table):
    found = [each for each in checks(fake_api(table), build.rendered(build.ray_service())) if "kind" in each.name]
    assert [each.name for each in found] == ["kind RayService"]
    return found[0].run()


def test_a_kind_that_is_missing_says_what_brings_it(fake_api, build):
    finding = of_kind(fake_api, build, {})
    assert finding.outcome is Outcome.FAILED
    assert "does not know RayService of ray.io/v1" in finding.message
    assert "helm install kuberay-operator" in finding.advice


def test_a_kind_that_is_served_in_another_version_only_is_missing(fake_api, build):
    assert of_kind(fake_api, build, {"/apis/ray.io/v1": build.known("RayJob")}).outcome is Outcome.FAILED


def test_fields_that_a_crd_would_drop_are_named(fake_api, build):
    known = crd({"properties": {"serveConfigV2": {}, "rayClusterConfig": ANYTHING}})
    assert of_kind(fake_api, build, SERVED | {CRD: known}).outcome is Outcome.OK
    old = crd({"properties": {"rayClusterConfig": ANYTHING}})
    finding = of_kind(fake_api, build, SERVED | {CRD: old})
    assert finding.outcome is Outcome.FAILED
    assert "does not know spec.serveConfigV2" in finding.message


def test_a_crd_that_may_not_be_read_is_not_held_against_the_cluster(fake_api, build):
    assert of_kind(fake_api, build, SERVED | {CRD: (403, "no")}).outcome is Outcome.OK


def test_unknown_fields_are_found_at_every_depth():
    schema = {
        "properties": {
            "list": {"items": {"properties": {"known": {}}}},
            "map": {"additionalProperties": {"properties": {"known": {}}}},
            "free": ANYTHING,
        }
    }
    value = {"list": [{"known": 1}, {"a": 1}], "map": {"any": {"b": 1}}, "free": {"c": 1}, "d": 1, "metadata": {}}
    assert sorted(unknown_fields(value, schema)) == ["d", "list[].a", "map.any.b"]


@given(st.recursive(st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_an_empty_schema_knows_everything(value):
    assert list(unknown_fields(value, {})) == []


def test_what_the_api_server_would_refuse_is_told(fake_api, build):
    path = f"PATCH {RAY_SERVICE}"
    there = SERVED | {"/api/v1/namespaces/scoring": {"metadata": {}}}
    rendered = build.rendered(build.ray_service())
    assert dry_run(fake_api(there | {path: {}}), rendered).run().outcome is Outcome.OK
    refused = dry_run(fake_api(there | {path: (400, "denied by policy")}), rendered).run()
    assert refused.message == "RayService scoring: denied by policy"
    assert dry_run(fake_api({}), rendered).run().outcome is Outcome.SKIPPED


def test_who_may_not_see_the_namespace_may_still_have_objects_checked(fake_api, build):
    there = SERVED | {"/api/v1/namespaces/scoring": (403, "no"), f"PATCH {RAY_SERVICE}": (422, "no such field")}
    finding = dry_run(fake_api(there), build.rendered(build.ray_service())).run()
    assert finding.message == "RayService scoring: no such field"


def test_kinds_that_are_missing_are_left_to_their_own_checks(fake_api, build):
    there = {"/api/v1/namespaces/scoring": {"metadata": {}}}
    assert dry_run(fake_api(there), build.rendered(build.ray_service())).run().outcome is Outcome.OK
