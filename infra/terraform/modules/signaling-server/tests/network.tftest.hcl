# Who may reach what.

mock_provider "aws" {
  source = "../../mocks/aws"
}

variables {
  environment         = "test"
  docker_image        = "ghcr.io/example/heliograph:0.1.0"
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-a", "subnet-b"]
  allowed_cidr_blocks = ["203.0.113.0/24", "2001:db8::/32"]
  create_user_pool    = true
  ami_id              = "ami-00000000000000001"
}

run "the_operating_system_is_the_one_asked_for" {
  assert {
    condition     = aws_instance.this.ami == "ami-00000000000000001"
    error_message = "Not the newest, but the one that is named"
  }
}

run "both_ports_and_no_more" {
  assert {
    condition = toset(keys(aws_vpc_security_group_ingress_rule.instance)) == toset([
      "8001 from 203.0.113.0/24", "8080 from 203.0.113.0/24", "8001 from 2001:db8::/32", "8080 from 2001:db8::/32",
    ])
    error_message = "The two ports, for those who are allowed"
  }

  assert {
    condition = alltrue([for rule in aws_vpc_security_group_ingress_rule.instance :
    rule.from_port == rule.to_port && (rule.cidr_ipv4 == null) != (rule.cidr_ipv6 == null)])
    error_message = "Each rule opens one port to one block"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443
    error_message = "Outwards only HTTPS"
  }
}

run "nobody_unless_named" {
  variables {
    allowed_cidr_blocks = []
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.instance) == 0
    error_message = "An empty list opens nothing"
  }
}

run "one_port_for_everything" {
  variables {
    websocket_port      = 8001
    allowed_cidr_blocks = ["203.0.113.0/24"]
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.instance) == ["8001 from 203.0.113.0/24"]
    error_message = "The same port twice is one rule"
  }
}

run "no_ssh_without_a_key" {
  variables {
    admin_cidr_blocks = ["203.0.113.7/32"]
  }

  assert {
    condition     = !anytrue([for rule in aws_vpc_security_group_ingress_rule.instance : rule.from_port == 22])
    error_message = "Addresses alone do not open SSH"
  }
}

run "no_ssh_without_an_address" {
  variables {
    key_name = "ops"
  }

  assert {
    condition     = !anytrue([for rule in aws_vpc_security_group_ingress_rule.instance : rule.from_port == 22])
    error_message = "A key alone does not open SSH"
  }
}

run "ssh_with_both" {
  variables {
    key_name          = "ops"
    admin_cidr_blocks = ["203.0.113.7/32"]
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.instance["22 from 203.0.113.7/32"].cidr_ipv4 == "203.0.113.7/32" && aws_instance.this.key_name == "ops"
    error_message = "SSH for that address, with that key"
  }
}
