"""The scripts and units of the instance."""

import re
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from .machine import Machine, rendered

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "infra/docker/Dockerfile"

PLAIN: Final = {
    "image": "ghcr.io/example/heliograph:1",
    "registry": "",
    "registry_region": "",
    "region": "eu-central-1",
    "http_port": 8001,
    "log_group": "/heliograph/heliograph-test",
    "turn_secret_parameter": "",
    "signing_key_parameter": "",
    "bus_auth_parameter": "",
    "bus_address": "",
    "stop_timeout": 10,
    "metric_namespace": "",
    "deployment": "heliograph-test",
    "caddy_image": "caddy:2",
    "domain_name": "signal.example.org",
    "acme_email": "",
}
FULL: Final = {
    **PLAIN,
    "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/heliograph:1",
    "registry": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
    "registry_region": "us-east-1",
    "turn_secret_parameter": "/heliograph/turn",
    "signing_key_parameter": "/heliograph/key",
    "bus_auth_parameter": "/heliograph/valkey",
    "bus_address": "bus.example.org:6379",
    "stop_timeout": 40,
    "metric_namespace": "Heliograph",
    "acme_email": "ops@example.org",
}

LIVES_FOR_ROUNDS = 'echo >>"$0.rounds"; [ "$(wc -l <"$0.rounds")" -le {} ]'
SECRETS = """case "$*" in
  *heliograph/key*) echo '-----KEY-----';;
  *heliograph/valkey*) echo Open-Sesame;;
  *ssm*) echo "turn secret $1";;
  *) echo password;;
esac"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What a plain instance has, and one with everything."""
    place = tmp_path_factory.mktemp("rendered")
    data = {"data": str(place / "data")}
    return {"plain": rendered(place / "plain", {**PLAIN, **data}), "full": rendered(place / "full", {**FULL, **data})}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """An instance on which everything goes well. Data belongs to whoever runs the test: `chown` only notes."""
    machine = Machine(tmp_path / "machine")
    machine.has("aws", SECRETS)
    machine.has("chown")
    machine.has("dnf")
    machine.has("docker")
    machine.has("install", 'mkdir -p "${@: -1}"')
    machine.has("systemctl")
    return machine


@pytest.mark.parametrize("kind", ["plain", "full"])
def test_every_script_is_one(files: dict[str, dict[str, str]], kind: str, tmp_path: Path) -> None:
    scripts = {name: text for name, text in files[kind].items() if name.endswith(".sh")}
    assert len(scripts) == 3
    for name, text in scripts.items():
        (tmp_path / name).write_text(text, "utf-8")
        subprocess.run(["bash", "-n", tmp_path / name], check=True)
        assert "${" not in text.replace("${@", "")


def test_the_first_boot_tries_until_there_is_a_network(files: dict[str, dict[str, str]], machine: Machine) -> None:
    machine.has("dnf", LIVES_FOR_ROUNDS.replace("-le", "-gt").format(2))
    machine.has("sleep")
    done = machine.run(files["plain"]["heliograph-install.sh"], "heliograph", "heliograph-health")
    assert done.returncode == 0
    assert len(machine.calls("dnf install")) == 3
    assert machine.calls("systemctl") == [
        "systemctl daemon-reload",
        "systemctl enable --now docker.service",
        "systemctl enable --now --no-block heliograph.service",
        "systemctl enable --now --no-block heliograph-health.service",
    ]


def test_a_public_image_is_fetched_without_a_login(files: dict[str, dict[str, str]], machine: Machine) -> None:
    machine.has("docker", '[ "$1" != image ]')
    assert machine.run(files["plain"]["heliograph-prepare.sh"]).returncode == 0
    assert machine.calls("docker") == [
        "docker image inspect ghcr.io/example/heliograph:1",
        "docker pull --quiet ghcr.io/example/heliograph:1",
    ]
    assert machine.calls("aws") == []
    assert (machine.place / "secrets.env").read_text() == ""


def test_an_image_that_is_there_is_not_fetched_again(files: dict[str, dict[str, str]], machine: Machine) -> None:
    assert machine.run(files["full"]["heliograph-prepare.sh"]).returncode == 0
    assert machine.calls("docker") == [f"docker image inspect {FULL['image']}"]
    assert machine.calls("aws ecr") == []


def test_a_login_to_ecr_leaves_nothing_behind(files: dict[str, dict[str, str]], machine: Machine) -> None:
    machine.has("docker", f'[ "$1" != image ] && {{ cat; echo "$DOCKER_CONFIG"; }} >>{machine.place}/login')
    assert machine.run(files["full"]["heliograph-prepare.sh"]).returncode == 0
    assert machine.calls("aws ecr") == ["aws ecr get-login-password --region us-east-1"]
    password, config = (machine.place / "login").read_text().splitlines()[:2]
    assert password == "password"
    assert not Path(config).exists()


def test_secrets_come_from_parameters_and_are_for_root_alone(
    files: dict[str, dict[str, str]], machine: Machine
) -> None:
    assert machine.run(files["full"]["heliograph-prepare.sh"]).returncode == 0
    secrets = machine.place / "secrets.env"
    assert secrets.read_text().splitlines() == [
        "HELIOGRAPH_TURN_SECRET=turn secret ssm",
        "HELIOGRAPH_CLUSTER_URL=rediss://:Open-Sesame@bus.example.org:6379",
    ]
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    data = Path(machine.calls("install")[0].split()[-1])
    key = data / "identity-key.pem"
    assert key.read_text() == "-----KEY-----\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["identity-key.pem"]
    assert [call.split()[1] for call in machine.calls("chown")] == ["10001:10001"]


