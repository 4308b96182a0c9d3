//! [`Report`] and [`Table`]: what is printed while it is measured, and written as JSON at the end.

use std::path::Path;

use anyhow::{Context as _, Error, Result, ensure};
use serde_json::{Map, Value, json};

use crate::machine;
use crate::measure::{Samples, geometric_mean};
use crate::options::Options;

/// The ratios that tables show if both are measured.
const PAIRS: [(&str, &str); 7] = [
    ("wz jit", "cranelift"),
    ("wz jit", "pooling"),
    ("wz jit", "winch"),
    ("wz interp", "wasmi"),
    ("winch", "cranelift"),
    ("wz interp", "cranelift"),
    ("wz interp", "pooling"),
];

/// Everything of a run.
pub struct Report {
    sections: Vec<Value>,
    failures: usize,
    load_before: f64,
    rounds: usize,
}

impl Report {
    pub fn new(options: &Options) -> Self {
        let load_before = machine::load();
        let versions: Vec<String> =
            machine::versions().iter().map(|(name, version)| format!("{name} {version}")).collect();
        println!(
            "{}; {}, {} threads, load {load_before:.2}; up to {} rounds",
            versions.join(", "),
            machine::processor(),
            machine::threads(),
            options.rounds,
        );
        Self { sections: Vec::new(), failures: 0, load_before, rounds: options.rounds }
    }

    /// Takes a complete table, and prints what sums it up.
    pub fn add(&mut self, table: Table) {
        table.print_summary();
        self.failures += table.failures.len();
        if !table.rows.is_empty() {
            self.sections.push(table.json());
        }
    }

    /// Writes the file, if one is wanted.
    ///
    /// # Errors
    /// If it cannot be written, or something failed on its way.
    pub fn finish(self, file: Option<&Path>) -> Result<()> {
        let load_after = machine::load();
        println!("\nload {:.2} before, {load_after:.2} after", self.load_before);
        if let Some(file) = file {
            self.write(file)?;
        }
        ensure!(self.failures == 0, "{} failures", self.failures);
        Ok(())
    }

    fn write(&self, file: &Path) -> Result<()> {
        let versions: Map<String, Value> = machine::versions()
            .into_iter()
            .map(|(name, version)| (name.to_owned(), json!(version)))
            .collect();
        let value = json!({
            "processor": machine::processor(),
            "threads": machine::threads(),
            "load_before": self.load_before,
            "load_after": machine::load(),
            "rounds": self.rounds,
            "versions": versions,
            "sections": self.sections,
        });
        std::fs::write(file, format!("{value:#}\n"))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// What the samples of a table are, and how they are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, shown as such.
    Nanoseconds,
    /// Nanoseconds, shown as milliseconds.
    Milliseconds,
    /// Nanoseconds for a number of bytes, shown as their quotient.
    Throughput,
    /// Bytes.
    Megabytes,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
            Self::Throughput => "MB/s",
            Self::Megabytes => "MB",
        }
    }

    fn show(self, sample: f64, bytes: usize) -> f64 {
        match self {
            Self::Nanoseconds => sample,
            Self::Milliseconds | Self::Megabytes => sample / 1e6,
            Self::Throughput => bytes as f64 * 1e3 / sample,
        }
    }

    /// The ratio of what is shown.
    fn ratio(self, this: &Samples, other: &Samples) -> f64 {
        if self == Self::Throughput { other.ratio(this) } else { this.ratio(other) }
    }

    fn worst(self, ratios: impl Iterator<Item = (f64, String)>) -> Option<(f64, String)> {
        if self == Self::Throughput {
            ratios.min_by(|one, other| one.0.total_cmp(&other.0))
        } else {
            ratios.max_by(|one, other| one.0.total_cmp(&other.0))
        }
    }
}

/// A row: what each runtime took.
pub struct Row {
    pub name: String,
    /// In the order of the columns; `None` where there is nothing.
    pub cells: Vec<Option<Samples>>,
    /// What the reference took a second time, prepared afresh.
    pub twin: Option<Samples>,
    /// What a throughput counts.
    pub bytes: usize,
}

