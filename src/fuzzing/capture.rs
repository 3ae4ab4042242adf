//! Captures: whatever is captured, another reader of pcapng finds it again.

use std::time::Duration;

use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, OptionCode, PcapBlockOwned, PcapError, PcapNGReader};

use super::Bytes;
use crate::backend::pcapng::Capture;

/// What was captured: on which interface, when, the frame, and the remark.
type Packet = (u32, u64, Vec<u8>, Option<Vec<u8>>);

/// Any bytes as a list of interfaces and packets.
pub fn capture(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut capture = Capture::new();
    let (mut ids, mut names, mut packets) = (Vec::new(), Vec::new(), Vec::<Packet>::new());
    let mut file = Vec::new();
    while bytes.has_more() {
        let what = bytes.byte();
        let number = usize::from(what >> 3);
        let id = ids.get(number % ids.len().max(1)).copied();
        let Some((on, id)) = id.filter(|_| what & 1 == 0) else {
            let name = text(&mut bytes);
            let id = capture.interface(&name);
            ids.push((ids.len() as u32, id));
            names.push(kept(&name));
            continue;
        };
        let mut at = [0; 8];
        for to in &mut at {
            *to = bytes.byte();
        }
        let at = u64::from_le_bytes(at);
        let frame = bytes.piece().repeat(if what & 4 == 0 { 1 } else { 300 });
        let remark = (what & 2 != 0).then(|| text(&mut bytes));
        capture.packet(id, Duration::from_nanos(at), &frame, remark.as_deref());
        packets.push((on, at, frame, remark.map(|remark| kept(&remark))));
        if what & 128 != 0 {
            file.extend(capture.take());
        }
    }
    file.extend(capture.take());
    assert_eq!(read(&file), (names, packets));
}

/// Some text; long where the bytes say so.
fn text(bytes: &mut Bytes<'_>) -> String {
    let times = if bytes.byte() == u8::MAX { 400 } else { 1 };
    String::from_utf8_lossy(bytes.piece()).repeat(times)
}

/// What of a text fits into an option. A reader takes zeros at its end for padding.
fn kept(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    bytes[..bytes.len().min(usize::from(u16::MAX))].to_vec()
}

/// What another's reader finds in a file.
fn read(file: &[u8]) -> (Vec<Vec<u8>>, Vec<Packet>) {
    let mut reader = PcapNGReader::new(1 << 20, file).expect("a section's header is there");
    let (mut names, mut packets) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok((length, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::SectionHeader(_)) => {}
                    PcapBlockOwned::NG(Block::InterfaceDescription(one)) => {
                        assert_eq!((one.if_tsresol, one.snaplen), (9, 0));
                        let name = one.options.iter().find(|o| o.code == OptionCode::IfName);
                        let name = name.and_then(|name| name.as_bytes().ok());
                        names.push(name.expect("an interface has a name").to_vec());
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(one)) => {
                        assert_eq!(one.caplen, one.origlen);
                        let stamp = u64::from(one.ts_high) << 32 | u64::from(one.ts_low);
                        let remark = one.options.iter().find(|o| o.code == OptionCode::Comment);
                        let remark = remark.and_then(|remark| remark.as_bytes().ok());
                        let remark = remark.map(<[u8]>::to_vec);
                        packets.push((one.if_id, stamp, one.packet_data().to_vec(), remark));
                    }
                    PcapBlockOwned::NG(_)
                    | PcapBlockOwned::Legacy(_)
                    | PcapBlockOwned::LegacyHeader(_) => panic!("another kind of block"),
                }
                reader.consume(length);
            }
            Err(PcapError::Eof) => return (names, packets),
            Err(PcapError::Incomplete(_)) => reader.refill().expect("the file is in memory"),
            Err(why) => panic!("not a capture: {why:?}"),
        }
    }
}
