//! Names that were probably meant.

/// Below this similarity two names have nothing to do with each other.
const ALIKE: f64 = 0.7;

/// The candidate that looks most like `wanted`, if any does; the first one where several do.
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .fold(None, |best: Option<(f64, &str)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, name)| name)
}

/// The end of a message about the unknown name `wanted`: the nearest name, or else all there are.
pub(crate) fn hint<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    if let Some(name) = nearest(wanted, candidates.clone()) {
        return format!("did you mean {name:?}?");
    }
    let all: Vec<_> = candidates
        .into_iter()
        .map(|name| format!("{name:?}"))
        .collect();
    if all.is_empty() {
        "there is none yet".into()
    } else {
        format!("there is {}", all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant_is_found() {
        let names = ["sensor", "server", "customer"];
        assert_eq!(nearest("Sensr", names), Some("sensor"));
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(hint("sevrer", names), "did you mean \"server\"?");
        assert_eq!(
            hint("zzz", names),
            "there is \"sensor\", \"server\", \"customer\""
        );
        assert_eq!(hint("zzz", []), "there is none yet");
    }
}
