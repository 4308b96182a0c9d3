//! CPU time of this thread, medians, ratios, and the table they are printed in.

use std::time::Duration;

/// The CPU time that this thread has used.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for the call, and the clock exists on every supported system.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Measures every subject `rounds` times, interleaved, and gives the medians in nanoseconds.
pub fn interleaved(
    rounds: usize,
    subjects: &mut [Box<dyn FnMut() -> anyhow::Result<()> + '_>],
) -> anyhow::Result<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(rounds); subjects.len()];
    for _ in 0..rounds {
        for (subject, times) in subjects.iter_mut().zip(&mut times) {
            let start = cpu_time();
            subject()?;
            times.push((cpu_time() - start).as_nanos() as f64);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A table of figures per subject with ratios to the last column, the reference.
pub struct Table {
    title: &'static str,
    unit: &'static str,
    scale: f64,
    names: Vec<&'static str>,
    rows: Vec<(String, Vec<f64>)>,
}

impl Table {
    pub fn new(title: &'static str, unit: &'static str, scale: f64, names: &[&'static str]) -> Self {
        Self { title, unit, scale, names: names.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, name: impl Into<String>, nanoseconds: Vec<f64>) {
        let name = name.into();
        self.print_row(&name, &nanoseconds);
        self.rows.push((name, nanoseconds));
    }

    pub fn head(&self) {
        print!("\n{:<26}", format!("{} [{}]", self.title, self.unit));
        for name in &self.names {
            print!("{name:>14}");
        }
        for name in &self.names[..self.names.len() - 1] {
            print!("{:>18}", format!("{name}/{}", self.names[self.names.len() - 1]));
        }
        println!();
    }

    fn print_row(&self, name: &str, values: &[f64]) {
        print!("{name:<26}");
        for value in values {
            print!("{:>14.2}", value / self.scale);
        }
        for value in &values[..values.len() - 1] {
            print!("{:>18.3}", value / values[values.len() - 1]);
        }
        println!();
    }

    /// Prints the geometric mean of the ratios.
    pub fn geometric_mean(&self) {
        if self.rows.is_empty() {
            return;
        }
        print!("{:<26}", format!("geometric mean of {}", self.rows.len()));
        print!("{:>1$}", "", 14 * self.names.len());
        for column in 0..self.names.len() - 1 {
            let logs: f64 =
                self.rows.iter().map(|(_, values)| (values[column] / values[values.len() - 1]).ln()).sum();
            print!("{:>18.3}", (logs / self.rows.len() as f64).exp());
        }
        println!();
    }
}
