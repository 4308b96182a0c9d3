//! Counts the lines, words, characters and bytes of a file (or of standard input), and prints the ten most
//! frequent words. A Rust program for wasm32-wasip1: collections, sorting, UTF-8, files below a preopened directory.

use std::collections::HashMap;
use std::io::Read;
use std::process::ExitCode;

fn read_input(path: Option<&str>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path {
        Some(path) => std::fs::File::open(path)?.read_to_end(&mut bytes)?,
        None => std::io::stdin().read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let path = arguments.get(1).map(String::as_str);
    let bytes = match read_input(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("wc: {}: {:?}", path.unwrap_or("-"), error.kind());
            return ExitCode::from(2);
        }
    };
    let text = String::from_utf8_lossy(&bytes);

    let mut frequencies: HashMap<String, usize> = HashMap::new();
    let mut words = 0;
    for word in text.split_whitespace() {
        words += 1;
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        if !word.is_empty() {
            *frequencies.entry(word).or_default() += 1;
        }
    }
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let characters = text.chars().count();
    println!("{lines} lines, {words} words, {characters} characters, {} bytes", bytes.len());

    let mut ranking: Vec<(String, usize)> = frequencies.into_iter().collect();
    ranking.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    println!("{} different words", ranking.len());
    for (word, count) in ranking.iter().take(10) {
        println!("{count:6} {word}");
    }
    ExitCode::SUCCESS
}
