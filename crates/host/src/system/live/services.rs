//! Services. `windows-service` knows no dependents and would bring a second `windows-sys`.

use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdpdoctor_model::{Lookup, ServiceState};
use windows_sys::Win32::System::Services::{
    ChangeServiceConfigW, CloseServiceHandle, ControlService, ENUM_SERVICE_STATUS_PROCESSW,
    ENUM_SERVICE_STATUSW, EnumDependentServicesW, EnumServicesStatusExW, OpenSCManagerW,
    OpenServiceW, QueryServiceStatusEx, SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_MANAGER_CONNECT,
    SC_MANAGER_ENUMERATE_SERVICE, SC_STATUS_PROCESS_INFO, SERVICE_ACTIVE, SERVICE_CHANGE_CONFIG,
    SERVICE_CONTROL_STOP, SERVICE_ENUMERATE_DEPENDENTS, SERVICE_NO_CHANGE, SERVICE_QUERY_STATUS,
    SERVICE_START, SERVICE_STATUS, SERVICE_STATUS_PROCESS, SERVICE_STOP, SERVICE_WIN32,
    StartServiceW,
};

use super::text::{absent_or, at, last_error, why, wide};
use crate::system::{Changed, NotChanged};

/// ERROR_SERVICE_DOES_NOT_EXIST.
const NO_SERVICE: u32 = 1060;

/// ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_NOT_ACTIVE.
const RUNS_ALREADY: u32 = 1056;
const NOT_ACTIVE: u32 = 1062;

/// ERROR_MORE_DATA.
const MORE: u32 = 234;

/// Longest time that a service may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// Services that need one are stopped one behind the other, so deep at most.
const DEEPEST: usize = 8;

/// An open service, or the manager of all.
struct Handle(SC_HANDLE);

impl Drop for Handle {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: it was opened, and nobody has it after this.
        unsafe { CloseServiceHandle(self.0) };
    }
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn manager(access: u32) -> Result<Handle, u32> {
    // SAFETY: no name is the machine itself and its usual database.
    let handle = unsafe { OpenSCManagerW(null(), null(), access) };
    if handle.is_null() { Err(last_error()) } else { Ok(Handle(handle)) }
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn open(name: &str, access: u32) -> Result<Handle, u32> {
    let manager = manager(SC_MANAGER_CONNECT)?;
    let name = wide(name);
    // SAFETY: the manager is open, and the name ends with a zero.
    let handle = unsafe { OpenServiceW(manager.0, name.as_ptr(), access) };
    if handle.is_null() { Err(last_error()) } else { Ok(Handle(handle)) }
}

/// How a service is.
pub(super) fn state(name: &str) -> Lookup<ServiceState> {
    match open(name, SERVICE_QUERY_STATUS).and_then(|service| query(&service)) {
        Ok(state) => Lookup::seen(state),
        Err(error) => absent_or(error, &[NO_SERVICE]),
    }
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn query(service: &Handle) -> Result<ServiceState, u32> {
    let mut status = SERVICE_STATUS_PROCESS::default();
    let length = u32::try_from(size_of::<SERVICE_STATUS_PROCESS>()).unwrap_or_default();
    let mut needed = 0;
    // SAFETY: the service is open, and the structure is as long as is said.
    let done = unsafe {
        QueryServiceStatusEx(
            service.0,
            SC_STATUS_PROCESS_INFO,
            (&raw mut status).cast(),
            length,
            &raw mut needed,
        )
    };
    if done == 0 {
        return Err(last_error());
    }
    Ok(ServiceState {
        current: status.dwCurrentState,
        process: status.dwProcessId,
        exit_code: status.dwWin32ExitCode,
    })
}

/// The services that run in each process, by its number.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn by_process() -> Vec<(u32, String)> {
    let Ok(manager) = manager(SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE) else {
        return Vec::new();
    };
    let (mut needed, mut count, mut resume) = (0, 0, 0);
    // 256 KiB is the longest that it takes (documentation of EnumServicesStatusEx).
    let mut buffer = vec![0_u64; 32 * 1024];
    let mut all = Vec::new();
    loop {
        // SAFETY: the buffer is as long as is said and aligned for the structures.
        let done = unsafe {
            EnumServicesStatusExW(
                manager.0,
                SC_ENUM_PROCESS_INFO,
                SERVICE_WIN32,
                SERVICE_ACTIVE,
                buffer.as_mut_ptr().cast(),
                256 * 1024,
                &raw mut needed,
                &raw mut count,
                &raw mut resume,
                null(),
            )
        };
        let more = done == 0 && last_error() == MORE && count > 0;
        if done == 0 && !more {
            return all;
        }
        let entries = buffer.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>();
        for index in 0..usize::try_from(count).unwrap_or_default() {
            // SAFETY: Windows wrote `count` of them there, and their texts behind them.
            let (process, name) = unsafe {
                let entry = &*entries.add(index);
                (entry.ServiceStatusProcess.dwProcessId, at(entry.lpServiceName))
            };
            all.push((process, name));
        }
        if !more {
            return all;
        }
    }
}

/// Sets how a service starts.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn set_start(name: &str, start: u32) -> Changed {
    let service = open(name, SERVICE_CHANGE_CONFIG).map_err(|error| failed(name, error))?;
    // SAFETY: the service is open; what is null stays as it is.
    let done = unsafe {
        ChangeServiceConfigW(
            service.0,
            SERVICE_NO_CHANGE,
            start,
            SERVICE_NO_CHANGE,
            null(),
            null(),
            null_mut(),
            null(),
            null(),
            null(),
            null(),
        )
    };
    if done == 0 { Err(failed(name, last_error())) } else { Ok(()) }
}

