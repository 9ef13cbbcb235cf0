//! What the trainer takes of the machine: processor time and memory.

use std::{fs, time::Instant};

/// Ticks in a second of processor time. Linux counts in hundredths for every program: `USER_HZ`, time(7).
const TICKS: f64 = 100.0;

/// The processor time of this process at the last measurement.
#[derive(Debug)]
pub(super) struct Usage {
    processor: f64,
    at: Instant,
}

impl Usage {
    /// Begins to measure.
    pub(super) fn begin() -> Self {
        Self { processor: processor(&read("stat")).unwrap_or(f64::NAN), at: Instant::now() }
    }

    /// Returns the processors that were busy on average since the last call, and the resident memory in bytes; NaN where the system
    /// has no /proc, which Linux has.
    pub(super) fn measure(&mut self) -> [f64; 2] {
        let now = Self::begin();
        let seconds = (now.at - self.at).as_secs_f64();
        let processors = (now.processor - self.processor) / seconds;
        *self = now;
        [processors, memory(&read("status")).unwrap_or(f64::NAN)]
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default()
}

/// Reads the seconds of processor time, in user and in system mode: fields 14 and 15 of proc_pid_stat(5). The name of the program
/// before them is in parentheses and may hold anything.
fn processor(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().ok());
    Some(ticks.sum::<Option<f64>>()? / TICKS)
}

/// Reads the resident memory in bytes: `VmRSS` of proc_pid_status(5).
fn memory(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_are_read() {
        // `cat /proc/self/stat` of a program called `a) b`, cut off behind field 17.
        let stat = "4711 (a) b) R 1 4711 1 34816 4711 4194304 94 0 0 0 250 30 7 9 20";
        assert_eq!(processor(stat), Some(2.8));
        assert_eq!(memory("Name:\tduel\nVmHWM:\t  9000 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!((processor("4711 (a"), memory("")), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_thread_is_one_processor_at_most() {
        let mut usage = Usage::begin();
        let since = Instant::now();
        while since.elapsed().as_millis() < 60 {
            std::hint::black_box(0);
        }
        let [processors, memory] = usage.measure();
        // Other tests of this process are busy, too.
        assert!(processors > 0.0 && memory > 1e6, "{processors} {memory}");
    }
}
