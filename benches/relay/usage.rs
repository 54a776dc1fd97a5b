//! What a process has used, and what machine this is, as the kernel accounts it.

use std::fs;
use std::time::Duration;

/// What a process has used so far.
#[derive(Clone, Copy)]
pub struct Usage {
    /// Processor time, its own and the kernel's for it.
    pub cpu: Duration,
    /// Resident memory.
    pub mib: f64,
}

impl Usage {
    /// Of a running process.
    pub fn of(pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        // proc(5): utime and stime are fields 14 and 15, in clock ticks of 10 ms on Linux.
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap_or("0 kB");
        let kib: f64 = resident
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap_or(0.0);
        Self {
            cpu: Duration::from_millis((ticks(11) + ticks(12)) * 10),
            mib: kib / 1024.0,
        }
    }

    /// The machine in one line.
    pub fn machine() -> String {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or(": unknown");
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        format!(
            "{} processors,{}; load before {}",
            std::thread::available_parallelism().map_or(0, usize::from),
            name.trim_start_matches([' ', '\t', ':'])
                .trim()
                .split('@')
                .next()
                .map_or(String::new(), |n| format!(" {n}")),
            load.split_whitespace().next().unwrap_or("unknown")
        )
    }
}
