//! Ports and ICMP types, as security group rules and network ACL entries share them.

use super::refusal::refuse;
use super::*;

impl PortRange {
    /// Whether the port lies in the range.
    pub fn contains(&self, port: u16) -> bool {
        (self.from..=self.to).contains(&port)
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}-{}", self.from, self.to)
        }
    }
}

impl std::fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::All => "all traffic",
        })
    }
}

/// Reads the ports of a rule, and checks that ports and ICMP type suit the protocol.
pub(super) fn port_range(
    protocol: IpProtocol,
    port: Option<&Ports>,
    icmp_type: Option<u8>,
) -> Result<PortRange, ApiError> {
    let has_ports = matches!(protocol, IpProtocol::Tcp | IpProtocol::Udp);
    if let (Some(icmp_type), true) = (icmp_type, protocol != IpProtocol::Icmp) {
        return refuse(
            "InvalidParameterValue",
            format!("a rule for {protocol} has no ICMP type {icmp_type}; set the protocol to icmp"),
        );
    }
    match port {
        None => Ok(PortRange::ALL),
        Some(_) if !has_ports => refuse(
            "InvalidParameterValue",
            format!("a rule for {protocol} has no ports; set the protocol to tcp or udp"),
        ),
        Some(Ports::One(port)) => Ok(PortRange {
            from: *port,
            to: *port,
        }),
        Some(Ports::Range(text)) => read_range(text).map_or_else(
            || {
                refuse(
                    "InvalidParameterValue",
                    format!(
                        "{text:?} is no range of ports; write it as in \"1024-65535\", the lower one first"
                    ),
                )
            },
            Ok,
        ),
    }
}

fn read_range(text: &str) -> Option<PortRange> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let from = from.trim().parse().ok()?;
    let to = to.trim().parse().ok()?;
    (from <= to).then_some(PortRange { from, to })
}

/// Whether a rule for `rule`, `ports` and `icmp_type` is about a packet.
pub(super) fn covers(
    (rule, ports, rule_icmp): (IpProtocol, PortRange, Option<u8>),
    (protocol, port, icmp_type): (IpProtocol, u16, u8),
) -> bool {
    match rule {
        IpProtocol::All => true,
        IpProtocol::Tcp | IpProtocol::Udp => rule == protocol && ports.contains(port),
        IpProtocol::Icmp => {
            protocol == IpProtocol::Icmp && rule_icmp.is_none_or(|rule| rule == icmp_type)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_are_one_or_a_range() {
        let read = |port| port_range(IpProtocol::Tcp, Some(&port), None);
        assert_eq!(read(Ports::One(80)).unwrap().to_string(), "80");
        let range = read(Ports::Range("1024-65535".into())).unwrap();
        assert!(range.contains(1024) && range.contains(65535) && !range.contains(1023));
        for wrong in ["", "-", "http", "80-", "90-80", "0-65536"] {
            assert!(read(Ports::Range(wrong.into())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ports_belong_to_tcp_and_udp_and_types_to_icmp() {
        let port = Ports::One(80);
        assert!(port_range(IpProtocol::Icmp, Some(&port), None).is_err());
        assert!(port_range(IpProtocol::All, Some(&port), None).is_err());
        assert!(port_range(IpProtocol::Icmp, None, Some(8)).is_ok());
        assert!(port_range(IpProtocol::Udp, None, Some(8)).is_err());
    }
}
