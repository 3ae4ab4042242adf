//! What a user sees of a file that is wrong: one snapshot for each file in `tests/check`.

use canal_sim::scenario;

/// Everything that is said about a file, as text.
fn complaints(name: &str, bytes: &[u8]) -> String {
    let (scenario, diagnostics) = scenario::examine(name, bytes);
    assert_eq!(scenario.is_some(), diagnostics.list.is_empty());
    match scenario {
        Some(_) => "nothing to complain about\n".into(),
        None => diagnostics.render(false),
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
    asleep
    at_once
    carried_out
    clouds
    duplicates
    empty
    everything
    follow_on
    gate
    links
    steps
    syntax
    tables
}
