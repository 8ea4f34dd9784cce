//! Changes of a machine that is made up: each at once, each as Windows would leave it.

use rdpdoctor_model::{Lookup, RegistryData, ServiceState};

use super::FakeSystem;
use crate::system::{Changed, LogEvent, Mutable, NotChanged};

/// Where services are set up.
const SERVICES: &str = r"hklm\system\currentcontrolset\services";

impl FakeSystem {
    /// Whether it lets itself be changed in this way.
    fn lets(&self, verb: &str, what: &str) -> Changed {
        let asked = format!("{verb} {what}").to_lowercase();
        match self.refuses.iter().any(|start| asked.starts_with(start)) {
            true => Err(NotChanged(format!("{verb} {what}: access denied"))),
            false => Ok(()),
        }
    }

    fn state(&mut self, name: &str) -> Result<&mut ServiceState, NotChanged> {
        let known = self.services.get_mut(&name.to_lowercase());
        known.ok_or_else(|| NotChanged(format!("there is no service {name}")))
    }
}

impl Mutable for FakeSystem {
    fn set_registry_value(
        &mut self,
        key: &str,
        name: &str,
        data: Option<&RegistryData>,
    ) -> Changed {
        self.lets("set", &format!(r"{key}\{name}"))?;
        let place = (key.to_lowercase(), name.to_lowercase());
        match data {
            Some(data) => self.registry.insert(place, data.clone()),
            None => self.registry.remove(&place),
        };
        Ok(())
    }

    fn remove_empty_key(&mut self, _key: &str) -> Changed {
        // A key is there as long as something is in it.
        Ok(())
    }

    fn set_service_start(&mut self, name: &str, start: u32) -> Changed {
        self.lets("set-start", name)?;
        self.state(name)?;
        let place = (format!(r"{SERVICES}\{}", name.to_lowercase()), "start".to_owned());
        self.registry.insert(place, RegistryData::Dword(start));
        Ok(())
    }

    fn start_service(&mut self, name: &str) -> Changed {
        self.lets("start-service", name)?;
        let place = (format!(r"{SERVICES}\{}", name.to_lowercase()), "start".to_owned());
        if self.registry.get(&place) == Some(&RegistryData::Dword(4)) {
            return Err(NotChanged(format!("{name} is disabled (1058)")));
        }
        let state = self.state(name)?;
        if state.current != ServiceState::RUNNING {
            *state = ServiceState { current: ServiceState::RUNNING, process: 1000, exit_code: 0 };
        }
        Ok(())
    }

    fn running_dependents(&self, name: &str) -> Result<Vec<String>, NotChanged> {
        let all = self.dependents.get(&name.to_lowercase()).cloned().unwrap_or_default();
        let runs = |service: &String| {
            let state = self.services.get(&service.to_lowercase());
            state.is_some_and(|state| state.current == ServiceState::RUNNING)
        };
        Ok(all.into_iter().filter(runs).collect())
    }

    fn stop_service(&mut self, name: &str) -> Changed {
        self.lets("stop-service", name)?;
        for service in self.running_dependents(name)? {
            self.stop_service(&service)?;
        }
        let state = self.state(name)?;
        *state = ServiceState { current: ServiceState::STOPPED, process: 0, exit_code: 0 };
        Ok(())
    }

    fn set_file_access(&mut self, path: &str, sddl: &str) -> Changed {
        self.lets("set-access", path)?;
        let file = self.files.get_mut(&path.to_lowercase());
        let (state, _) = file.ok_or_else(|| NotChanged(format!("{path} is not there")))?;
        state.access = Lookup::seen(sddl.to_owned());
        Ok(())
    }

    fn move_file(&mut self, from: &str, to: &str) -> Changed {
        self.lets("move", from)?;
        let (from, to) = (from.to_lowercase(), to.to_lowercase());
        if self.files.contains_key(&to) {
            return Err(NotChanged(format!("{to} is there already")));
        }
        let file = self.files.remove(&from);
        let file = file.ok_or_else(|| NotChanged(format!("{from} is not there")))?;
        self.files.insert(to, file);
        Ok(())
    }

    fn remove_credential(&mut self, target: &str) -> Changed {
        self.lets("remove-credential", target)?;
        self.credentials.retain(|entry| !entry.target.eq_ignore_ascii_case(target));
        Ok(())
    }

    fn reset_session(&mut self, session: u32) -> Changed {
        self.lets("reset-session", &session.to_string())?;
        self.sessions.retain(|entry| entry.session != session);
        Ok(())
    }

    fn user(&self) -> Lookup<String> {
        Lookup::seen(r"CORP\anna".to_owned())
    }

    fn came_by(&self) -> Option<String> {
        self.came_by.clone()
    }

    fn boot(&self) -> Lookup<String> {
        match &self.boot {
            Some(boot) => Lookup::seen(boot.clone()),
            None => Lookup::unavailable("not said"),
        }
    }

    fn log_event(&mut self, event: &LogEvent) -> Changed {
        self.lets("log", "event")?;
        self.log.push(event.clone());
        Ok(())
    }

    fn look_after_at_start(&mut self, run: &str, command: &[String]) -> Changed {
        self.lets("look-after", run)?;
        self.at_start.insert(run.to_owned(), command.to_vec());
        Ok(())
    }

    fn forget_at_start(&mut self, run: &str) -> Changed {
        self.at_start.remove(run);
        Ok(())
    }
}
