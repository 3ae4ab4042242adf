//! What somebody may have meant.

/// The candidate that `given` is most likely a slip of: the same but for case, or few letters away.
pub(super) fn nearest<'c>(
    given: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // The distance takes time in proportion to both lengths; no name is longer.
    if given.len() > 80 {
        return None;
    }
    let lower = given.to_lowercase();
    let squeezed = squeeze(&lower);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = if squeezed == squeeze(&other) {
                0
            } else {
                strsim::osa_distance(&lower, &other)
            };
            let longer = lower.chars().count().max(other.chars().count());
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

/// `did you mean …?`, where there is something near.
pub(super) fn did_you_mean<'c>(
    given: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    nearest(given, candidates).map(|near| format!("did you mean `{near}`?"))
}

/// A list for people: `a`, `b` or `c`.
pub(super) fn alternatives<'c>(items: impl IntoIterator<Item = &'c str>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| format!("`{item}`")).collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_what_was_meant() {
        let names = ["openGate", "closeGate", "CreateRoute"];
        assert_eq!(nearest("opengate", names), Some("openGate"));
        assert_eq!(nearest("CreateRuote", names), Some("CreateRoute"));
        assert_eq!(nearest("create_route", names), Some("CreateRoute"));
        assert_eq!(nearest("banana", names), None);
        assert_eq!(nearest("b", ["a"]), None);
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(alternatives(["a"]), "`a`");
        assert_eq!(alternatives(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
