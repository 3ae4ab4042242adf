//! Errors of the operating system in words alone.

/// An error's text without the system's number for it, ` (os error 2)`, wherever that stands: it tells
/// the reader nothing that the words don't.
pub(crate) fn plain(error: impl ToString) -> String {
    const START: &str = " (os error ";
    let mut rest = error.to_string();
    let mut text = String::new();
    while let Some(at) = rest.find(START) {
        let tail = rest.split_off(at);
        text.push_str(&rest);
        let after = &tail[START.len()..];
        let number = after.find(|c: char| !c.is_ascii_digit() && c != '-');
        match number.filter(|end| after[*end..].starts_with(')')) {
            Some(end) => rest = after[end + 1..].to_owned(),
            None => {
                text.push_str(START);
                rest = after.to_owned();
            }
        }
    }
    text + &rest
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_number_goes_and_nothing_else() {
        let error = std::io::Error::from_raw_os_error(2);
        assert_eq!(plain(error), "No such file or directory");
        assert_eq!(plain("a (os error 1): b (os error 22)"), "a: b");
        assert_eq!(plain("a (os error of mine)"), "a (os error of mine)");
        assert_eq!(plain("ends with (os error "), "ends with (os error ");
    }
}
