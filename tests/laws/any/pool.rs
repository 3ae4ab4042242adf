//! What a parameter of an action may be: `pools.json`. What makes sense in the connected world comes
//! first.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

static POOLS: LazyLock<BTreeMap<String, Vec<Value>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("pools.json")).expect("pools.json holds lists")
});

/// The choices of a pool.
pub fn pool(name: &str) -> &'static [Value] {
    POOLS.get(name).unwrap_or_else(|| panic!("no pool {name}"))
}
