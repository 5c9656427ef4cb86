import pytest

from cluster.doctor.findings import Outcome
from cluster.doctor.permissions import checks, plural, to_deploy

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def asked(request):
    return request.body["spec"]["resourceAttributes"]


def allowing(rule):
    return {f"POST {REVIEWS}": lambda request: {"status": {"allowed": rule(asked(request))}}}


def findings(fake_api, build, rule):
    return [each.run() for each in checks(fake_api(allowing(rule)), build.rendered(build.ray_service()))]


def test_every_verb_of_every_resource_is_asked(build):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "scoring"}}
    rights = {
        (each.verb, each.resource, each.group, each.namespace)
        for each in to_deploy(build.rendered(namespace, build.ray_service()))
    }
    assert ("patch", "rayservices", "ray.io", "scoring") in rights
    assert ("create", "namespaces", "", "") in rights
    assert ("delete", "namespaces", "", "") not in rights


def test_all_rights(fake_api, build):
    assert [each.outcome for each in findings(fake_api, build, lambda _: True)] == [Outcome.OK, Outcome.OK]


def test_what_is_missing_is_named(fake_api, build):
    deploy, follow = findings(
        fake_api,
        build,
        lambda each: each["verb"] != "patch" and (each["resource"], each.get("subresource")) != ("pods", "log"),
    )
    assert deploy.outcome is Outcome.FAILED
    assert deploy.message == "you may not patch rayservices.ray.io"
    assert "scoring" in deploy.advice
    assert follow.outcome is Outcome.WARNING
    assert follow.message == "you may not get pods/log"


def test_what_only_administrators_may_change_does_not_keep_from_deploying(fake_api, build):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}}
    rendered = build.rendered(role, build.ray_service())
    api = fake_api(allowing(lambda each: each["resource"] != "roles"))
    deploy = checks(api, rendered)[0].run()
    assert deploy.outcome is Outcome.WARNING
    assert "get, list, watch, create, patch, delete roles.rbac.authorization.k8s.io" in deploy.message
    api = fake_api(allowing(lambda each: each["verb"] != "patch"))
    assert checks(api, rendered)[0].run().outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("kind", "name"),
    [("NetworkPolicy", "networkpolicies"), ("HTTPRoute", "httproutes"), ("Ingress", "ingresses"), ("Role", "roles")],
)
def test_names_of_resources(kind, name):
    assert plural(kind) == name
