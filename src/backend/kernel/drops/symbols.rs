//! Places in the kernel's code by name (`/proc/kallsyms`), for people.

use std::fs::File;
use std::io::{BufRead, BufReader};

/// How an address is written: 64 bits in hexadecimal digits.
const DIGITS: usize = 16;

/// The function that an address lies in, `ip_rcv_finish_core+0x1c4`; none where the kernel doesn't
/// tell (`kernel.kptr_restrict`). Reads the whole list, some 100 ms: only for what is rare.
pub(super) fn function(address: u64) -> Option<String> {
    let file = File::open("/proc/kallsyms").ok()?;
    nearest(BufReader::new(file), address)
}

/// The function that begins last before the address, in a list that need not be sorted.
pub(super) fn nearest(mut list: impl BufRead, address: u64) -> Option<String> {
    let mut best: Option<(u64, String)> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if list.read_until(b'\n', &mut line).ok()? == 0 {
            break;
        }
        let number = line
            .get(..DIGITS)
            .and_then(|text| str::from_utf8(text).ok());
        let Some(start) = number.and_then(|text| u64::from_str_radix(text, 16).ok()) else {
            continue;
        };
        // Nearly all lines end here. Hidden addresses are zeros.
        let is_better = best.as_ref().is_none_or(|(known, _)| *known < start);
        if start == 0 || start > address || !is_better {
            continue;
        }
        let rest = String::from_utf8_lossy(&line[DIGITS..]);
        let mut fields = rest.split_whitespace();
        if let (Some("t" | "T" | "w" | "W"), Some(name)) = (fields.next(), fields.next()) {
            best = Some((start, name.to_owned()));
        }
    }
    best.map(|(start, name)| format!("{name}+{:#x}", address - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "0000000000000100 T ip_rcv\n0000000000000180 D data\n\
                        0000000000000200 t ip_rcv_finish\t[ip]\n0000000000000000 T hidden\n";

    #[test]
    fn an_address_is_in_the_function_that_begins_before_it() {
        assert_eq!(
            nearest(LIST.as_bytes(), 0x1c4).as_deref(),
            Some("ip_rcv+0xc4")
        );
        assert_eq!(
            nearest(LIST.as_bytes(), 0x200).as_deref(),
            Some("ip_rcv_finish+0x0")
        );
        assert_eq!(nearest(LIST.as_bytes(), 0x50), None);
    }
}
