//! Processes seen through /proc: who is whose child, what is on its command line, whether it is still there.

use std::fs;

use rustix::process::{Pid, Signal};

/// A process id as the system calls take it.
pub(crate) fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

/// The children of a process, by the parent each of them names.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

/// The children of a process that are instances of the bundled server.
pub(crate) fn instances(parent: u32) -> Vec<u32> {
    children(parent).into_iter().filter(|id| command_line(*id).contains(" instance ")).collect()
}

/// The words of a process's command line, or nothing once it is gone.
pub(crate) fn command_line(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default().replace('\0', " ")
}

/// Whether a process is there and no zombie.
pub(crate) fn lives(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != 'Z')
}

/// Sends a signal to a process that is there.
pub(crate) fn signal(id: u32, signal: Signal) {
    rustix::process::kill_process(pid(id), signal).unwrap();
}

fn parent_of(id: u32) -> Option<u32> {
    stat(id).map(|(_, parent)| parent)
}

fn stat(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name is in parentheses and may hold anything.
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
