//! Tests of WASI, one per argument, or all: `wasi-suite [TEST…]`. They take a directory mounted at `/` and leave it
//! empty. A failure is a panic; what passed is printed.

mod descriptors;
mod files;
mod links;
mod paths;
mod raw;
mod standard;
mod streams;
mod times;

type Test = (&'static str, fn());

fn all() -> Vec<Test> {
    [
        descriptors::TESTS,
        files::TESTS,
        links::TESTS,
        paths::TESTS,
        standard::TESTS,
        times::TESTS,
        streams::TESTS,
    ]
    .concat()
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let tests = all();
    if wanted == ["--list"] {
        tests.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    for name in &wanted {
        assert!(tests.iter().any(|(test, _)| test == name), "no test is called {name}");
    }
    let (mut passed, mut left) = (0, Vec::new());
    for (name, test) in &tests {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            eprintln!("{name}");
            test();
            left.extend(std::fs::read_dir("/").unwrap().map(|entry| entry.unwrap().file_name()));
            assert!(left.is_empty(), "{name} left {left:?}");
            passed += 1;
            println!("ok {name}");
        }
    }
    println!("{passed} passed");
}
