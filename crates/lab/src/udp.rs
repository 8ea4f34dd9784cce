//! RDP over UDP as far as the answer to a SYN (MS-RDPEUDP 3.1.5.1.3), written byte by byte.

use std::time::Duration;

use tokio::net::UdpSocket;

/// What a server does with a SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UdpAnswer {
    /// SYN+ACK.
    Answer,
    /// The first of each client is lost.
    Second,
    /// Nothing.
    Silence,
}

/// SYN with its data; the longest datagram, to which it is padded.
const LEAST: usize = 16;
const LONGEST: usize = 1232;

/// Answers until it is cancelled. The newest client is the one that counts.
pub(crate) async fn serve(socket: UdpSocket, answer: UdpAnswer) {
    let mut datagram = [0; 2048];
    let mut newest = None;
    loop {
        let (length, client) = match socket.recv_from(&mut datagram).await {
            Ok(received) => received,
            // The word of some client's port that is closed by now.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let is_first = newest.replace(client) != Some(client);
        let wanted = match answer {
            UdpAnswer::Answer => true,
            UdpAnswer::Second => !is_first,
            UdpAnswer::Silence => false,
        };
        if let Some(reply) = syn_ack(&datagram[..length])
            && wanted
        {
            let _ = socket.send_to(&reply, client).await;
        }
    }
}

/// The header of 2.2.2.1 with SYN, ACK and SYNEX, the data of 2.2.2.5, version 2 (2.2.2.9); none
/// for what is no SYN.
fn syn_ack(datagram: &[u8]) -> Option<Vec<u8>> {
    const SYN: u8 = 0x01;
    const ACK: u8 = 0x04;
    let syn = datagram.get(..LEAST)?;
    if syn[7] & (SYN | ACK) != SYN {
        return None;
    }
    let mut reply = syn[8..12].to_vec();
    reply.extend([0, 64, 0x10, SYN | ACK]);
    reply.extend([0x5A, 0x01, 0x02, 0x03]);
    reply.extend(&syn[12..16]);
    reply.extend([0, 1, 0, 2]);
    reply.resize(LONGEST, 0);
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::syn_ack;

    #[test]
    fn only_a_syn_is_answered() {
        let mut syn = vec![0xFF, 0xFF, 0xFF, 0xFF, 0, 64, 0x18, 1, 1, 2, 3, 4, 4, 0xD0, 4, 0xD0];
        let reply = syn_ack(&syn).expect("a SYN");
        assert_eq!((reply.len(), &reply[..8]), (1232, &[1, 2, 3, 4, 0, 64, 0x10, 5][..]));
        assert_eq!(syn_ack(&syn[..15]), None);
        syn[7] = 4;
        assert_eq!(syn_ack(&syn), None);
    }
}
