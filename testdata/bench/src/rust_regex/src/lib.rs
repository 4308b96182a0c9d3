//! Compiles regular expressions and runs them over a generated log: captures, alternations, Unicode classes, a set, a
//! replacement. The work is linear in `n`.

use std::fmt::Write;

use regex::{Captures, Regex, RegexSet};

/// Folds a value into a checksum; order matters. As in `bench.h`.
fn mix(sum: u64, value: u64) -> u64 {
    let sum = (sum ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    sum ^ (sum >> 29)
}

/// xorshift32.
fn next_random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const PATHS: [&str; 6] =
    ["/index.html", "/api/v2/items/17", "/straße/größe", "/login?next=%2Fhome", "/images/Łódź.png", "/favicon.ico"];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
    "curl/8.5.0",
    "Googlebot/2.1 (crawling, indexing)",
    "Wget/1.21 наблюдатель",
];

fn log(lines: u32, state: &mut u32) -> String {
    let mut text = String::new();
    for _ in 0..lines {
        let r = next_random(state);
        let _ = writeln!(
            text,
            "{}.{}.{}.{} - user{} [{:02}/Nov/2025:{:02}:{:02}] \"{} {} HTTP/1.1\" {} {} \"{}\"",
            r % 223 + 1,
            r >> 8 & 0xff,
            r >> 16 & 0xff,
            r >> 24,
            r % 1000,
            r % 30 + 1,
            r % 24,
            r % 60,
            METHODS[(r >> 3) as usize % 4],
            PATHS[(r >> 5) as usize % 6],
            [200, 301, 404, 500][(r >> 7) as usize % 4],
            r % 100_000,
            AGENTS[(r >> 9) as usize % 4],
        );
    }
    text
}

fn round(state: &mut u32) -> Result<u64, regex::Error> {
    let text = log(300, state);
    let mut sum = text.len() as u64;

    let line = Regex::new(
        r#"(?m)^(?<ip>\d+\.\d+\.\d+\.\d+) - (\w+) \[([^\]]+)\] "([A-Z]+) (\S+) [^"]*" (?<status>\d{3}) (\d+)"#,
    )?;
    for captures in line.captures_iter(&text) {
        let status = captures["status"].parse::<u64>().unwrap_or(0);
        sum = mix(sum, status + captures["ip"].len() as u64 * 1000 + captures[5].len() as u64);
    }

    let words = Regex::new(r"\b\w+ing\b|Gecko|[Cc]url|наблю\w+")?;
    sum = words.find_iter(&text).fold(sum, |sum, found| mix(sum, found.start() as u64));

    let letters = Regex::new(r"[^\x00-\x7f]{1,3}\w*")?;
    sum = letters.find_iter(&text).fold(sum, |sum, found| mix(sum, found.len() as u64));

    let digits = Regex::new(r"(\d+)\.(\d+)")?;
    let swapped = digits.replace_all(&text, |captures: &Captures<'_>| format!("{}.{}", &captures[2], &captures[1]));
    sum = swapped.bytes().fold(sum, |sum, byte| sum.rotate_left(5) ^ u64::from(byte));

    let set = RegexSet::new([r"POST .*/api/", r"\b5\d\d \d+", r"(?i-u:GOOGLEBOT)", r"user[0-4]\d\b", r"\.png HTTP"])?;
    for line in text.lines() {
        sum = set.matches(line).iter().fold(sum, |sum, index| mix(sum, index as u64 + 1));
    }
    Ok(sum)
}

/// Does `n` rounds; −1 if a pattern does not compile.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i64 {
    let (mut state, mut sum) = (20_251_120, 0);
    for _ in 0..n {
        match round(&mut state) {
            Ok(value) => sum = mix(sum, value),
            Err(_) => return -1,
        }
    }
    sum as i64
}
