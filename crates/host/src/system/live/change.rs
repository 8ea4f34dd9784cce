//! The machine that this program runs on, changed.

use rdpdoctor_model::{Lookup, RegistryData};

use super::text::why;
use super::{Live, credentials, files, journal, me, registry, security, services, sessions, task};
use crate::system::{Changed, LogEvent, Mutable, NotChanged};

impl Mutable for Live {
    fn set_registry_value(
        &mut self,
        key: &str,
        name: &str,
        data: Option<&RegistryData>,
    ) -> Changed {
        registry::set(key, name, data)
    }

    fn remove_empty_key(&mut self, key: &str) -> Changed {
        registry::remove_empty(key)
    }

    fn set_service_start(&mut self, name: &str, start: u32) -> Changed {
        services::set_start(name, start)
    }

    fn start_service(&mut self, name: &str) -> Changed {
        services::start(name)
    }

    fn running_dependents(&self, name: &str) -> Result<Vec<String>, NotChanged> {
        services::running_dependents(name)
    }

    fn stop_service(&mut self, name: &str) -> Changed {
        services::stop(name)
    }

    fn set_file_access(&mut self, path: &str, sddl: &str) -> Changed {
        me::use_rights();
        security::set_of_file(path, sddl)
            .map_err(|error| NotChanged(format!("{path}: {}", why(error))))
    }

    fn move_file(&mut self, from: &str, to: &str) -> Changed {
        me::use_rights();
        files::rename(from, to)
    }

    fn remove_credential(&mut self, target: &str) -> Changed {
        credentials::remove(target)
    }

    fn reset_session(&mut self, session: u32) -> Changed {
        sessions::end(session)
    }

    fn user(&self) -> Lookup<String> {
        me::user()
    }

    fn came_by(&self) -> Option<String> {
        me::came_by()
    }

    fn boot(&self) -> Lookup<String> {
        me::boot()
    }

    fn log_event(&mut self, event: &LogEvent) -> Changed {
        journal::write(event)
    }

    fn start_apart(&mut self, run: &str, command: &[String]) -> Option<Changed> {
        Some(task::apart(run, command))
    }

    fn look_after_at_start(&mut self, run: &str, command: &[String]) -> Changed {
        task::at_start(run, command)
    }

    fn forget_at_start(&mut self, run: &str) -> Changed {
        task::forget(run)
    }
}
