//! Explaining: whatever a scenario that fits declares, who reaches whom can be said, at its start and at its end.

use crate::explain::{Request, When, Who, explain as answer};
use crate::reach::Ask;
use crate::report::explain::{Look, text};
use crate::scenario::{Moment, MomentError, read};

/// Any bytes as a scenario file, with a question before them.
pub fn explain(bytes: &[u8]) {
    let [how, bytes @ ..] = bytes else { return };
    let Ok(scenario) = read("x.toml", bytes) else {
        return;
    };
    for step in &scenario.steps {
        match Moment::find(&step.name, &scenario) {
            Ok(found) => assert_eq!(Moment::find(&found.to_string(), &scenario), Ok(found)),
            Err(why) => {
                assert!(matches!(why, MomentError::Ambiguous { .. }) || step.name.starts_with('#'))
            }
        }
    }
    let end = Moment::find(&format!("#{}", scenario.steps.len()), &scenario);
    let end = end.unwrap_or(Moment::Start);
    let ask = match how % 3 {
        0 => Ask::Tcp(80),
        1 => Ask::Udp(4789),
        _ => Ask::Ping {
            size: u16::from(*how) * 8,
            dont_fragment: how & 4 != 0,
        },
    };
    let when = match how & 8 {
        0 => When::At(end),
        _ => When::Between(Moment::Start, end),
    };
    let who = Who::All;
    let request = Request { who, ask, when };
    let look = Look {
        color: how & 16 != 0,
        width: 80,
    };
    let said = |request: &Request| {
        let explained = answer(&scenario, request).map_err(|why| why.to_string())?;
        let json = serde_json::to_string(&explained).expect("an explanation can be written");
        Ok::<_, String>((text(&explained, look), json))
    };
    assert_eq!(said(&request), said(&request));
}
