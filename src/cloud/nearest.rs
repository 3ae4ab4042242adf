//! Names that were probably meant.

/// No name is longer; the distance takes time in proportion to both lengths.
const LONGEST: usize = 80;

/// How many names a message lists at most.
const LISTED: usize = 24;

/// The candidate that `wanted` is most likely a slip of, the first one where several are: the same but
/// for case and for what stands between words, or few letters away.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if wanted.len() > LONGEST {
        return None;
    }
    let lower = wanted.to_lowercase();
    let letters = lower.chars().count();
    let squeezed = squeeze(&lower);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let length = other.chars().count();
            let longer = letters.max(length);
            let distance = if squeezed == squeeze(&other) {
                0
            } else if letters.abs_diff(length) > longer / 3 {
                // Nor can the distance be less.
                return None;
            } else {
                strsim::osa_distance(&lower, &other)
            };
            // One slip in three letters still looks like the same word; in two-letter names any slip
            // gives another one.
            (distance <= longer / 3 && longer > 2 || distance == 0).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Less what people spell differently: `security-group`, `securityGroup`, `security_group`.
fn squeeze(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .collect()
}

/// The end of a message about the unknown name `wanted`: the nearest name, or else what there is.
pub(crate) fn hint<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = candidates.into_iter().collect();
    if let Some(name) = nearest(wanted, all.iter().copied()) {
        return format!("did you mean {name:?}?");
    }
    let quoted: Vec<String> = all
        .iter()
        .take(LISTED)
        .map(|name| format!("{name:?}"))
        .collect();
    match all.len() {
        0 => "there is none; create it first".into(),
        len if len > LISTED => format!("there are {len}: {}, …", quoted.join(", ")),
        _ => format!("there is {}", quoted.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_what_was_meant() {
        let names = ["openGate", "closeGate", "CreateRoute"];
        for (slip, meant) in [
            ("opengate", Some("openGate")),
            ("CreateRuote", Some("CreateRoute")),
            ("create_route", Some("CreateRoute")),
            ("Create Route", Some("CreateRoute")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(slip, names), meant, "{slip}");
        }
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest(&"a".repeat(81), ["a"]), None);
    }

    #[test]
    fn the_nearest_comes_before_the_first_and_the_first_before_the_rest() {
        assert_eq!(nearest("servr", ["sever", "server"]), Some("server"));
        assert_eq!(nearest("sensox", ["sensor", "sensoy"]), Some("sensor"));
    }

    #[test]
    fn a_hint_names_the_nearest_or_what_there_is() {
        let names = ["sensor", "server", "customer"];
        assert_eq!(hint("sevrer", names), "did you mean \"server\"?");
        assert_eq!(
            hint("zzz", names),
            "there is \"sensor\", \"server\", \"customer\""
        );
        assert_eq!(hint("zzz", []), "there is none; create it first");
        let many: Vec<String> = (0..600).map(|i| format!("s{i}")).collect();
        let many = hint("customer", many.iter().map(String::as_str));
        assert!(many.starts_with("there are 600: \"s0\", \"s1\""), "{many}");
        assert!(many.ends_with("\"s23\", …"), "{many}");
    }
}
