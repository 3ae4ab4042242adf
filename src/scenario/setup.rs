//! The clouds as the tables declare them.

use std::time::Duration;

use toml::de::DeTable;

use super::data::Entries;
use super::diagnostic::Harm;
use super::doubt::Doubts;
use super::{Diagnostic, Placed, Scenario, Span, fault};
use crate::cloud::{Action, ApiError, Cloud, Time, aws, soracom};

/// Changes that come within this time are waited for: a VPG takes about three minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// The clouds as the tables declare them, with every SIM connected that should be, and the time that
/// has passed until then.
///
/// After each action the clock goes on, change by change, until none is due within ten minutes. So a
/// VPG runs before anything uses it.
///
/// # Errors
///
/// What the services refuse, at the value that is to blame. What only follows from an earlier refusal
/// is left out.
pub fn build(scenario: &Scenario) -> Result<(Cloud, Time), Vec<Diagnostic>> {
    let built = build_what_works(scenario, Doubts::default());
    if built.errors.is_empty() {
        Ok((built.cloud, built.now))
    } else {
        Err(built.errors)
    }
}

/// The clouds, as far as they could be built.
pub(super) struct Built {
    pub cloud: Cloud,
    pub now: Time,
    pub errors: Vec<Diagnostic>,
    /// What can't be told.
    pub doubts: Doubts,
}

/// Builds as much as can be; `doubts` says what can't be told after reading.
pub(super) fn build_what_works(scenario: &Scenario, doubts: Doubts) -> Built {
    let mut built = Built {
        cloud: Cloud::default(),
        now: Time::ZERO,
        errors: Vec::new(),
        doubts,
    };
    let mut tables = Tables {
        scenario,
        read: None,
    };
    for action in &scenario.setup {
        built.carry_out(action, &mut tables);
        settle(&mut built.cloud, &mut built.now);
    }
    for sim in &scenario.connect {
        let connect = soracom::Action::Connect(soracom::Connect {
            sim: sim.value.clone(),
        });
        let action = Placed {
            value: Action::Soracom(connect),
            span: sim.span.clone(),
        };
        built.carry_out(&action, &mut tables);
    }
    built
}

impl Built {
    fn carry_out(&mut self, action: &Placed<Action>, tables: &mut Tables<'_>) {
        let Err(refusal) = self.cloud.apply(&action.value, self.now) else {
            return;
        };
        let follows = self.doubts.excuse(&refusal);
        match created(&action.value) {
            Some(name) => self.doubts.miss(name),
            // It is there, but not as its table says.
            None => {
                let table = self.doubts.table_at(action.span.start);
                if let Some(name) = table.map(|(_, name)| name.to_owned()) {
                    self.doubts.doubt(name, Harm::Unreadable);
                }
            }
        }
        if !follows {
            let span = tables.value_at_fault(&action.span, &refusal);
            let help = (refusal.code == "InvalidGatewayID.NotFound")
                .then(|| "add `internet_gateway = true` to the VPC's table".to_owned());
            self.errors
                .push(refused(span, action.value.name(), &refusal).maybe_help(help));
        }
    }
}

/// Lets time pass until no change is due within ten minutes.
fn settle(cloud: &mut Cloud, now: &mut Time) {
    while let Some(change) = cloud.next_change() {
        if change > now.saturating_add(PATIENCE) {
            return;
        }
        *now = change.max(*now);
        cloud.advance(*now);
        if cloud.next_change() == Some(change) {
            // Advancing did nothing about it; it never will.
            return;
        }
    }
}

/// The diagnostic of a refusal.
pub(super) fn refused(span: Span, operation: &str, refusal: &ApiError) -> Diagnostic {
    Diagnostic::error(span, refusal.message.clone()).note(format!(
        "{} refuses {operation} with the code {}",
        refusal.service, refusal.code
    ))
}

/// The tables of the file, read again only when something is refused: the actions keep no more than the
/// place of the table that they come from.
struct Tables<'s> {
    scenario: &'s Scenario,
    read: Option<Entries>,
}

impl Tables<'_> {
    /// The value that a refusal is about, in the table at `span`; `span` itself where none is evident.
    fn value_at_fault(&mut self, span: &Span, refusal: &ApiError) -> Span {
        let entries = self.read.get_or_insert_with(|| {
            let (table, _) = DeTable::parse_recoverable(&self.scenario.source.text);
            table.get_ref().into()
        });
        fault::table_at(entries, span)
            .and_then(|table| {
                fault::value_at_fault(&refusal.message, &fault::scalars(table, false))
            })
            .unwrap_or_else(|| span.clone())
    }
}

