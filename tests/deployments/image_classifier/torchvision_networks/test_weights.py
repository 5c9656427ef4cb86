import dataclasses
import hashlib
import socket
import threading
import time

import pytest

from deployments.errors import StartupError
from deployments.image_classifier import sources
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.torchvision_networks import architectures
from deployments.image_classifier.torchvision_networks.weights import WeightsMissing, fetch_weights, find_weights

CONTENT = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def configured(uri, **options):
    return ImageClassifierSettings(weights_uri=uri, **options)


@pytest.fixture
def published(server, monkeypatch):
    """Let torchvision's download come from loopback, under a name that holds a digest; returns settings."""
    original = architectures.pretrained

    def replace(digest=DIGEST[:8], **options):
        url = server.url(f"/models/squeezenet1_1-{digest}.pth")
        monkeypatch.setattr(architectures, "pretrained", lambda *names: dataclasses.replace(original(*names), url=url))
        server.files[f"/models/squeezenet1_1-{digest}.pth"] = CONTENT
        return ImageClassifierSettings(architecture="squeezenet1_1", weights="DEFAULT", **options)

    return replace


def files_in(directory):
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_local_file_stays_where_it_is(tmp_path, cache):
    path = tmp_path / "my weights.pth"
    path.write_bytes(CONTENT)
    assert fetch_weights(configured(str(path))) == path
    assert fetch_weights(configured(path.as_uri())) == path
    assert find_weights(configured(str(path))).sha256 == DIGEST
    assert not cache.exists()


def test_a_local_file_must_have_the_digest(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(CONTENT)
    assert fetch_weights(configured(str(path), weights_sha256=DIGEST.upper())) == path
    with pytest.raises(StartupError, match=r"^The weights file w\.pth has another SHA-256 than weights_sha256 says"):
        fetch_weights(configured(str(path), weights_sha256="0" * 64))


def test_a_missing_local_file_is_named_without_its_directory(tmp_path):
    with pytest.raises(StartupError, match=r"^The weights file w\.pth cannot be had: there is no such file") as caught:
        fetch_weights(configured(str(tmp_path / "w.pth")))
    assert str(tmp_path) not in str(caught.value)


def test_a_uri_is_fetched_once(server, cache):
    server.files["/w.pth"] = CONTENT
    seen = []
    settings = configured(server.url("/w.pth"))
    path = fetch_weights(settings, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(cache)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert fetch_weights(settings) == path
    assert server.asked == ["/w.pth"]


def test_files_of_the_same_name_do_not_mix(server):
    server.files |= {"/a/w.pth": b"a", "/b/w.pth": b"b"}
    assert fetch_weights(configured(server.url("/a/w.pth"))).read_bytes() == b"a"
    assert fetch_weights(configured(server.url("/b/w.pth"))).read_bytes() == b"b"


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache):
    server.files["/w.pth"] = CONTENT
    path = fetch_weights(configured(server.url("/w.pth")))
    path.write_bytes(CONTENT[:-1])
    assert fetch_weights(configured(server.url("/w.pth"))).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_another_digest_asks_again(server):
    server.files["/w.pth"] = b"old"
    fetch_weights(configured(server.url("/w.pth")))
    server.files["/w.pth"] = CONTENT
    settings = configured(server.url("/w.pth"), weights_sha256=DIGEST)
    assert fetch_weights(settings).read_bytes() == CONTENT


def test_a_uri_with_another_digest_is_refused(server, cache):
    server.files["/w.pth"] = CONTENT
    with pytest.raises(StartupError, match="another SHA-256 than weights_sha256"):
        fetch_weights(configured(server.url("/w.pth"), weights_sha256="0" * 64))
    assert files_in(cache) == []


def test_a_transfer_that_breaks_off_leaves_nothing(server, cache):
    server.files["/w.pth"] = CONTENT
    server.cut = 1_500_000
    with pytest.raises(StartupError, match=r"w\.pth cannot be had: the transfer from 127\.0\.0\.1 broke off"):
        fetch_weights(configured(server.url("/w.pth")))
    assert files_in(cache) == []


def test_neither_query_nor_password_is_shown(server):
    uri = server.url("/none.pth?sig=secret").replace("http://", "http://user:hidden@")
    with pytest.raises(StartupError, match=r"none\.pth cannot be had: 127\.0\.0\.1 answers 404") as caught:
        fetch_weights(configured(uri))
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_an_unreachable_host_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(StartupError, match=r"there is no connection to 127\.0\.0\.1"):
            fetch_weights(configured(f"http://127.0.0.1:{port}/w.pth"))


def test_a_host_that_keeps_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(sources, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(StartupError, match=r"127\.0\.0\.1 does not answer in time"):
            fetch_weights(configured(f"http://127.0.0.1:{silent.getsockname()[1]}/w.pth"))
        assert time.monotonic() - started < 2


def test_any_file_system_of_fsspec_will_do():
    import fsspec

    with fsspec.open("memory://models/w.pth", "wb") as file:
        file.write(CONTENT)
    assert fetch_weights(configured("memory://models/w.pth")).read_bytes() == CONTENT
    with pytest.raises(StartupError, match="there is no such file"):
        fetch_weights(configured("memory://models/other.pth"))


def test_an_unknown_protocol_is_refused():
    with pytest.raises(StartupError, match=r"w\.pth cannot be had"):
        fetch_weights(configured("nothing://models/w.pth"))


def test_a_cache_that_cannot_be_written_is_said(server, tmp_path, monkeypatch):
    server.files["/w.pth"] = CONTENT
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "file"))
    with pytest.raises(StartupError, match=r"cache of weights cannot be used .* SCORING_CACHE"):
        fetch_weights(configured(server.url("/w.pth")))


