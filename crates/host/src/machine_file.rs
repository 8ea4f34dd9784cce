//! A machine that is kept in a file, for tests alone: several processes may change it, and one that
//! is killed leaves it as it was before or after a change, never in between.

use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use rdpdoctor_model::{
    FactsWay, FileState, LocalAccount, Lookup, NetworkAdapter, PortListener, RegistryData,
    SavedCredential, ServiceState, Volume, WindowsSession,
};

use crate::System;
use crate::fake::FakeSystem;
use crate::system::{Changed, LogEvent, Mutable, NotChanged};

/// Longest file.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Files that this process has written.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// The machine in a file. It is read anew for each question.
#[derive(Debug)]
pub struct MachineFile {
    path: PathBuf,
    last: RefCell<FakeSystem>,
}

impl MachineFile {
    /// The machine.
    ///
    /// # Errors
    /// When there is none in the file.
    pub fn open(path: &Path) -> Result<Self, NotChanged> {
        let machine = Self { path: path.to_owned(), last: RefCell::default() };
        machine.load()?;
        Ok(machine)
    }

    /// Writes a machine to a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(path: &Path, machine: &FakeSystem) -> Changed {
        let failed = |why: &dyn std::fmt::Display| NotChanged(format!("{}: {why}", path.display()));
        let text = serde_json::to_string_pretty(machine).map_err(|why| failed(&why))?;
        // Threads of one process write at the same time, too.
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let new = path.with_extension(format!("new-{}-{number}", std::process::id()));
        std::fs::File::create(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&new, path))
            .map_err(|why| failed(&why))
    }

    fn load(&self) -> Result<FakeSystem, NotChanged> {
        let failed =
            |why: &dyn std::fmt::Display| NotChanged(format!("{}: {why}", self.path.display()));
        let length = std::fs::metadata(&self.path).map_err(|why| failed(&why))?.len();
        if length > LONGEST {
            return Err(failed(&"longer than any machine"));
        }
        let text = std::fs::read_to_string(&self.path).map_err(|why| failed(&why))?;
        let machine: FakeSystem = serde_json::from_str(&text).map_err(|why| failed(&why))?;
        self.last.replace(machine.clone());
        Ok(machine)
    }

    /// The machine as it is now; as it was last, where the file is gone.
    fn now(&self) -> FakeSystem {
        self.load().unwrap_or_else(|_| self.last.borrow().clone())
    }

    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut FakeSystem) -> Result<T, NotChanged>,
    ) -> Result<T, NotChanged> {
        let mut machine = self.load()?;
        let answer = change(&mut machine)?;
        Self::write(&self.path, &machine)?;
        Ok(answer)
    }
}

impl System for MachineFile {
    fn way(&self) -> FactsWay {
        FactsWay::Live
    }

    fn computer(&self) -> Lookup<String> {
        self.now().computer()
    }

    fn registry_value(&self, key: &str, name: &str) -> Lookup<RegistryData> {
        self.now().registry_value(key, name)
    }

    fn registry_values(&self, key: &str) -> Lookup<Vec<(String, RegistryData)>> {
        self.now().registry_values(key)
    }

    fn registry_subkeys(&self, key: &str) -> Lookup<Vec<String>> {
        self.now().registry_subkeys(key)
    }

    fn file(&self, path: &str) -> Lookup<FileState> {
        self.now().file(path)
    }

    fn read(&self, path: &str, most: u64) -> Lookup<Vec<u8>> {
        self.now().read(path, most)
    }

    fn folder(&self, path: &str) -> Lookup<Vec<String>> {
        self.now().folder(path)
    }

    fn service(&self, name: &str) -> Lookup<ServiceState> {
        self.now().service(name)
    }

    fn listeners(&self, port: u16) -> Lookup<Vec<PortListener>> {
        self.now().listeners(port)
    }

    fn sessions(&self) -> Lookup<Vec<WindowsSession>> {
        self.now().sessions()
    }

    fn volumes(&self) -> Lookup<Vec<Volume>> {
        self.now().volumes()
    }

    fn adapters(&self) -> Lookup<Vec<NetworkAdapter>> {
        self.now().adapters()
    }

    fn members(&self, group: &str) -> Lookup<Vec<String>> {
        self.now().members(group)
    }

    fn right(&self, right: &str) -> Lookup<Vec<String>> {
        self.now().right(right)
    }

    fn accounts(&self) -> Lookup<Vec<LocalAccount>> {
        self.now().accounts()
    }

    fn updates(&self) -> Lookup<Vec<String>> {
        self.now().updates()
    }

    fn saved_credentials(&self) -> Lookup<Vec<SavedCredential>> {
        self.now().saved_credentials()
    }
}

impl Mutable for MachineFile {
    fn set_registry_value(
        &mut self,
        key: &str,
        name: &str,
        data: Option<&RegistryData>,
    ) -> Changed {
        self.change(|machine| machine.set_registry_value(key, name, data))
    }

    fn remove_empty_key(&mut self, key: &str) -> Changed {
        self.change(|machine| machine.remove_empty_key(key))
    }

    fn set_service_start(&mut self, name: &str, start: u32) -> Changed {
        self.change(|machine| machine.set_service_start(name, start))
    }

    fn start_service(&mut self, name: &str) -> Changed {
        self.change(|machine| machine.start_service(name))
    }

    fn running_dependents(&self, name: &str) -> Result<Vec<String>, NotChanged> {
        self.now().running_dependents(name)
    }

    fn stop_service(&mut self, name: &str) -> Changed {
        self.change(|machine| machine.stop_service(name))
    }

    fn set_file_access(&mut self, path: &str, sddl: &str) -> Changed {
        self.change(|machine| machine.set_file_access(path, sddl))
    }

    fn move_file(&mut self, from: &str, to: &str) -> Changed {
        self.change(|machine| machine.move_file(from, to))
    }

    fn remove_credential(&mut self, target: &str) -> Changed {
        self.change(|machine| machine.remove_credential(target))
    }

    fn reset_session(&mut self, session: u32) -> Changed {
        self.change(|machine| machine.reset_session(session))
    }

    fn user(&self) -> Lookup<String> {
        self.now().user()
    }

    fn came_by(&self) -> Option<String> {
        self.now().came_by()
    }

    fn boot(&self) -> Lookup<String> {
        self.now().boot()
    }

    fn log_event(&mut self, event: &LogEvent) -> Changed {
        self.change(|machine| machine.log_event(event))
    }

    fn start_apart(&mut self, _run: &str, command: &[String]) -> Option<Changed> {
        let failed = |error: std::io::Error| NotChanged(format!("a process of its own: {error}"));
        let started = std::env::current_exe().and_then(|program| {
            let mut process = Command::new(program);
            process.args(command);
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut process, 0);
            process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        });
        Some(started.map(drop).map_err(failed))
    }

    fn look_after_at_start(&mut self, run: &str, command: &[String]) -> Changed {
        self.change(|machine| machine.look_after_at_start(run, command))
    }

    fn forget_at_start(&mut self, run: &str) -> Changed {
        self.change(|machine| machine.forget_at_start(run))
    }
}