/// The name of what an action creates.
pub(super) fn created(action: &Action) -> Option<&str> {
    use aws::Action as Aws;
    use soracom::Action as Soracom;
    Some(match action {
        Action::Aws(action) => match action {
            Aws::CreateVpc(op) => op.name.as_str(),
            Aws::CreateSubnet(op) => op.name.as_str(),
            Aws::CreateInternetGateway(op) => op.name.as_str(),
            Aws::CreateRouteTable(op) => op.name.as_str(),
            Aws::CreateSecurityGroup(op) => op.name.as_str(),
            Aws::CreateNetworkAcl(op) => op.name.as_str(),
            Aws::RunInstances(op) => op.name.as_str(),
            Aws::AllocateAddress(op) => op.name.as_str(),
            Aws::CreateVpcPeeringConnection(op) => op.name.as_str(),
            _ => return None,
        },
        Action::Soracom(action) => match action {
            Soracom::CreateVirtualPrivateGateway(op) => op.name.as_str(),
            Soracom::CreateCanalPeering(op) => op.name.as_str(),
            Soracom::CreateTransitGatewayVpcAttachment(op) => op.name.as_str(),
            Soracom::CreateCustomerRoute(op) => op.name.as_str(),
            Soracom::CreateGroup(op) => op.name.as_str(),
            Soracom::RegisterSim(op) => op.name.as_str(),
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cloud::soracom::{SimId, VpgId};
    use crate::scenario::{StepKind, read};

    fn scenario(text: &str) -> Scenario {
        read("test.toml", text.as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn every_kind_of_table_becomes_part_of_the_clouds() {
        let scenario = scenario(include_str!("../../tests/check/everything.toml"));
        let (cloud, now) = build(&scenario).unwrap();
        let value = |path: &str| cloud.value(path).unwrap();
        assert!(now >= Duration::from_secs(180), "two VPGs took {now:?}");
        for (path, expected) in [
            ("vpg.vpg.status", "running"),
            ("vpg.gate_open", "true"),
            ("vpg.vni", "20"),
            ("vpg.privacy_separator", "true"),
            ("vpg.peer_outer_ip", "10.0.0.254"),
            ("vpg.routing_filter", "deny 203.0.113.0/24"),
            ("pcx.status", "active"),
            ("between.status", "active"),
            ("asked.status", "pending-acceptance"),
            ("sensor.online", "true"),
            ("sensor.ip", "10.128.0.10"),
            ("sensor.mtu", "1400"),
            ("sensor.dns[0]", "8.8.8.8"),
            ("spare.online", "false"),
            ("subnet.public.route_table", "public"),
            ("subnet.private.network_acl", "guard"),
            ("server.security_groups[0]", "backend"),
            ("eip.instance", "server"),
            ("customer.cidr[1]", "10.5.0.0/16"),
        ] {
            assert_eq!(value(path), expected, "{path}");
        }
        // What is given replaces the rule that lets everything out.
        assert_eq!(
            cloud
                .value("closed.egress")
                .map(|rule| rule.contains("443")),
            Ok(true)
        );
        assert_eq!(scenario.serve.len(), 3);
        assert_eq!(scenario.dns.len(), 2);
    }

    #[test]
    fn a_step_becomes_an_action_with_the_values_of_its_time() {
        let text = format!(
            "{}\n[[step]]\ndo = \"unregisterGatePeer\"\nvpg = \"vpg\"\nouter_ip = \"${{server.private_ip}}\"\n",
            include_str!("../../tests/check/everything.toml")
        );
        let scenario = scenario(&text);
        let (mut cloud, now) = build(&scenario).unwrap();
        let StepKind::Do(step) = &scenario.steps.last().unwrap().kind else {
            panic!("the last step does something");
        };
        let action = step.action(&scenario.source, &cloud).unwrap();
        cloud.apply(&action, now).unwrap();
        assert!(cloud.soracom.vpgs[&VpgId::new("vpg")].gate.peers.is_empty());
        // Before anything is there, the path leads nowhere.
        let wrong = step
            .action(&scenario.source, &Cloud::default())
            .unwrap_err();
        assert!(wrong[0].message.contains("no resource is called"));
        assert_eq!(&text[wrong[0].primary.span.clone()], "${server.private_ip}");
        assert!(cloud.soracom.sims.contains_key(&SimId::new("sensor")));
    }
}