def test_threads_may_fetch_at_the_same_time(server, cache):
    server.files["/w.pth"] = CONTENT
    paths = []
    settings = configured(server.url("/w.pth"))
    threads = [threading.Thread(target=lambda: paths.append(fetch_weights(settings))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 6
    assert files_in(cache) == [paths[0]]
    assert paths[0].read_bytes() == CONTENT


def test_torchvisions_download_is_checked_and_kept(server, published):
    settings = published()
    path = fetch_weights(settings)
    assert path.read_bytes() == CONTENT
    assert fetch_weights(settings) == path
    assert fetch_weights(published(download=False)) == path
    assert len(server.asked) == 1


def test_torchvisions_download_with_another_digest_is_missing(published, cache):
    settings = published("00000000")
    assert fetch_weights(settings) is None
    with pytest.raises(WeightsMissing, match=r"squeezenet1_1-00000000\.pth has another SHA-256 than expected"):
        find_weights(settings)
    assert files_in(cache) == []


def test_a_configured_digest_takes_the_place_of_the_one_in_the_name(published):
    assert fetch_weights(published("00000000", weights_sha256=DIGEST)).read_bytes() == CONTENT
    assert fetch_weights(published(weights_sha256="1" * 64)) is None


def test_torchvisions_download_may_be_unreachable(server, published):
    settings = published()
    server.files.clear()
    with pytest.raises(WeightsMissing, match=r"^127\.0\.0\.1 answers 404$"):
        find_weights(settings)


def test_nothing_is_downloaded_if_that_is_off(server, published):
    with pytest.raises(WeightsMissing, match="download is off"):
        find_weights(published(download=False))
    assert server.asked == []


def test_every_name_of_torchvisions_files_holds_a_digest():
    from torchvision import models

    from deployments.image_classifier.torchvision_networks.weights import _digest_in

    names = models.list_models(module=models)
    urls = [entry.url for name in names for entry in models.get_model_weights(name)]
    assert len(urls) > 80
    assert all(len(_digest_in(url)) >= 8 for url in urls)


def test_configured_weights_need_no_torch(run_python, tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(CONTENT)
    code = f"""
        import sys
        from deployments.image_classifier.settings import ImageClassifierSettings
        from deployments.image_classifier.torchvision_networks.weights import fetch_weights
        fetch_weights(ImageClassifierSettings(weights_uri={str(path)!r}))
        print({{"torch", "torchvision", "ray"}} & set(sys.modules))
    """
    assert run_python(code).stdout == "set()\n"
