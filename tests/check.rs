//! What a user sees of a file that is wrong: one snapshot for each file in `tests/check`.

use canal_sim::scenario::{self, Diagnostics};

/// Everything that is said about a file, as text.
fn complaints(name: &str, bytes: &[u8]) -> String {
    match scenario::read(name, bytes) {
        Err(diagnostics) => diagnostics.render(false),
        Ok(scenario) => match scenario::check(&scenario) {
            list if list.is_empty() => "nothing to complain about\n".into(),
            list => Diagnostics::new(scenario.source, list).render(false),
        },
    }
}

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let file = concat!(stringify!($name), ".toml");
            let bytes = include_bytes!(concat!("check/", stringify!($name), ".toml"));
            insta::with_settings!({
                omit_expression => true,
                prepend_module_to_snapshot => false,
                snapshot_path => "check",
            }, {
                insta::assert_snapshot!(stringify!($name), complaints(file, bytes));
            });
        }
    )*};
}

files! {
    actions
    carried_out
    clouds
    duplicates
    empty
    everything
    gate
    steps
    syntax
    tables
}