/// Figures by row and runtime, with ratios.
pub struct Table {
    title: &'static str,
    unit: Unit,
    columns: Vec<&'static str>,
    reference: usize,
    /// Whether the rows are of one kind, so that their mean says something.
    alike: bool,
    pairs: Vec<(usize, usize)>,
    rows: Vec<Row>,
    notes: Vec<String>,
    failures: Vec<String>,
}

impl Table {
    /// A table without rows. The column `reference` is the one that rows may have a twin of.
    pub fn new(title: &'static str, unit: Unit, columns: Vec<&'static str>, reference: usize) -> Self {
        let position = |name: &str| columns.iter().position(|column| *column == name);
        let pairs = PAIRS.iter().filter_map(|(this, other)| position(this).zip(position(other))).collect();
        Self {
            title,
            unit,
            columns,
            reference,
            alike: true,
            pairs,
            rows: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Says that the rows are of different kinds: they have no means.
    pub fn of_different_kinds(mut self) -> Self {
        self.alike = false;
        self
    }

    /// The runtimes' names.
    pub fn columns(&self) -> Vec<&'static str> {
        self.columns.clone()
    }

    /// Says something below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A runtime did not do what it should: said below the table, and the run fails in the end.
    pub fn failure(&mut self, row: &str, runtime: &str, error: &Error) {
        self.failures.push(format!("{row} on {runtime}: {error:#}"));
    }

    /// Prints a row and keeps it.
    pub fn row(&mut self, row: Row) {
        if self.rows.is_empty() {
            self.print_head();
        }
        print!("{:<24}", row.name);
        for cell in &row.cells {
            match cell {
                Some(samples) => {
                    let value = self.unit.show(samples.median(), row.bytes);
                    print!(" {value:>10.*}", if value < 100.0 { 2 } else { 0 });
                }
                None => print!(" {:>10}", "–"),
            }
        }
        for &pair in &self.pairs {
            match self.ratio(&row, pair) {
                Some(ratio) => print!(" {ratio:>20.3}"),
                None => print!(" {:>20}", "–"),
            }
        }
        match self.noise(&row) {
            Some(noise) => println!(" {:>7.1} %", noise * 100.0),
            None => println!(),
        }
        self.rows.push(row);
    }

    fn print_head(&self) {
        print!("\n{:<24}", format!("{} [{}]", self.title, self.unit.name()));
        for column in &self.columns {
            print!(" {column:>10}");
        }
        for pair in &self.pairs {
            print!(" {:>20}", self.pair_name(*pair));
        }
        println!(" {:>9}", "noise");
    }

    fn pair_name(&self, (this, other): (usize, usize)) -> String {
        format!("{}/{}", self.columns[this], self.columns[other])
    }

    fn ratio(&self, row: &Row, (this, other): (usize, usize)) -> Option<f64> {
        Some(self.unit.ratio(row.cells[this].as_ref()?, row.cells[other].as_ref()?))
    }

    /// How far the reference and its twin are apart.
    fn noise(&self, row: &Row) -> Option<f64> {
        let ratio = row.cells[self.reference].as_ref()?.ratio(row.twin.as_ref()?);
        Some((ratio - 1.0).abs())
    }

    fn ratios(&self, pair: (usize, usize)) -> Vec<(f64, String)> {
        self.rows.iter().filter_map(|row| Some((self.ratio(row, pair)?, row.name.clone()))).collect()
    }

    /// The pairs whose ratios have a mean.
    fn summed_up(&self) -> &[(usize, usize)] {
        if self.alike { &self.pairs } else { &[] }
    }

    fn print_summary(&self) {
        for &pair in self.summed_up() {
            let ratios = self.ratios(pair);
            let values: Vec<f64> = ratios.iter().map(|(ratio, _)| *ratio).collect();
            if let Some((worst, name)) = self.unit.worst(ratios.into_iter()) {
                println!(
                    "  {:<22} geometric mean of {:>2}: {:.3}, worst {worst:.3} ({name})",
                    self.pair_name(pair),
                    values.len(),
                    geometric_mean(&values),
                );
            }
        }
        let mut noises: Vec<f64> = self.rows.iter().filter_map(|row| self.noise(row)).collect();
        if !noises.is_empty() {
            noises.sort_by(f64::total_cmp);
            println!(
                "  noise: {} prepared twice differs by {:.1} % (median of the rows), {:.1} % at most",
                self.columns[self.reference],
                noises[noises.len() / 2] * 100.0,
                noises[noises.len() - 1] * 100.0,
            );
        }
        for note in &self.notes {
            println!("  {note}");
        }
        for failure in &self.failures {
            println!("  FAILED: {failure}");
        }
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.json_row(row)).collect();
        let mut means = Map::new();
        for &pair in self.summed_up() {
            let values: Vec<f64> = self.ratios(pair).into_iter().map(|(ratio, _)| ratio).collect();
            if !values.is_empty() {
                let mean = json!({ "ratio": geometric_mean(&values), "rows": values.len() });
                means.insert(self.pair_name(pair), mean);
            }
        }
        json!({
            "title": self.title,
            "unit": self.unit.name(),
            "rows": rows,
            "geometric_means": means,
            "notes": self.notes,
            "failures": self.failures,
        })
    }

