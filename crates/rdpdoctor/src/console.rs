//! The console of Windows: colours, and whose it is. Other systems need nothing of this.

#[cfg(not(windows))]
pub use elsewhere::{keep_output, prepare, shows_colours};
#[cfg(windows)]
pub use windows::{is_ours_alone, keep_output, prepare, shows_colours};

#[cfg(not(windows))]
mod elsewhere {
    /// Terminals need no preparation.
    pub fn prepare() {}

    /// Whoever is started gets what is given to him, and no more.
    pub fn keep_output() {}

    /// Whether the terminal understands ANSI's sequences.
    pub fn shows_colours() -> bool {
        true
    }
}

#[cfg(windows)]
mod windows {
    use std::os::windows::io::AsRawHandle as _;
    use std::sync::OnceLock;

    use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
    use windows_sys::Win32::System::Console::GetConsoleProcessList;

    static COLOURS: OnceLock<bool> = OnceLock::new();

    /// Switches the console to ANSI's sequences, which it takes since Windows 10 1511. Its text needs
    /// nothing: the standard library writes UTF-16 there.
    pub fn prepare() {
        shows_colours();
    }

    /// Whether the console understands ANSI's sequences.
    pub fn shows_colours() -> bool {
        *COLOURS.get_or_init(|| anstyle_query::windows::enable_ansi_colors().unwrap_or(false))
    }

    /// Keeps what this process reads and writes from those that it starts: a pipe that one of them holds
    /// does not end for its reader as long as that one lives.
    #[expect(unsafe_code, reason = "the standard library hands on whatever can be inherited")]
    pub fn keep_output() {
        let own = [
            std::io::stdin().as_raw_handle(),
            std::io::stdout().as_raw_handle(),
            std::io::stderr().as_raw_handle(),
        ];
        for handle in own {
            // SAFETY: they are handles of this process, or none, and nothing else is changed in them.
            unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
        }
    }

    /// Whether nobody else uses this console: Explorer made it for this program, and it goes with it.
    #[expect(unsafe_code, reason = "windows-sys has no safe form of it, and no safe crate has it")]
    pub fn is_ours_alone() -> bool {
        let mut processes = [0u32; 2];
        // SAFETY: the pointer is valid for two elements, which is what the second argument says.
        unsafe { GetConsoleProcessList(processes.as_mut_ptr(), 2) == 1 }
    }
}
