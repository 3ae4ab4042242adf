//! What the tests of this folder share: operations written the way a scenario writes them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use super::*;

/// A state under test, and its clock.
#[derive(Default)]
pub(super) struct Lab {
    pub aws: Aws,
    pub now: Time,
}

impl Lab {
    /// A VPC 10.0.0.0/16 with an attached gateway, a public subnet with a table of its own, and a server.
    pub fn customer() -> Self {
        let mut lab = Self::default();
        lab.ok("CreateVpc", r#"as = "customer", cidr = "10.0.0.0/16""#);
        lab.ok(
            "CreateSubnet",
            r#"as = "public", vpc = "customer", cidr = "10.0.0.0/24""#,
        );
        lab.ok("CreateInternetGateway", r#"as = "gateway""#);
        lab.ok(
            "AttachInternetGateway",
            r#"internet_gateway = "gateway", vpc = "customer""#,
        );
        lab.ok("CreateRouteTable", r#"as = "public", vpc = "customer""#);
        lab.ok(
            "AssociateRouteTable",
            r#"route_table = "public", subnet = "public""#,
        );
        lab.ok(
            "CreateRoute",
            r#"route_table = "public", destination = "0.0.0.0/0", target = "igw""#,
        );
        lab.ok("CreateSecurityGroup", r#"as = "web", vpc = "customer""#);
        lab.ok(
            "RunInstances",
            r#"as = "server", subnet = "public", private_ip = "10.0.0.254", public_ip = true, security_groups = ["web"]"#,
        );
        lab
    }

    /// The same, with a second VPC 10.1.0.0/16 and the peering `pcx`, not yet accepted.
    pub fn with_peering() -> Self {
        let mut lab = Self::customer();
        lab.ok("CreateVpc", r#"as = "other", cidr = "10.1.0.0/16""#);
        lab.ok(
            "CreateVpcPeeringConnection",
            r#"as = "pcx", vpc = "customer", peer_vpc = "other""#,
        );
        lab
    }

    pub fn run(&mut self, operation: &str, parameters: &str) -> Result<Vec<Event>, ApiError> {
        let file: toml::Table = toml::from_str(&format!("p = {{ {parameters} }}")).unwrap();
        let action = Action::read(operation, file["p"].clone())
            .unwrap_or_else(|| panic!("no operation {operation}"))
            .unwrap();
        self.aws.apply(&action, self.now)
    }

    /// Carries out what must succeed; gives what happened, line by line.
    pub fn ok(&mut self, operation: &str, parameters: &str) -> Vec<String> {
        match self.run(operation, parameters) {
            Ok(events) => events
                .into_iter()
                .map(|event| format!("{}: {}", event.resource, event.what))
                .collect(),
            Err(error) => panic!("{operation} {parameters}: {error}\n{:#?}", self.aws),
        }
    }

    /// Carries out what must be refused, and changes nothing.
    pub fn refused(&mut self, operation: &str, parameters: &str) -> ApiError {
        let before = self.aws.clone();
        match self.run(operation, parameters) {
            Ok(events) => panic!("{operation} {parameters} was not refused: {events:?}"),
            Err(error) => {
                assert_eq!(self.aws, before, "a refusal changes nothing");
                error
            }
        }
    }

    /// The code of a refusal.
    pub fn code(&mut self, operation: &str, parameters: &str) -> &'static str {
        self.refused(operation, parameters).code
    }

    /// Lets time pass.
    pub fn wait(&mut self, days: u64) -> Vec<Event> {
        self.now += Duration::from_secs(days * 24 * 60 * 60);
        self.aws.advance(self.now)
    }
}