    fn json_row(&self, row: &Row) -> Value {
        let show = |sample: f64| self.unit.show(sample, row.bytes);
        let mut runtimes = Map::new();
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            let Some(samples) = cell else { continue };
            let all: Vec<f64> = samples.0.iter().map(|sample| show(*sample)).collect();
            let value =
                json!({ "median": show(samples.median()), "best": show(samples.min()), "samples": all });
            runtimes.insert((*column).to_owned(), value);
        }
        let mut ratios = Map::new();
        for &pair in &self.pairs {
            if let Some(ratio) = self.ratio(row, pair) {
                ratios.insert(self.pair_name(pair), json!(ratio));
            }
        }
        let mut value = json!({ "name": row.name, "runtimes": runtimes, "ratios": ratios });
        if let Some(noise) = self.noise(row) {
            value["noise"] = json!(noise);
        }
        if row.bytes > 0 {
            value["bytes"] = json!(row.bytes);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: [f64; 2]) -> Option<Samples> {
        Some(Samples(values.to_vec()))
    }

    #[test]
    fn tables_have_ratios() {
        let mut table = Table::new("t", Unit::Milliseconds, vec!["wz jit", "cranelift", "wasmi"], 1);
        table.row(Row {
            name: "a".into(),
            cells: vec![samples([1e6, 3e6]), samples([2e6, 6e6]), None],
            twin: samples([4e6, 12e6]),
            bytes: 0,
        });
        table.row(Row {
            name: "b".into(),
            cells: vec![samples([8e6, 8e6]), samples([4e6, 4e6]), samples([1.0, 1.0])],
            twin: None,
            bytes: 0,
        });
        let json = table.json();
        assert_eq!(json["rows"][0]["ratios"]["wz jit/cranelift"], json!(0.5));
        assert_eq!(json["rows"][0]["runtimes"]["cranelift"]["median"], json!(4.0));
        assert_eq!(json["rows"][0]["noise"], json!(0.5));
        assert!(json["rows"][0]["runtimes"].get("wasmi").is_none());
        assert_eq!(json["geometric_means"]["wz jit/cranelift"], json!({ "ratio": 1.0, "rows": 2 }));
    }

    #[test]
    fn a_higher_throughput_has_a_higher_ratio() {
        let mut table = Table::new("t", Unit::Throughput, vec!["wz jit", "cranelift"], 1);
        let cells = vec![samples([1e9, 1e9]), samples([4e9, 4e9])];
        table.row(Row { name: "a".into(), cells, twin: None, bytes: 8_000_000 });
        let json = table.json();
        assert_eq!(json["rows"][0]["ratios"]["wz jit/cranelift"], json!(4.0));
        assert_eq!(json["rows"][0]["runtimes"]["cranelift"]["median"], json!(2.0));
    }
}
