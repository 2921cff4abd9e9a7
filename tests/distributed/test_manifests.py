"""What a cluster is made from: commands that there are, and no door that is open."""

import shlex
from pathlib import Path

import yaml

from stream._version import __version__
from stream.cli import cli

DOCKER = Path(__file__).resolve().parents[2] / "docker"
CONSTRAINTS = (DOCKER.parent / "constraints.txt").read_text(encoding="utf-8").split()
RAY = next(line.partition("==")[2] for line in CONSTRAINTS if line.startswith("ray=="))


def commands_in_comments(path):
    """The words of every 'drifthomer' command that the comments of a file advise."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and " drifthomer " in line:
            yield shlex.split(line.partition(" drifthomer ")[2])


def test_advised_commands_can_be_typed():
    """An option that was renamed, or never was."""
    advised = [
        words
        for path in (DOCKER / "ray.yaml", DOCKER / "kubernetes/raycluster.yaml")
        for words in commands_in_comments(path)
    ]
    assert len(advised) == 2
    for name, *words in advised:
        known = {option for each in cli.commands[name].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_machines_that_are_reached_over_ssh():
    """A cluster whose workers do not find the head, or that lets anyone in."""
    cluster = yaml.safe_load((DOCKER / "ray.yaml").read_text(encoding="utf-8"))
    assert cluster["max_workers"] == len(cluster["provider"]["worker_ips"])
    starts = [cluster["head_start_ray_commands"][-1], cluster["worker_start_ray_commands"][-1]]
    assert all(each.startswith("RAY_AUTH_MODE=token ray start ") for each in starts)
    assert "--include-dashboard=false" in starts[0]
    assert "--address=$RAY_HEAD_IP:6379" in starts[1]
    assert f"drifthomer[ray]=={__version__}" in cluster["setup_commands"][0]


def test_kubernetes():
    """Another Ray in the manifest than the one that is tested, a head that runs clusters, or pods
    with other images."""
    text = (DOCKER / "kubernetes/raycluster.yaml").read_text(encoding="utf-8")
    claim, cluster = yaml.safe_load_all(text)
    spec = cluster["spec"]
    assert (cluster["kind"], spec["rayVersion"]) == ("RayCluster", RAY)
    assert f"ray=={RAY}" in text
    assert spec["authOptions"]["mode"] == "token"
    head = spec["headGroupSpec"]
    assert head["rayStartParams"] == {"num-cpus": "0", "include-dashboard": "false"}
    volumes = {each["name"]: each for each in head["template"]["spec"]["volumes"]}
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    groups = [head, *spec["workerGroupSpecs"]]
    images = {group["template"]["spec"]["containers"][0]["image"] for group in groups}
    assert images == {f"drifthomer:{__version__}-ray"}
