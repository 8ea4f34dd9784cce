//! Where runs are kept: a folder each, with its journal and its locks.
//!
//! ```text
//! STATE/lock                   held while a run is begun
//! STATE/runs/RUN/journal       what was done
//! STATE/runs/RUN/lock          held by whoever writes the journal or changes the machine for it
//! STATE/runs/RUN/watch         held by whoever waits for the confirmation
//! ```

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use rdpdoctor_model::Timestamp;

use super::journal::{self, Began, Journal, JournalError, Phase};

/// Runs that are looked at, the newest ones.
const MOST_RUNS: usize = 1_000;

/// The folder of all runs.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: PathBuf,
}

/// A lock, as long as it is held; who is killed lets go of it.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, never read")] File);

/// Why a run is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The folder.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// Another run is under way.
    #[error("run {0} is not over: confirm it, or roll it back, first")]
    Unfinished(String),
    /// There is no such run.
    #[error("there is no run '{0}'")]
    Unknown(String),
    /// It is not to be believed.
    #[cfg(windows)]
    #[error(transparent)]
    Strange(#[from] crate::system::live::PrivateFolderError),
    /// Its journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl StateFolder {
    /// The folder, made if it is not there; nobody else may look into it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, RunsError> {
        let runs = root.join("runs");
        #[cfg(windows)]
        let new = !root.exists();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&runs).map_err(|error| RunsError::File(runs.clone(), error))?;
        #[cfg(windows)]
        crate::system::live::private_folder(root, new)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins a run. There is one at a time: two would each take the other's work back.
    ///
    /// # Errors
    /// When one is under way, or nothing can be written.
    pub fn begin(&self, began: Began) -> Result<(String, Journal), RunsError> {
        let _one_at_a_time = lock(&self.root.join("lock"))?;
        if let Some((run, _)) = self.unfinished()?.first() {
            return Err(RunsError::Unfinished(run.clone()));
        }
        let run = self.make_folder()?;
        let path = self.folder(&run).join("journal");
        let journal = Journal::begin(&path, Began { run: run.clone(), ..began })?;
        Ok((run, journal))
    }

    /// A folder with a name of its own, the moment.
    fn make_folder(&self) -> Result<String, RunsError> {
        let now = Timestamp::now().to_string();
        let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
        let (day, time) = digits.split_at(digits.len().min(8));
        for more in 0..1_000 {
            let run = match more {
                0 => format!("{day}-{time}"),
                more => format!("{day}-{time}-{more}"),
            };
            let folder = self.folder(&run);
            let mut builder = fs::DirBuilder::new();
            builder.recursive(false);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&folder) {
                Ok(()) => {
                    let synced = journal::sync_folder(&folder);
                    synced.map_err(|error| RunsError::File(folder, error))?;
                    return Ok(run);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(RunsError::File(folder, error)),
            }
        }
        Err(RunsError::File(self.root.clone(), std::io::ErrorKind::AlreadyExists.into()))
    }

    fn folder(&self, run: &str) -> PathBuf {
        self.root.join("runs").join(run)
    }

    /// The names of the runs, the newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, RunsError> {
        let folder = self.root.join("runs");
        let failed = |error| RunsError::File(folder.clone(), error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.to_str().filter(|name| is_name(name)).map(str::to_owned));
        }
        names.sort();
        names.reverse();
        names.truncate(MOST_RUNS);
        Ok(names)
    }

    /// A run's journal.
    ///
    /// # Errors
    /// When there is no such run, or its journal cannot be used.
    pub fn journal(&self, run: &str) -> Result<Journal, RunsError> {
        let path = self.folder(run).join("journal");
        if !is_name(run) || !path.exists() {
            return Err(RunsError::Unknown(run.to_owned()));
        }
        Ok(Journal::open(&path)?)
    }

    /// The runs that are not over, the newest first.
    ///
    /// # Errors
    /// When the folder, or a journal in it, cannot be used.
    pub fn unfinished(&self) -> Result<Vec<(String, Phase)>, RunsError> {
        let mut found = Vec::new();
        for run in self.names()? {
            let phase = match self.journal(&run) {
                Ok(journal) => journal.phase(),
                // Killed before its first line was whole: nothing was changed for it.
                Err(RunsError::Unknown(_) | RunsError::Journal(JournalError::NoBeginning(_))) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            if !matches!(phase, Phase::Ended(_)) {
                found.push((run, phase));
            }
        }
        Ok(found)
    }

    /// Waits for the right to write a run's journal and to change the machine for it.
    ///
    /// # Errors
    /// When the lock cannot be had.
    pub fn lock(&self, run: &str) -> Result<Lock, RunsError> {
        lock(&self.folder(run).join("lock"))
    }

    /// The right to wait for the confirmation; none while somebody else has it.
    ///
    /// # Errors
    /// When the lock cannot be asked for.
    pub fn try_watch(&self, run: &str) -> Result<Option<Lock>, RunsError> {
        let path = self.folder(run).join("watch");
        let file = lock_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(RunsError::File(path, error)),
        }
    }
}

/// Names that this program gives: nothing else is ever joined to a path.
fn is_name(name: &str) -> bool {
    (15..=19).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

fn lock(path: &Path) -> Result<Lock, RunsError> {
    let file = lock_file(path)?;
    file.lock().map_err(|error| RunsError::File(path.to_owned(), error))?;
    Ok(Lock(file))
}

fn lock_file(path: &Path) -> Result<File, RunsError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    journal::owner_only(&mut options);
    options.open(path).map_err(|error| RunsError::File(path.to_owned(), error))
}
