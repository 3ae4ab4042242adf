//! `docs/kernel.md`: what is asked of a kernel.

use canal_sim::backend::kernel::features::Feature;

use super::page::assert_generated;

#[test]
fn the_features_are_the_codes() {
    let mut table = String::from(
        "| feature | `CANAL_SIM_WITHOUT` | Linux | without it | to mend it |\n|---|---|---|---|---|\n",
    );
    for feature in Feature::ALL {
        let facts = feature.facts();
        let ends = if facts.required {
            "**The kernel backend does not run:** "
        } else {
            ""
        };
        table.push_str(&format!(
            "| {} | `{}` | {} | {ends}{} | {} |\n",
            facts.name, facts.key, facts.since, facts.costs, facts.mend
        ));
    }
    assert_generated("docs/kernel.md", "features", &table);
}
