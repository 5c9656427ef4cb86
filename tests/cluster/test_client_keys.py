import base64

import pytest

from cluster.client_keys import CHANGED, ClientKeys
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError
from deployments.ingress.access.key_file import read_table
from deployments.ingress.access.keys import parse_key
from deployments.ingress.access.signing import read_signing_keys


@pytest.fixture
def keys(api):
    def make(**options):
        return ClientKeys(api, "faq", "ns", **{"secret": "faq-keys", "client": "web-service", "keeps": False} | options)

    return make


@pytest.fixture
def files(api):
    """Read the files of the mounted Secret."""

    def read(name="faq-keys"):
        data = api.get(Kind.SECRET, name, "ns")["data"]
        return {file: base64.b64decode(content) for file, content in data.items()}

    return read


def test_keys_do_not_show_when_they_are_printed(keys):
    made = keys().ensure()
    assert made.primary not in repr(made)


def test_a_secret_that_holds_something_else_is_told_of_without_its_content(keys, server):
    metadata = {"name": "faq-keys", "namespace": "ns"}
    data = {"keys.json": base64.b64encode(b'{"clients": "s3cret"}').decode()}
    server.add({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    with pytest.raises(StartupError, match=r"keys.json in the Secret faq-keys is no file of") as error:
        keys().ensure()
    assert "s3cret" not in str(error.value)


def owner(files, key):
    found = read_table(files["keys.json"]).owner(parse_key(key))
    return found.client_id if found else None


def test_a_client_is_made_once_with_the_files_that_the_service_reads(keys, files):
    made = keys().ensure()
    assert owner(files(), made.primary) == owner(files(), made.secondary) == "web-service"
    assert read_signing_keys(files()["signing.json"])
    assert keys().ensure() is None
    assert made.primary.encode() not in b"".join(files().values())


def test_one_key_is_replaced_and_the_other_stays(keys, files):
    made = keys().ensure()
    new = keys().regenerate("primary")
    assert owner(files(), new) == owner(files(), made.secondary) == "web-service"
    assert owner(files(), made.primary) is None


def test_keys_that_are_not_kept_cannot_be_shown_and_their_identifiers_are(keys, server):
    made = keys().ensure()
    primary, secondary = parse_key(made.primary).id, parse_key(made.secondary).id
    with pytest.raises(StartupError, match=f"primary {primary}, secondary {secondary}.*keep_keys: true"):
        keys().get()
    assert len(server.of("Secret")) == 1


def test_keys_that_are_kept_are_shown_and_follow_a_change(keys, files):
    made = keys(keeps=True).ensure()
    assert keys(keeps=True).get() == made
    new = keys(keeps=True).regenerate("secondary")
    assert keys(keeps=True).get().secondary == new
    assert keys(keeps=True).get().primary == made.primary
    assert files("faq-web-service-plain-keys").keys() == {"primary", "secondary"}


def test_keys_that_are_kept_from_now_on_are_shown_once_they_are_made(keys):
    keys().ensure()
    with pytest.raises(StartupError, match="Only hashes"):
        keys(keeps=True).get()
    new = keys(keeps=True).regenerate("primary")
    pair = keys(keeps=True).get()
    assert (pair.primary, pair.secondary) == (new, None)


def test_other_clients_of_the_secret_stay(keys, files):
    other = keys(client="other").ensure()
    keys().ensure()
    keys().regenerate("primary")
    assert owner(files(), other.primary) == "other"


def test_two_who_change_keys_at_the_same_time_lose_nothing(keys, api, files, monkeypatch):
    keys().ensure()
    real, others = api.replace, []

    def replace(content):
        if not others:
            others.append(None)
            others[0] = keys(client="other").ensure()
        return real(content)

    monkeypatch.setattr(api, "replace", replace)
    new = keys().regenerate("primary")
    assert owner(files(), new) == "web-service"
    assert owner(files(), others[0].primary) == "other"


def test_who_never_gets_a_word_in_is_told(keys, api, server, monkeypatch):
    keys().ensure()
    server.refusals["PUT", "/api/v1/namespaces/ns/secrets/faq-keys"] = (409, "modified")
    with pytest.raises(StartupError, match="Others change the Secret faq-keys"):
        keys().regenerate("primary")


def test_a_client_that_is_not_there_has_no_key_to_replace(keys):
    with pytest.raises(StartupError, match="There is no client web-service"):
        keys().regenerate("primary")


def test_pods_are_touched_so_that_they_look_at_once(keys, server, ray_cluster, pod):
    server.add(ray_cluster)
    server.add(pod(ready=True))
    keys().ensure()
    [touched] = server.of("Pod")
    assert CHANGED in touched["metadata"]["annotations"]


def test_a_secret_that_a_vault_makes_is_left_to_it(keys, server):
    labels = {"secrets-store.csi.k8s.io/managed": "true"}
    metadata = {"name": "faq-keys", "namespace": "ns", "labels": labels}
    server.add({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    with pytest.raises(StartupError, match="comes from a key vault"):
        keys().ensure()


def test_keys_are_forgotten_when_asked_to(keys, server):
    keys(keeps=True).ensure()
    keys(keeps=True).forget()
    assert server.of("Secret") == []
