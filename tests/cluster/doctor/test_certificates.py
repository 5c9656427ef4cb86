import base64

import pytest

from cluster.doctor.certificates import checks, of_certificate
from cluster.doctor.findings import Outcome


@pytest.mark.parametrize(
    ("names", "host", "days", "begins", "outcome", "says"),
    [
        (["score.test"], "score.test", 90, -1, Outcome.OK, "and is for score.test"),
        (["*.test"], "score.test", 90, -1, Outcome.OK, "holds for"),
        (["*.test"], "a.score.test", 90, -1, Outcome.FAILED, "is not for a.score.test but for *.test"),
        (["other.test"], "score.test", 90, -1, Outcome.FAILED, "is not for"),
        (["score.test"], "", 90, -1, Outcome.OK, "holds for"),
        (["score.test"], "score.test", 5, -1, Outcome.WARNING, "ends in"),
        (["score.test"], "score.test", -0.5, -1, Outcome.FAILED, "ended on"),
        (["score.test"], "score.test", 90, 1, Outcome.FAILED, "begins only on"),
    ],
)
def test_names_and_times(certify, *, names, host, days, begins, outcome, says):
    finding = of_certificate(*certify(*names, days=days, begins=begins), host)
    assert (finding.outcome, says in finding.message) == (outcome, True)


def test_a_key_that_belongs_to_another_certificate(certify):
    assert "does not belong" in of_certificate(certify("a.test")[0], certify("a.test")[1], "").message


@pytest.mark.parametrize("pair", [(b"", b""), (b"-----BEGIN CERTIFICATE-----\n", b"x")])
def test_what_is_no_certificate(pair):
    assert of_certificate(*pair, "").outcome is Outcome.FAILED


def test_the_certificate_of_the_way_in_is_looked_at(fake_api, build, certify):
    certificate, key = certify("score.test")
    secret = {"data": {"tls.crt": base64.b64encode(certificate).decode(), "tls.key": base64.b64encode(key).decode()}}
    table = {"/api/v1/namespaces/scoring/secrets/tls": secret}
    listener = {"hostname": "score.test", "tls": {"certificateRefs": [{"name": "tls"}]}}
    gateway = {"kind": "Gateway", "apiVersion": "g/v1", "metadata": {"name": "g"}, "spec": {"listeners": [listener]}}
    (check,) = checks(fake_api(table), build.rendered(gateway))
    assert check.name == "certificate score.test"
    assert check.run().outcome is Outcome.OK
    (check,) = checks(fake_api({}), build.rendered(gateway))
    assert check.run().outcome is Outcome.SKIPPED
    made = {"kind": "Certificate", "apiVersion": "c/v1", "metadata": {"name": "c"}, "spec": {"secretName": "tls"}}
    assert checks(fake_api({}), build.rendered(gateway, made)) == []


def test_the_users_own_certificate(fake_api, build, certify, tmp_path):
    file = tmp_path / "client.crt"
    file.write_bytes(certify("me", days=3)[0])
    (check,) = checks(fake_api({}, client_certificate=str(file)), build.rendered())
    finding = check.run()
    assert finding.outcome is Outcome.WARNING
    assert finding.message.startswith("your own certificate ends in 2 days")
