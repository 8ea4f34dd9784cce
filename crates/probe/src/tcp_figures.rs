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
        variation_ms: Some(millis(info.tcpi_rttvar)),
        sent_again: info.tcpi_total_retrans,
        unacknowledged: info.tcpi_unacked,
        path_mtu: info.tcpi_pmtu,
    })
}

/// The same on Windows; Wine and Windows before version 1703 of Windows 10 do not tell.
#[cfg(windows)]
pub(crate) fn read(stream: &TcpStream) -> Option<Fact> {
    let remote = stream.peer_addr().ok()?;
    Some(windows::figures(&windows::tcp_info(stream)?, remote.is_ipv4()))
}

#[cfg(not(any(target_os = "linux", windows)))]
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

#[cfg(windows)]
mod windows {
    use std::mem::size_of;
    use std::os::windows::io::AsRawSocket;
    use std::ptr;

    use rdpdoctor_model::Fact;
    use windows_sys::Win32::Networking::WinSock::{SIO_TCP_INFO, WSAIoctl};

    /// TCP_INFO_v0 (mstcpip.h), with a number where Windows' own has a truth value, which a byte from
    /// outside need not be.
    #[repr(C)]
    #[derive(Default)]
    pub(super) struct TcpInfo {
        state: u32,
        mss: u32,
        connection_time_ms: u64,
        timestamps: u8,
        rtt_us: u32,
        min_rtt_us: u32,
        bytes_in_flight: u32,
        cwnd: u32,
        snd_wnd: u32,
        rcv_wnd: u32,
        rcv_buf: u32,
        bytes_out: u64,
        bytes_in: u64,
        bytes_reordered: u32,
        bytes_retrans: u32,
        fast_retrans: u32,
        dup_acks_in: u32,
        timeout_episodes: u32,
        syn_retrans: u8,
    }

    /// SIO_TCP_INFO; socket2 does not have it.
    #[expect(unsafe_code, reason = "no safe wrapper of this control exists")]
    pub(super) fn tcp_info(socket: &impl AsRawSocket) -> Option<TcpInfo> {
        let socket = usize::try_from(socket.as_raw_socket()).ok()?;
        let (version, mut info, mut returned) = (0_u32, TcpInfo::default(), 0);
        let (asked, length) =
            (u32::try_from(size_of::<u32>()), u32::try_from(size_of::<TcpInfo>()));
        let (asked, length) = (asked.ok()?, length.ok()?);
        // SAFETY: both buffers are valid for the lengths that are given, all of what is written is
        // integers, and without an OVERLAPPED the call is over when it returns.
        let result = unsafe {
            WSAIoctl(
                socket,
                SIO_TCP_INFO,
                (&raw const version).cast(),
                asked,
                (&raw mut info).cast(),
                length,
                &raw mut returned,
                ptr::null_mut(),
                None,
            )
        };
        (result == 0 && returned == length).then_some(info)
    }

    /// Bytes as full segments; the headers before a segment are those of IP and TCP without options but
    /// time stamps (RFC 7323 3.2).
    pub(super) fn figures(info: &TcpInfo, ipv4: bool) -> Fact {
        let segments = |bytes: u32| bytes.div_ceil(info.mss.max(1));
        let headers = if ipv4 { 40 } else { 60 } + if info.timestamps == 0 { 0 } else { 12 };
        Fact::TcpFigures {
            round_trip_ms: f64::from(info.rtt_us) / 1000.0,
            variation_ms: None,
            sent_again: segments(info.bytes_retrans).saturating_add(info.syn_retrans.into()),
            unacknowledged: segments(info.bytes_in_flight),
            path_mtu: info.mss.saturating_add(headers),
        }
    }
}
