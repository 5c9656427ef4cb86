import pytest

from cluster.images import pip_settings as module
from cluster.images.pip_settings import pip_settings
from deployments.errors import StartupError


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MACHINE", tmp_path / "none")
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / "none")


def settings(tmp_path, text="", **environment):
    config = tmp_path / "pip.conf"
    config.write_text(text)
    return pip_settings({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(config), **environment})


def test_what_says_where_the_index_is_goes_along(tmp_path):
    text = "[global]\nindex-url = https://a.example/simple\nfind-links = wheels\n[install]\ntrusted_host = a.example\n"
    told = settings(tmp_path, text)

    assert "index-url = https://a.example/simple" in told.config
    assert "trusted-host = a.example" in told.config
    assert "wheels" not in told.config


def test_a_variable_wins_over_a_file(tmp_path):
    told = settings(tmp_path, "[global]\nindex-url = https://a.example\n", PIP_INDEX_URL="https://b.example/50%")

    assert "https://b.example/50%" in told.config
    assert "a.example" not in told.config


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_the_index_of_uv_is_understood(tmp_path, name):
    assert "index-url = https://c.example" in settings(tmp_path, **{name: "https://c.example"}).config


def test_certificates_go_as_a_file(tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("x")
    told = settings(tmp_path, SSL_CERT_FILE=str(bundle))

    assert told.bundle == bundle
    assert str(bundle) not in told.config


def test_certificates_that_are_not_there_are_left_out(tmp_path):
    told = settings(tmp_path, SSL_CERT_FILE=str(tmp_path / "none.pem"))

    assert told.bundle is None
    assert "cert" not in told.config


def test_a_file_that_is_none_of_pips_is_named(tmp_path):
    with pytest.raises(StartupError, match=r"pip\.conf is not a configuration file"):
        settings(tmp_path, "index-url = https://a.example\n")