def test_without_its_secrets_the_server_does_not_start(files: dict[str, dict[str, str]], machine: Machine) -> None:
    machine.has("aws", "exit 1")
    assert machine.run(files["full"]["heliograph-prepare.sh"]).returncode != 0


def health(files: dict[str, dict[str, str]], machine: Machine, kind: str, rounds: int, **programs: str) -> None:
    machine.has("sleep", LIVES_FOR_ROUNDS.format(rounds))
    for name, does in programs.items():
        machine.has(name, does)
    machine.run(files[kind]["heliograph-health.sh"])
    assert len([call for call in machine.calls("curl") if call.endswith("/health")]) == rounds


def test_a_healthy_server_is_left_alone(files: dict[str, dict[str, str]], machine: Machine) -> None:
    health(files, machine, "plain", 9, curl="")
    assert machine.calls("curl")[0].endswith(" http://127.0.0.1:8001/health")
    assert machine.calls("systemctl") == []
    assert machine.calls("aws") == []


def test_a_server_that_does_not_answer_is_restarted(files: dict[str, dict[str, str]], machine: Machine) -> None:
    health(files, machine, "plain", 7, curl="exit 22")
    answers = [call for call in machine.journal if call.startswith(("curl", "systemctl restart"))]
    assert [call.split()[0] for call in answers] == [*["curl"] * 3, "systemctl", *["curl"] * 3, "systemctl", "curl"]
    assert machine.calls("systemctl restart")[0] == "systemctl restart heliograph.service"


def test_one_answer_in_three_is_enough(files: dict[str, dict[str, str]], machine: Machine) -> None:
    every_third = 'echo >>"$0.asked"; [ $(($(wc -l <"$0.asked") % 3)) = 0 ]'
    health(files, machine, "plain", 12, curl=every_third)
    assert machine.calls("systemctl restart") == []


def test_a_server_that_is_still_being_fetched_is_not_restarted(
    files: dict[str, dict[str, str]], machine: Machine
) -> None:
    health(files, machine, "plain", 12, curl="exit 7", systemctl='[ "$1" != is-active ]')
    assert machine.calls("systemctl restart") == []


@pytest.mark.parametrize(("curl", "value"), [("", 1), ("exit 7", 0)])
def test_health_is_reported_each_minute(
    files: dict[str, dict[str, str]], machine: Machine, curl: str, value: int
) -> None:
    health(files, machine, "full", 12, curl=curl, aws="exit 1")
    reports = machine.calls("aws cloudwatch put-metric-data")
    assert len(reports) == 2
    assert reports[0].endswith(f"--metric-name Healthy --dimensions Deployment=heliograph-test --value {value}")


def test_a_node_that_is_being_taken_out_lets_its_server_hand_over(
    files: dict[str, dict[str, str]], machine: Machine
) -> None:
    machine.has("sleep", LIVES_FOR_ROUNDS.format(3))
    said = 'case "$*" in *PUT*) echo pass;; *"token: pass"*target-lifecycle-state) echo {};; esac'
    machine.has("curl", said.format("InService"))
    machine.run(files["full"]["heliograph-health.sh"])
    assert machine.calls("systemctl") == []
    machine.has("sleep", LIVES_FOR_ROUNDS.format(4 + 3))  # it counts on from the first run
    machine.has("curl", said.format("Terminated"))
    machine.run(files["full"]["heliograph-health.sh"])
    assert machine.calls("systemctl") == ["systemctl stop heliograph.service"] * 3


def test_the_number_of_connections_is_reported_too(files: dict[str, dict[str, str]], machine: Machine) -> None:
    metrics = 'case "$*" in */metrics) printf "heliograph_tasks 9.0\\nheliograph_connections 1234.0\\n";; esac'
    health(files, machine, "full", 7, curl=metrics)
    reports = machine.calls("aws cloudwatch put-metric-data")
    assert [report.partition("--metric-name ")[2] for report in reports] == [
        "Healthy --dimensions Deployment=heliograph-test --value 1",
        "Connections --dimensions Deployment=heliograph-test --value 1234",
    ] * 2


def test_a_server_that_hands_its_peers_over_has_the_time_for_it(files: dict[str, dict[str, str]]) -> None:
    unit = files["full"]["heliograph.service"]
    assert "docker stop --time 40 heliograph" in unit
    assert "TimeoutStopSec=50" in unit


def test_the_unit_runs_the_image_as_the_image_expects(files: dict[str, dict[str, str]]) -> None:
    unit = files["plain"]["heliograph.service"]
    dockerfile = DOCKERFILE.read_text("utf-8")
    [volume] = re.findall(r"(?m)^VOLUME (\S+)", dockerfile)
    [user] = re.findall(r"(?m)^USER (\d+:\d+)", dockerfile)
    owner, group = user.split(":")
    assert f"dst={volume} " in unit
    assert f"--owner {owner} --group {group} " in files["plain"]["heliograph-prepare.sh"]
    for option in ("--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--rm", "Restart=always"):
        assert option in unit
    assert unit.index("ExecStartPre=/usr/local/bin/heliograph-prepare") < unit.index("ExecStart=")


def test_caddy_serves_the_domain_and_hides_the_metrics(files: dict[str, dict[str, str]]) -> None:
    blocks: dict[str, Any] = {kind: re.split(r"\n(?=\S)", files[kind]["Caddyfile"].strip()) for kind in files}
    assert blocks["plain"][-2].strip().startswith("signal.example.org {")
    assert "respond /metrics 404" in blocks["plain"][-2]
    assert "reverse_proxy 127.0.0.1:8001" in blocks["plain"][-2]
    assert "email ops@example.org" in blocks["full"][0]
    assert "email" not in blocks["plain"][0]
