//! Route tables and their associations with subnets (Amazon VPC User Guide, "Configure route tables").

use std::collections::BTreeMap;

use super::refusal::{Outcome, list, refuse, taken};
use super::*;

impl Aws {
    pub(super) fn create_route_table(&mut self, op: &CreateRouteTable) -> Outcome {
        if self.route_tables.contains_key(&op.name) {
            return Err(taken("route table", op.name.as_str()));
        }
        self.vpc(&op.vpc)?;
        let table = RouteTable {
            vpc: op.vpc.clone(),
            routes: BTreeMap::new(),
        };
        self.route_tables.insert(op.name.clone(), table);
        Ok(vec![
            op.name.event(format!("created in the VPC {}", op.vpc)),
        ])
    }

    pub(super) fn delete_route_table(&mut self, op: &DeleteRouteTable) -> Outcome {
        let id = &op.route_table;
        let table = self.route_table(id)?;
        if *id == table.vpc.main_route_table() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the route table {id} is the main one of the VPC {} and goes only with it",
                    table.vpc
                ),
            );
        }
        let subnets: Vec<&str> = self
            .subnets
            .iter()
            .filter(|(_, subnet)| subnet.route_table.as_ref() == Some(id))
            .map(|(name, _)| name.as_str())
            .collect();
        if !subnets.is_empty() {
            return refuse(
                "DependencyViolation",
                format!(
                    "the route table {id} has dependencies and can't be deleted; disassociate the subnets {} first",
                    list(&subnets)
                ),
            );
        }
        self.route_tables.remove(id);
        Ok(vec![id.event("deleted")])
    }

    pub(super) fn associate_route_table(&mut self, op: &AssociateRouteTable) -> Outcome {
        let table = self.route_table(&op.route_table)?;
        let subnet = self.subnet(&op.subnet)?;
        if table.vpc != subnet.vpc {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "the route table {} belongs to the VPC {}, the subnet {} to the VPC {}",
                    op.route_table, table.vpc, op.subnet, subnet.vpc
                ),
            );
        }
        match &subnet.route_table {
            // The association that is there is given back.
            Some(present) if *present == op.route_table => return Ok(vec![]),
            Some(present) => {
                return refuse(
                    "Resource.AlreadyAssociated",
                    format!(
                        "the subnet {} is associated with the route table {present} already; disassociate it first",
                        op.subnet
                    ),
                );
            }
            None => {}
        }
        self.subnet_mut(&op.subnet)?.route_table = Some(op.route_table.clone());
        Ok(vec![op.route_table.event(format!(
            "associated with the subnet {}",
            op.subnet
        ))])
    }

    pub(super) fn disassociate_route_table(&mut self, op: &DisassociateRouteTable) -> Outcome {
        let subnet = self.subnet_mut(&op.subnet)?;
        let main = subnet.vpc.main_route_table();
        match subnet.route_table.take() {
            None => refuse(
                "InvalidAssociationID.NotFound",
                format!(
                    "the subnet {} has no association of its own; it uses the main route table {main}",
                    op.subnet
                ),
            ),
            Some(table) => Ok(vec![table.event(format!(
                "disassociated from the subnet {}, which uses {main} now",
                op.subnet
            ))]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Lab;
    use super::*;

    #[test]
    fn a_subnet_without_an_association_uses_the_main_table() {
        let mut lab = Lab::customer();
        let table = |lab: &Lab| lab.aws.subnets[&SubnetId::new("public")].effective_route_table();
        assert_eq!(table(&lab).as_str(), "public");
        lab.ok("CreateRouteTable", r#"as = "second", vpc = "customer""#);
        let second = r#"route_table = "second", subnet = "public""#;
        assert_eq!(
            lab.code("AssociateRouteTable", second),
            "Resource.AlreadyAssociated"
        );
        assert_eq!(
            lab.code("DeleteRouteTable", r#"route_table = "public""#),
            "DependencyViolation"
        );
        lab.ok("DisassociateRouteTable", r#"subnet = "public""#);
        assert_eq!(table(&lab).as_str(), "customer-main");
        assert_eq!(
            lab.code("DisassociateRouteTable", r#"subnet = "public""#),
            "InvalidAssociationID.NotFound"
        );
        lab.ok("AssociateRouteTable", second);
        lab.ok("DeleteRouteTable", r#"route_table = "public""#);
        assert_eq!(
            lab.code("DeleteRouteTable", r#"route_table = "customer-main""#),
            "DependencyViolation"
        );
    }
}
