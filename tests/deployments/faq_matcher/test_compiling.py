import os
import subprocess
import sys
import textwrap

import pytest
from numba.core import config

from deployments.faq_matcher import compiling


@pytest.fixture(autouse=True)
def numba_cache(monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", config.CACHE_DIR)


def test_compiled_code_is_kept_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    assert compiling._is_kept()
    assert str(tmp_path / "cache" / "numba") == config.CACHE_DIR
    assert (tmp_path / "cache" / "numba").is_dir()


def test_without_a_cache_nothing_is_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "file"))
    assert not compiling._is_kept()


@pytest.mark.parametrize("cache", ["cache", "file"])
def test_functions_compile_with_a_cache_and_without(tmp_path, cache):
    (tmp_path / "file").write_text("")
    (tmp_path / "sums.py").write_text(
        textwrap.dedent("""
            from deployments.faq_matcher.compiling import compiled

            @compiled
            def add(first, second):
                return first + second

            assert add(2, 3) == 5
            assert add.signatures
        """)
    )
    environment = {**os.environ, "SCORING_CACHE": str(tmp_path / cache)}
    subprocess.run([sys.executable, tmp_path / "sums.py"], check=True, timeout=120, env=environment)
    assert bool(list(tmp_path.glob("cache/numba/*/*.nbc"))) == (cache == "cache")
