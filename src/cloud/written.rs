//! Actions as a scenario writes them: `do` and the parameters, in TOML.

use super::Action;

/// A parameter has no place in TOML: the `null` with which `putConfigurationParameters` takes a setting
/// back. No scenario can ask for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} can't be written as a step: {why}")]
pub struct NotWritable {
    /// The operation.
    pub operation: &'static str,
    /// What TOML has no place for.
    pub why: String,
}

impl Action {
    /// The action in one line: `do = "CreateRoute", route_table = "public", destination =
    /// "100.64.0.0/16", target = "pcx"`. Parameters are in their documented order; those that only
    /// repeat what holds without them are left out.
    ///
    /// # Errors
    ///
    /// [`NotWritable`], which no action that a scenario has asked for gives.
    pub fn line(&self) -> Result<String, NotWritable> {
        Ok(self.pairs()?.join(", "))
    }

    /// The action as a step of a scenario file: `[[step]]`, and a line for `do` and for each parameter, in
    /// the order of [`Action::line`]. Ends with a line break.
    ///
    /// # Errors
    ///
    /// As those of [`Action::line`].
    pub fn step(&self) -> Result<String, NotWritable> {
        Ok(format!("[[step]]\n{}\n", self.pairs()?.join("\n")))
    }

    /// `key = value`, `do` first.
    fn pairs(&self) -> Result<Vec<String>, NotWritable> {
        let table = match self {
            Self::Aws(action) => action.to_table(),
            Self::Soracom(action) => action.to_table(),
        };
        let table = table.map_err(|error| NotWritable {
            operation: self.name(),
            why: error.to_string(),
        })?;
        let name = toml::Value::from(self.name());
        let pairs = [("do", &name)]
            .into_iter()
            .chain(table.iter().map(|(key, value)| (key.as_str(), value)));
        // Keys are those of fields, none of which needs quotes.
        Ok(pairs
            .map(|(key, value)| format!("{key} = {value}"))
            .collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::super::testing::action;

    fn line(name: &str, parameters: serde_json::Value) -> String {
        action(name, parameters).line().unwrap()
    }

    #[test]
    fn an_action_reads_as_the_documentation_has_it() {
        assert_eq!(
            line(
                "AuthorizeSecurityGroupIngress",
                json!({
                    "rule": {"source": "100.64.0.0/16", "port": 4789, "protocol": "udp"},
                    "security_group": "web",
                })
            ),
            r#"do = "AuthorizeSecurityGroupIngress", security_group = "web", rule = { protocol = "udp", port = 4789, source = "100.64.0.0/16" }"#
        );
        assert_eq!(
            line(
                "CreateNetworkAclEntry",
                json!({
                    "network_acl": "strict", "rule_number": 90, "action": "allow", "protocol": "tcp",
                    "port": "1024-65535", "cidr": "0.0.0.0/0", "egress": true,
                })
            ),
            r#"do = "CreateNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 90, action = "allow", protocol = "tcp", port = "1024-65535", cidr = "0.0.0.0/0""#
        );
        let vpg = json!({"group": "canal", "parameters": {"vpgId": "vpg", "useVpg": true}});
        assert_eq!(
            action("putConfigurationParameters", vpg).step().unwrap(),
            "[[step]]\ndo = \"putConfigurationParameters\"\ngroup = \"canal\"\n\
             parameters = { useVpg = true, vpgId = \"vpg\" }\n"
        );
    }

    #[test]
    fn what_holds_anyway_is_left_out() {
        let full = json!({
            "as": "server", "subnet": "public", "public_ip": false, "source_dest_check": true,
            "security_groups": [],
        });
        assert_eq!(
            line("RunInstances", full),
            r#"do = "RunInstances", as = "server", subnet = "public""#
        );
        let router = json!({"as": "router", "subnet": "public", "source_dest_check": false});
        assert_eq!(
            line("RunInstances", router),
            r#"do = "RunInstances", as = "router", subnet = "public", source_dest_check = false"#
        );
        let everything = json!({"security_group": "web", "rule": {"source": "0.0.0.0/0"}});
        assert_eq!(
            line("RevokeSecurityGroupIngress", everything),
            r#"do = "RevokeSecurityGroupIngress", security_group = "web", rule = { source = "0.0.0.0/0" }"#
        );
    }

    #[test]
    fn what_toml_has_no_place_for_is_said() {
        let taken_back = json!({"group": "canal", "parameters": {"vpgId": null}});
        let refusal = action("putConfigurationParameters", taken_back).line();
        assert_eq!(refusal.unwrap_err().operation, "putConfigurationParameters");
    }
}