fn failed(name: &str, error: u32) -> NotChanged {
    NotChanged(format!("{name}: {}", why(error)))
}

/// Starts a service and waits until it runs.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn start(name: &str) -> Changed {
    let access = SERVICE_START | SERVICE_QUERY_STATUS;
    let service = open(name, access).map_err(|error| failed(name, error))?;
    // SAFETY: the service is open, and takes no arguments.
    if unsafe { StartServiceW(service.0, 0, null()) } == 0 {
        let error = last_error();
        if error != RUNS_ALREADY {
            return Err(failed(name, error));
        }
    }
    wait(name, &service, ServiceState::RUNNING)
}

fn wait(name: &str, service: &Handle, wanted: u32) -> Changed {
    let begun = Instant::now();
    loop {
        let state = query(service).map_err(|error| failed(name, error))?;
        if state.current == wanted {
            return Ok(());
        }
        if wanted == ServiceState::RUNNING && state.current == ServiceState::STOPPED {
            return Err(NotChanged(format!("{name} ended at once: {}", why(state.exit_code))));
        }
        if begun.elapsed() >= PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(NotChanged(format!("{name} is not done after {seconds} s")));
        }
        sleep(LOOK);
    }
}

/// The services that run and need this one, in the order in which they have to be started.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn running_dependents(name: &str) -> Result<Vec<String>, NotChanged> {
    let service = open(name, SERVICE_ENUMERATE_DEPENDENTS).map_err(|error| failed(name, error))?;
    let (mut needed, mut count) = (0, 0);
    let mut buffer = vec![0_u64; 32 * 1024];
    // SAFETY: the buffer is as long as is said and aligned for the structures.
    let done = unsafe {
        EnumDependentServicesW(
            service.0,
            SERVICE_ACTIVE,
            buffer.as_mut_ptr().cast(),
            256 * 1024,
            &raw mut needed,
            &raw mut count,
        )
    };
    if done == 0 {
        return Err(failed(name, last_error()));
    }
    let entries = buffer.as_ptr().cast::<ENUM_SERVICE_STATUSW>();
    let mut names: Vec<String> = (0..usize::try_from(count).unwrap_or_default())
        // SAFETY: Windows wrote `count` of them there, and their texts behind them.
        .map(|index| unsafe { at((*entries.add(index)).lpServiceName) })
        .collect();
    // They come in the order in which they have to be stopped.
    names.reverse();
    Ok(names)
}

/// Stops a service and before it what needs it.
pub(super) fn stop(name: &str) -> Changed {
    stop_below(name, DEEPEST)
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn stop_below(name: &str, depth: usize) -> Changed {
    if depth == 0 {
        return Err(NotChanged(format!("{name}: services need each other in a circle")));
    }
    for dependent in running_dependents(name)?.iter().rev() {
        stop_below(dependent, depth - 1)?;
    }
    let access = SERVICE_STOP | SERVICE_QUERY_STATUS;
    let service = open(name, access).map_err(|error| failed(name, error))?;
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the service is open, and the structure is the one that it writes.
    if unsafe { ControlService(service.0, SERVICE_CONTROL_STOP, &raw mut status) } == 0 {
        let error = last_error();
        if error != NOT_ACTIVE {
            return Err(failed(name, error));
        }
    }
    wait(name, &service, ServiceState::STOPPED)
}
