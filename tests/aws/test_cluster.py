"""The production environment as a cluster, applied for real on an emulated AWS."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from .client import client
from .terraform import Terraform

pytestmark = pytest.mark.timeout(600)

PASSWORD: Final = "OpenSesameOpenSesame"
DOMAIN: Final = "signal.example.org"

NODES: Final = "module.signaling_cluster"
FORGOTTEN: Final = {
    f"{NODES}.aws_elasticache_replication_group.this",  # its subnets, security groups, replicas, encryption, password
    f"{NODES}.aws_cloudwatch_metric_alarm.this",  # follow from the group, which would be made anew
    f"{NODES}.aws_launch_template.this",  # likewise; and it is said to have tags that nobody gave it
    f"{NODES}.aws_autoscaling_group.this",  # likewise; and its time to warm up
    f"{NODES}.aws_autoscaling_policy.connections",  # whether it is in force
    f"{NODES}.aws_autoscaling_policy.processors",
    f"{NODES}.aws_vpc_security_group_egress_rule.bus",  # the descriptions of rules between two groups
    f"{NODES}.aws_vpc_security_group_ingress_rule.bus",
    f"{NODES}.module.load_balancer.aws_vpc_security_group_egress_rule.load_balancer",
    f"{NODES}.module.load_balancer.aws_vpc_security_group_ingress_rule.target",
}
"""What moto takes and does not say again when it is asked. The module's own tests look at what is asked for."""


@pytest.fixture(scope="module")
def cluster(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """Three nodes and what belongs to them, applied; destroyed in the end."""
    certificate = client("acm", aws).request_certificate(DomainName=DOMAIN)["CertificateArn"]
    for name, value in {"/heliograph/bus": PASSWORD, "/heliograph/key": "-----KEY-----"}.items():
        client("ssm", aws).put_parameter(Name=name, Value=value, Type="SecureString")
    for number in (1, 2):  # moto makes a replication group, and not the members that AWS makes with it
        client("elasticache", aws).create_cache_cluster(
            CacheClusterId=f"heliograph-production-00{number}",
            Engine="valkey",
            EngineVersion="8.0.1",
            CacheNodeType="cache.t4g.small",
        )
    variables = {
        "aws_region": aws["AWS_DEFAULT_REGION"],
        "docker_image": "heliograph-server:test",
        "domain_name": DOMAIN,
        "certificate_arn": certificate,
        "allowed_cidr_blocks": ["127.0.0.0/8"],
        "signing_key_parameter": "/heliograph/key",
        "deletion_protection": False,
        "cluster": {"bus_auth_parameter": "/heliograph/bus", "min_nodes": 3, "wait_for_capacity_timeout": "0"},
    }
    terraform = Terraform("production", tmp_path_factory.mktemp("cluster") / "terraform", variables, aws)
    terraform.init()
    terraform.apply()
    try:
        yield terraform
    finally:
        for kind in ("replication", "subnet"):  # moto never gets rid of them, and Terraform would wait for that
            terraform.forget(f"{NODES}[0].aws_elasticache_{kind}_group.this")
        terraform.destroy()
    assert terraform.resources() == []


def test_once_applied_there_is_nothing_left_to_do(cluster: Terraform) -> None:
    assert cluster.resources() != []
    assert cluster.left_to_do() <= FORGOTTEN


def test_three_nodes_for_two_zones_stand_behind_the_load_balancer(cluster: Terraform, aws: dict[str, str]) -> None:
    outputs = cluster.outputs()
    [group] = client("autoscaling", aws).describe_auto_scaling_groups(
        AutoScalingGroupNames=[outputs["autoscaling_group_name"]]
    )["AutoScalingGroups"]
    assert len(group["Instances"]) == 3  # all in one zone: moto does not spread them
    subnets = client("ec2", aws).describe_subnets(SubnetIds=group["VPCZoneIdentifier"].split(","))["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) >= 2
    assert group["HealthCheckType"] == "ELB"
    balancer = client("elbv2", aws)
    [target_group] = group["TargetGroupARNs"]
    health = balancer.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    assert {target["Target"]["Id"] for target in health} == {node["InstanceId"] for node in group["Instances"]}
    [described] = balancer.describe_target_groups(TargetGroupArns=[target_group])["TargetGroups"]
    assert described["HealthCheckPath"] == "/ready"


def test_a_node_is_told_where_the_bus_is_and_not_its_password(cluster: Terraform, aws: dict[str, str]) -> None:
    said = user_data(aws)
    assert cluster.outputs()["bus_address"] in said
    assert PASSWORD not in said
    files = {file["path"]: file["content"] for file in json.loads(said.partition("\n")[2])["write_files"]}
    settings = dict(line.split("=", 1) for line in files["/etc/heliograph/server.env"].splitlines())
    assert settings == cluster.outputs()["server_environment"]


def user_data(aws: dict[str, str]) -> str:
    """Of the newest launch template."""
    computers = client("ec2", aws)
    [template] = computers.describe_launch_templates()["LaunchTemplates"]
    [version] = computers.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    data: dict[str, Any] = version["LaunchTemplateData"]
    return base64.b64decode(data["UserData"]).decode()
