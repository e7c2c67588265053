"""Networks of installed packages, and one-line errors."""

import sys

import numpy as np
import pytest
import torch
from spheres import QUICK, train_on

from sections import changed
from ssn3d.cli.main import main
from ssn3d.core.errors import ConfigError
from ssn3d.report.settings import RowSettings
from ssn3d.segmentation.networks.registry import NETWORKS, architecture, build_network, capacity

CODE = """
from torch import nn

def linear(dropout):
    return nn.Sequential(nn.Dropout(dropout), nn.Conv3d(1, 2, 1))

linear.block = 1

def coarse(dropout):
    return nn.Sequential(nn.Conv3d(1, 2, 4, stride=4), nn.Upsample(scale_factor=4))

coarse.block = 4

def fails(dropout):
    raise RuntimeError("no\\nluck")

def nothing(dropout):
    return None

number = 3
"""
BROKEN = {
    "Absent": "absent:linear",
    "Fails": "{module}:fails",
    "Nothing": "{module}:nothing",
    "Number": "{module}:number",
    "UNet": "{module}:linear",
    "no/name": "{module}:linear",
}


@pytest.fixture(name="install")
def give_install(tmp_path, monkeypatch):
    """Install a package of networks as pip does: its module, and a folder of facts beside it."""

    def install(package, networks):
        site, module = tmp_path / package, package.replace("-", "_")
        facts = site / f"{module}-1.2.dist-info"
        facts.mkdir(parents=True)
        (site / f"{module}.py").write_text(CODE)
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = [f"{name} = {value.format(module=module)}" for name, value in networks.items()]
        (facts / "entry_points.txt").write_text("\n".join(["[ssn3d.networks]", *lines, ""]))
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def build(name):
    return build_network(name, 0.5, torch.Generator().manual_seed(0))


def test_network_of_a_package_trains(install, tiny_spheres, capsys):
    install("my-networks", {"Linear": "{module}:linear", "Coarse": "{module}:coarse"})
    assert "my_networks" not in sys.modules
    assert RowSettings(method="Linear", dataset="A").method == "Linear"
    assert "my_networks" not in sys.modules  # names alone import nothing
    assert capacity(build("Linear")) == 4
    assert [architecture(name).block for name in ("Linear", "Coarse", "SSN3D-v1")] == [1, 4, 8]
    trained = train_on(tiny_spheres, changed(QUICK, epochs=2), "Linear")
    first, last = trained.history["train_loss"]
    assert last < first
    main(["networks"])
    printed = capsys.readouterr().out
    assert "Linear              4  my-networks 1.2" in printed
    assert "SSN3D-ED      895,746\n" in printed


def test_broken_networks(install, capsys):
    install("broken", {"Linear": "{module}:linear", **BROKEN})
    install("other", {"Twice": "{module}:linear"})
    install("another", {"Twice": "{module}:linear"})
    main(["networks"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(NETWORKS) + 1 + len(BROKEN) + 2
    said = {line.split()[0]: line for line in lines if " network: " in line}
    assert {*said} == {*BROKEN, "Twice"}
    assert "'Absent' of broken 1.2 cannot be built (ModuleNotFoundError: No mod" in said["Absent"]
    assert "(RuntimeError: no luck); correct or remove it" in said["Fails"]
    assert "'Nothing' is built as None, not as a torch.nn.Module" in said["Nothing"]
    assert "broken:number is not a function" in said["Number"]
    assert "'UNet' of broken 1.2 has a name of ssn3d's; rename" in said["UNet"]
    assert "must consist of letters, digits and dashes; rename it" in said["no/name"]
    assert "'Twice' is in both another 1.2 and other 1.2; uninstall all but one" in said["Twice"]
    assert capacity(build("UNet")) > 1e6
    with pytest.raises(ConfigError, match=r"'Fails' of broken 1\.2 cannot be built"):
        build("Fails")
    with pytest.raises(ConfigError, match=r"'None' must be one of SSN3D-v1, .*, Linear, "):
        build("None")
    assert np.isfinite(build("Linear")(torch.zeros(1, 1, 8, 8, 8)).detach().numpy()).all()
