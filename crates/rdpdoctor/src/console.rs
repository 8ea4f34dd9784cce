//! The console of Windows: colours, and whose it is. Other systems need nothing of this.

#[cfg(not(windows))]
pub use elsewhere::{prepare, shows_colours};
#[cfg(windows)]
pub use windows::{is_ours_alone, prepare, shows_colours};

#[cfg(not(windows))]
mod elsewhere {
    /// Terminals need no preparation.
    pub fn prepare() {}

    /// Whether the terminal understands ANSI's sequences.
    pub fn shows_colours() -> bool {
        true
    }
}

#[cfg(windows)]
mod windows {
    use std::sync::OnceLock;

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

    /// Whether nobody else uses this console: Explorer made it for this program, and it goes with it.
    #[expect(unsafe_code, reason = "windows-sys has no safe form of it, and no safe crate has it")]
    pub fn is_ours_alone() -> bool {
        let mut processes = [0u32; 2];
        // SAFETY: the pointer is valid for two elements, which is what the second argument says.
        unsafe { GetConsoleProcessList(processes.as_mut_ptr(), 2) == 1 }
    }
}
