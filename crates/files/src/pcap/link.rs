//! From a frame to the IP packet in it, by link type (www.tcpdump.org/linktypes.html).
//!
//! `etherparse` reads Ethernet and the first Linux cooked header, none of the others that captures
//! of Remote Desktop come with, so the few offsets stand here and IP is left to it.

/// EtherTypes (IEEE 802).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
const VLAN: [u16; 3] = [0x8100, 0x88A8, 0x9100];
const MPLS: [u16; 2] = [0x8847, 0x8848];
const PPPOE_SESSION: u16 = 0x8864;
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const PPP: u16 = 0x880B;

/// Tags and labels behind each other.
const DEEPEST: usize = 8;

/// The IP packet in a frame of this link type; `None` for what carries none.
pub(super) fn ip(link: i32, frame: &[u8]) -> Option<&[u8]> {
    match link {
        // NULL and LOOP: an address family, in the byte order of whoever captured.
        0 | 108 => bare(frame.get(4..)?),
        1 => ethernet(frame),
        // PPP, with or without its HDLC header.
        9 | 50 => ppp(frame),
        // RAW, as various systems number it.
        12 | 14 | 101 | 228 | 229 => bare(frame),
        // LINUX_SLL and LINUX_SLL2.
        113 => by_ether_type(number(frame, 14)?, frame.get(16..)?),
        276 => by_ether_type(number(frame, 0)?, frame.get(20..)?),
        // Nordic and radio link types carry no IP that passes in clear as a rule.
        _ => None,
    }
}

/// Whether frames of this link type can be read at all.
pub(super) fn is_known(link: i32) -> bool {
    matches!(link, 0 | 1 | 9 | 12 | 14 | 50 | 101 | 108 | 113 | 228 | 229 | 276)
}

/// The IP packet in an Ethernet frame.
pub(super) fn ethernet(frame: &[u8]) -> Option<&[u8]> {
    by_ether_type(number(frame, 12)?, frame.get(14..)?)
}

/// The IP packet behind an EtherType, as GRE has one too (RFC 2784).
pub(super) fn by_ether_type(mut kind: u16, mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..DEEPEST {
        match kind {
            IPV4 | IPV6 => return bare(rest),
            PPPOE_SESSION => return ppp(rest.get(6..)?),
            PPP => return ppp(rest),
            TRANSPARENT_ETHERNET => (kind, rest) = (number(rest, 12)?, rest.get(14..)?),
            _ if VLAN.contains(&kind) => (kind, rest) = (number(rest, 2)?, rest.get(4..)?),
            _ if MPLS.contains(&kind) => {
                let bottom = rest.get(2)? & 1 == 1;
                rest = rest.get(4..)?;
                if bottom {
                    return bare(rest);
                }
            }
            _ => return None,
        }
    }
    None
}

/// PPP (RFC 1661), whose protocol number may have one byte.
fn ppp(frame: &[u8]) -> Option<&[u8]> {
    let rest = frame.strip_prefix(&[0xFF, 0x03]).unwrap_or(frame);
    match *rest {
        [0x00, 0x21 | 0x57, ..] => bare(rest.get(2..)?),
        [0x21 | 0x57, ..] => bare(rest.get(1..)?),
        _ => None,
    }
}

fn bare(packet: &[u8]) -> Option<&[u8]> {
    matches!(packet.first()? >> 4, 4 | 6).then_some(packet)
}

fn number(frame: &[u8], at: usize) -> Option<u16> {
    let bytes: [u8; 2] = frame.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 4] = [0x45, 1, 2, 3];

    #[test]
    fn every_way_leads_to_the_packet() {
        let with = |head: &[u8]| [head, &PACKET].concat();
        let addresses = [0xAA; 12];
        let ethernet = |behind: &[u8]| with(&[&addresses, behind].concat());
        for (link, frame) in [
            (0, with(&[2, 0, 0, 0])),
            (108, with(&[0, 0, 0, 2])),
            (1, ethernet(&[0x08, 0])),
            (1, ethernet(&[0x81, 0, 0, 7, 0x08, 0])),
            (1, ethernet(&[0x88, 0xA8, 0, 7, 0x81, 0, 0, 9, 0x08, 0])),
            (1, ethernet(&[0x88, 0x47, 0, 1, 0x10, 64, 0, 2, 0x11, 64])),
            (1, ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 6, 0, 0x21])),
            (9, with(&[0xFF, 3, 0, 0x21])),
            (9, with(&[0x21])),
            (50, with(&[0xFF, 3, 0, 0x21])),
            (101, PACKET.to_vec()),
            (113, with(&[0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0])),
            (276, with(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0])),
        ] {
            assert!(is_known(link));
            assert_eq!(ip(link, &frame), Some(&PACKET[..]), "link type {link}: {frame:x?}");
            for length in 0..frame.len() - PACKET.len() {
                assert_eq!(ip(link, &frame[..length]), None, "link type {link}, {length} bytes");
            }
        }
    }

    #[test]
    fn what_is_not_ip_is_passed_over() {
        let arp = [&[0xAA; 12][..], &[0x08, 0x06, 0, 1]].concat();
        assert_eq!(ip(1, &arp), None);
        assert_eq!(ip(101, &[0x55]), None);
        assert_eq!(ip(127, &PACKET), None);
        assert!(!is_known(127));
    }
}
