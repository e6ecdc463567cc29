//! A process and all that it starts, which end together: a process group on Unix, a job on Windows.

use std::collections::BTreeMap;
use std::io;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All that run, by the number of their first process; they end with this server.
static RUNNING: Mutex<BTreeMap<u32, Child>> = Mutex::new(BTreeMap::new());

#[cfg(unix)]
type Child = std::process::Child;
#[cfg(windows)]
type Child = Box<dyn process_wrap::std::ChildWrapper>;

fn running() -> MutexGuard<'static, BTreeMap<u32, Child>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends with this, if not before.
pub(super) struct Group(u32);

/// Of the first process, as far as they are not its own.
pub(super) struct Pipes {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl Group {
    pub(super) fn start(command: Command) -> io::Result<(Self, Pipes)> {
        let (id, child, pipes) = spawn(command)?;
        running().insert(id, child);
        Ok((Self(id), pipes))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let child = running().remove(&self.0);
        if let Some(mut child) = child {
            // Before it is waited for: until then its number belongs to nobody else.
            end(&mut child);
            let _ = child.wait();
        }
    }
}

/// Ends all that still run: nobody waits for them any more.
pub(crate) fn end_all() {
    running().values_mut().for_each(end);
}

#[cfg(unix)]
fn spawn(mut command: Command) -> io::Result<(u32, Child, Pipes)> {
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let pipes = Pipes {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    Ok((child.id(), child, pipes))
}

#[cfg(unix)]
fn end(child: &mut Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

#[cfg(windows)]
fn spawn(command: Command) -> io::Result<(u32, Child, Pipes)> {
    use process_wrap::std::{CommandWrap, JobObject};

    let mut child = CommandWrap::from(command).wrap(JobObject).spawn()?;
    let pipes = Pipes {
        stdin: child.stdin().take(),
        stdout: child.stdout().take(),
        stderr: child.stderr().take(),
    };
    Ok((child.id(), child, pipes))
}

#[cfg(windows)]
fn end(child: &mut Child) {
    let _ = child.start_kill();
}
