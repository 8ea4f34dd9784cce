//! What the kernel knows of a TCP connection: round trip, what was sent again, what is unanswered.

use rdpdoctor_model::Fact;
use tokio::net::TcpStream;

/// The kernel's figures of this connection; `None` where the system does not tell them.
#[cfg(target_os = "linux")]
pub(crate) fn read(stream: &TcpStream) -> Option<Fact> {
    let info = linux::tcp_info(stream)?;
    let millis = |microseconds: u32| f64::from(microseconds) / 1000.0;
    Some(Fact::TcpFigures {
        round_trip_ms: millis(info.tcpi_rtt),
        variation_ms: millis(info.tcpi_rttvar),
        sent_again: info.tcpi_total_retrans,
        unacknowledged: info.tcpi_unacked,
        path_mtu: info.tcpi_pmtu,
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn read(_: &TcpStream) -> Option<Fact> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::{MaybeUninit, size_of};
    use std::os::fd::AsRawFd;

    use nix::libc;

    /// TCP_INFO (tcp(7)); neither nix nor socket2 has it.
    #[expect(unsafe_code, reason = "no safe wrapper of this option exists")]
    pub(super) fn tcp_info(socket: &impl AsRawFd) -> Option<libc::tcp_info> {
        let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
        let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
        // SAFETY: the pointer is valid for `length` bytes, and the kernel writes no more than that.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        // SAFETY: every field is an integer, and all bytes were zero or written by the kernel.
        (result == 0).then(|| unsafe { info.assume_init() })
    }
}
