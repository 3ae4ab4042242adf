//! Security group rules: reading and showing them (Amazon VPC User Guide, "Security group rules").

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::ports::{covers, port_range};
use super::refusal::refuse;
use super::*;

/// Every address.
pub(super) const EVERYWHERE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

impl SecurityGroupRule {
    /// The rule that allows every protocol.
    pub fn all(peer: RulePeer) -> Self {
        Self {
            protocol: IpProtocol::All,
            ports: PortRange::ALL,
            icmp_type: None,
            peer,
        }
    }

    /// The rule that allows everything: a new group's egress rule.
    pub fn all_everywhere() -> Self {
        Self::all(RulePeer::Cidr(EVERYWHERE))
    }

    /// Whether the rule is about a packet's protocol and its destination port or ICMP type; says
    /// nothing of the address.
    pub fn covers(&self, protocol: IpProtocol, port: u16, icmp_type: u8) -> bool {
        covers(
            (self.protocol, self.ports, self.icmp_type),
            (protocol, port, icmp_type),
        )
    }

    /// The rule as a line of the console: `tcp 80 from 0.0.0.0/0`, or with `to` for an egress rule.
    pub fn sentence(&self, egress: bool) -> String {
        let what = match (self.protocol, self.icmp_type) {
            (IpProtocol::Tcp | IpProtocol::Udp, _) if self.ports != PortRange::ALL => {
                format!("{} {}", self.protocol, self.ports)
            }
            (IpProtocol::Icmp, Some(icmp_type)) => format!("icmp type {icmp_type}"),
            (protocol, _) => protocol.to_string(),
        };
        let preposition = if egress { "to" } else { "from" };
        format!("{what} {preposition} {}", self.peer)
    }
}

impl fmt::Display for SecurityGroupRule {
    /// As an ingress rule; see [`SecurityGroupRule::sentence`] for the other direction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(false))
    }
}

impl fmt::Display for RulePeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(cidr) => write!(f, "{cidr}"),
            Self::Group(group) => write!(f, "{group}"),
        }
    }
}

impl RuleSpec {
    /// Reads the rule. Whether a group that it names exists is left to the caller.
    pub(super) fn read(&self, egress: bool) -> Result<SecurityGroupRule, ApiError> {
        let (direction, right, wrong) = if egress {
            (
                "egress",
                ("destination", &self.destination),
                ("source", &self.source),
            )
        } else {
            (
                "ingress",
                ("source", &self.source),
                ("destination", &self.destination),
            )
        };
        if wrong.1.is_some() {
            return refuse(
                "InvalidParameterCombination",
                format!(
                    "an {direction} rule has no {}; name the other end as its {}",
                    wrong.0, right.0
                ),
            );
        }
        let Some(peer) = right.1 else {
            return refuse(
                "MissingParameter",
                format!(
                    "the {direction} rule has no {}; give a range, as in \"0.0.0.0/0\", or a security group",
                    right.0
                ),
            );
        };
        Ok(SecurityGroupRule {
            protocol: self.protocol,
            ports: port_range(self.protocol, self.port.as_ref(), self.icmp_type)?,
            icmp_type: self.icmp_type,
            peer: read_peer(peer)?,
        })
    }
}

/// A range where the text looks like one, else a group. Host bits of a range are cut off, as the EC2
/// API does it (API Reference, `IpRange`).
fn read_peer(text: &str) -> Result<RulePeer, ApiError> {
    if text.contains('/') {
        return match text.parse::<Ipv4Net>() {
            Ok(cidr) => Ok(RulePeer::Cidr(cidr.trunc())),
            Err(_) => refuse(
                "InvalidPermission.Malformed",
                format!(
                    "{text:?} is no range of IPv4 addresses; write it as in \"203.0.113.0/24\""
                ),
            ),
        };
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return refuse(
            "InvalidPermission.Malformed",
            format!("{text:?} is an address, not a range; write \"{text}/32\""),
        );
    }
    Ok(RulePeer::Group(SecurityGroupId::new(text)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ingress(protocol: IpProtocol, port: Option<Ports>, source: &str) -> RuleSpec {
        RuleSpec {
            protocol,
            port,
            icmp_type: None,
            source: Some(source.to_owned()),
            destination: None,
        }
    }

    #[test]
    fn a_rule_reads_like_a_line_of_the_console() {
        let line = |spec: RuleSpec| spec.read(false).unwrap().to_string();
        let web = ingress(IpProtocol::Tcp, Some(Ports::One(80)), "0.0.0.0/0");
        assert_eq!(line(web), "tcp 80 from 0.0.0.0/0");
        let high = Some(Ports::Range("1024-65535".into()));
        assert_eq!(
            line(ingress(IpProtocol::Udp, high, "web")),
            "udp 1024-65535 from web"
        );
        assert_eq!(line(ingress(IpProtocol::Udp, None, "web")), "udp from web");
        let mut ping = ingress(IpProtocol::Icmp, None, "10.0.0.1/8");
        assert_eq!(line(ping.clone()), "icmp from 10.0.0.0/8");
        ping.icmp_type = Some(8);
        assert_eq!(line(ping), "icmp type 8 from 10.0.0.0/8");
        assert_eq!(
            SecurityGroupRule::all_everywhere().sentence(true),
            "all traffic to 0.0.0.0/0"
        );
    }

    #[test]
    fn the_other_end_is_the_source_of_ingress_and_the_destination_of_egress() {
        let rule = ingress(IpProtocol::All, None, "0.0.0.0/0");
        assert_eq!(
            rule.read(true).unwrap_err().code,
            "InvalidParameterCombination"
        );
        let both = RuleSpec {
            destination: rule.source.clone(),
            ..rule.clone()
        };
        assert_eq!(
            both.read(false).unwrap_err().code,
            "InvalidParameterCombination"
        );
        let neither = RuleSpec {
            source: None,
            ..rule
        };
        assert_eq!(neither.read(false).unwrap_err().code, "MissingParameter");
    }

    #[test]
    fn what_is_nearly_a_range_is_refused_with_the_mend() {
        let read = |source: &str| ingress(IpProtocol::All, None, source).read(false);
        let error = read("10.0.0.254").unwrap_err();
        assert_eq!(error.code, "InvalidPermission.Malformed");
        assert!(error.message.contains("10.0.0.254/32"), "{error}");
        assert!(read("10.0.0.0/33").is_err());
    }
}
