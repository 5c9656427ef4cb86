"""Machines, their prices, and what Kubernetes leaves of them."""

import re
from pathlib import Path

import pytest

from cluster.azure.presets import PRESETS
from loadtest.errors import BenchmarkError
from loadtest.sizing.node_types import read_node_types, reserved_cores, reserved_gib

REPOSITORY = Path(__file__).parents[3]
TYPES = read_node_types(None)


def test_the_page_quotes_the_prices_of_the_file():
    page = (REPOSITORY / "docs" / "aks.md").read_text(encoding="utf-8")
    short = {"D2ds_v5": "Standard_D2ds_v5", "D4ds_v5": "Standard_D4ds_v5", "D8ds_v5": "Standard_D8ds_v5",
             "T4": "Standard_NC4as_T4_v3", "A100": "Standard_NC24ads_A100_v4"}  # fmt: skip
    quoted = re.findall(r"\b(D\dds_v5|T4|A100) (\d+\.\d+)/h", page)
    assert {short[name] for name, _ in quoted} == {each.name for each in TYPES.types}
    for name, price in quoted:
        assert TYPES.named(short[name]).price_per_hour == float(price), name
    assert TYPES.region in page
    assert TYPES.as_of in page


def test_every_machine_of_a_preset_has_a_price():
    for preset in PRESETS.values():
        for pool in preset["pools"].values():
            TYPES.named(pool["vm_size"])


def test_kubernetes_keeps_what_azure_publishes():
    assert [reserved_cores(cores) for cores in (1, 2, 8, 64)] == [0.06, 0.1, 0.18, 0.74]
    assert 0.18 < reserved_cores(12) < 0.26
    assert reserved_cores(96) > 0.74
    # 8 GB and 30 pods: 650 MB, and 100 MiB before pods are evicted; 4 GB and 70 pods: a quarter.
    assert reserved_gib(8, 30) == pytest.approx(650e6 / 1024**3 + 100 / 1024)
    assert reserved_gib(4, 70) == pytest.approx(1 + 100 / 1024)


@pytest.mark.parametrize("node", TYPES.types, ids=lambda node: node.name)
def test_a_node_has_less_room_than_its_size(node):
    room = TYPES.room(node)
    assert 0 < room.cpu < node.cores
    assert 0 < room.memory_gib < node.memory_gib
    assert room.gpus == node.gpus


def test_an_unknown_machine_and_a_wrong_file_are_said(tmp_path):
    with pytest.raises(BenchmarkError, match="no node type Large; there are Standard_D2ds_v5, "):
        TYPES.named("Large")
    own = tmp_path / "own.yaml"
    own.write_text("region: here\n", encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"own\.yaml is not valid: provider: Field required"):
        read_node_types(own)
    own.write_text("{", encoding="utf-8")
    with pytest.raises(BenchmarkError, match="is no YAML"):
        read_node_types(own)
