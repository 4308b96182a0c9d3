//! `cargo xtask programs`: builds the guest programs that tests and benchmarks run.
//!
//! Small ones (`testdata/programs`, `testdata/bench`) are committed and built again on demand; large ones come from
//! C sources in crates and go to `target/programs`. The C compiler is zig's, fetched from the Python registry.
//! Running the programs is not its job; recording their reference outputs is `reference`'s.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

mod reference;
mod rust;
mod wheel;

/// The zig release whose `zig cc` builds everything; other releases give other bytes.
const ZIG_VERSION: &str = "0.17.0";

const USAGE: &str = "\
usage: cargo xtask programs [NAME…] [--out DIR] [--list] [--record]

  NAME      a program, or a group: large (the default), small, bench, wasi-tests, wheels, all
  --out     where large programs and those from wheels go; target/programs if absent
  --list    print the names and do nothing
  --record  run the programs that are built in wasmtime, and write the expected outputs";

/// How a program is built, and where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One C file of `testdata/programs`, against zig's wasi-libc.
    Wasi,
    /// One C file without a libc, with these additional flags.
    Freestanding(&'static [&'static str]),
    /// A cargo package, a command for WASI.
    RustCommand,
    /// A cargo package, a library that imports nothing.
    RustLibrary,
    /// A `main.c` of ours with C sources out of a crate.
    Large(&'static Large),
    /// A file of a Python package.
    Wheel(&'static wheel::Wheel),
}

struct Program {
    group: &'static str,
    name: String,
    /// The C source relative to the repository; the package's folder for Rust.
    source: String,
    /// The committed result relative to the repository; `None` for what is not committed.
    result: Option<String>,
    kind: Kind,
}

/// A program made from the C sources that a crate bundles.
#[derive(PartialEq, Eq)]
struct Large {
    name: &'static str,
    /// Crate and version, pinned: reference outputs depend on both.
    package: (&'static str, &'static str),
    /// The folder inside the crate that holds sources and headers.
    folder: &'static str,
    /// Sources below `folder`; one that ends in `/` or is empty stands for all `.c` files in that folder.
    sources: &'static [&'static str],
    /// Sources and include folders below `testdata/programs`.
    own_sources: &'static [&'static str],
    own_includes: &'static [&'static str],
    flags: &'static [&'static str],
}

const EMULATED: [&str; 4] = [
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-D_WASI_EMULATED_SIGNAL",
    "-lwasi-emulated-process-clocks",
    "-lwasi-emulated-signal",
];

const LUA: (&str, &str) = ("lua-src", "551.1.0");

static LARGE: [Large; 5] = [
    Large {
        name: "lua",
        package: LUA,
        folder: "lua-5.4.9",
        sources: &[""],
        own_sources: &["lua/main.c"],
        own_includes: &["lua/include"],
        flags: &[EMULATED[0], EMULATED[1], EMULATED[2], EMULATED[3]],
    },
    // With setjmp over the exceptions proposal: pcall and coroutines work, and the engine needs exceptions.
    Large {
        name: "lua-eh",
        package: LUA,
        folder: "lua-5.4.9",
        sources: &[""],
        own_sources: &["lua/main.c", "lua/sjlj.c"],
        own_includes: &[],
        flags: &[
            EMULATED[0],
            EMULATED[1],
            EMULATED[2],
            EMULATED[3],
            "-mexception-handling",
            "-mllvm",
            "-wasm-enable-sjlj",
            "-mllvm",
            "-wasm-use-legacy-eh=false",
        ],
    },
    Large {
        name: "sqlite",
        package: ("libsqlite3-sys", "0.39.1"),
        folder: "sqlite3",
        sources: &["sqlite3.c"],
        own_sources: &["sqlite/main.c"],
        own_includes: &[],
        flags: &[
            "-DSQLITE_THREADSAFE=0",
            "-DSQLITE_OMIT_LOAD_EXTENSION",
            "-DSQLITE_TEMP_STORE=3",
            "-D_WASI_EMULATED_GETPID",
            "-D_WASI_EMULATED_MMAN",
            "-lwasi-emulated-getpid",
            "-lwasi-emulated-mman",
        ],
    },
    Large {
        name: "zstd",
        package: ("zstd-sys", "2.1.2"),
        folder: "zstd/lib",
        sources: &["common/", "compress/", "decompress/"],
        own_sources: &["zstd/main.c"],
        own_includes: &[],
        flags: &["-DZSTD_DISABLE_ASM", "-DXXH_NAMESPACE=ZSTD_"],
    },
    Large {
        name: "quickjs",
        package: ("rquickjs-sys", "0.14.0"),
        folder: "quickjs",
        sources: &["quickjs.c", "libregexp.c", "libunicode.c", "dtoa.c"],
        own_sources: &["quickjs/main.c"],
        own_includes: &[],
        flags: &[EMULATED[0], EMULATED[1], EMULATED[2], EMULATED[3], "-D_GNU_SOURCE"],
    },
];

/// Runs the command with the arguments after `programs`.
///
/// # Errors
/// An unknown argument, a missing tool (the message says how to get it), a failed build.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut out = workspace.target.clone();
    let (mut names, mut list, mut record) = (Vec::new(), false, false);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--out" => out = std::path::absolute(rest.next().context("--out wants a folder")?)?,
            "--list" => list = true,
            "--record" => record = true,
            "-h" | "--help" => {
                println!("{USAGE}");
                return Ok(());
            }
            option if option.starts_with('-') => bail!("unknown option {option}\n{USAGE}"),
            name => names.push(name),
        }
    }
    let programs = workspace.programs()?;
    if list {
        for program in &programs {
            println!("{:10} {}", program.group, program.name);
        }
        return Ok(());
    }
    if names.is_empty() && !record {
        names.push("large");
    }
    for name in &names {
        let chosen: Vec<&Program> = programs.iter().filter(|program| program.is_called(name)).collect();
        ensure!(!chosen.is_empty(), "no program or group is called {name:?}; --list prints them");
        for program in chosen {
            let result = workspace.build(program, &out)?;
            println!("{:>9} bytes  {}", fs::metadata(&result)?.len(), workspace.short(&result));
        }
    }
    if record { reference::record(&workspace, &out) } else { Ok(()) }
}

impl Program {
    fn is_called(&self, name: &str) -> bool {
        // `small` includes the benchmarks, as both are committed.
        name == "all" || name == self.name || name == self.group || (name == "small" && self.group == "bench")
    }
}

/// The folders that the command works with.
struct Workspace {
    root: PathBuf,
    /// `target/programs`: tools, crate sources, caches and, unless told otherwise, results.
    target: PathBuf,
}

impl Workspace {
    /// Finds the repository from the current folder upwards.
    fn find() -> Result<Self> {
        let current = std::env::current_dir()?;
        let root = current
            .ancestors()
            .find(|folder| folder.join("testdata/programs/MANIFEST.toml").is_file())
            .context("run this inside the repository: testdata/programs/MANIFEST.toml is not above here")?
            .to_path_buf();
        let target =
            root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into())).join("programs");
        fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
        Ok(Self { root, target })
    }

    fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// All programs; the benchmarks and WASI tests are the C files in their folders.
    fn programs(&self) -> Result<Vec<Program>> {
        let mut programs = Vec::new();
        for name in ["hello", "files", "trap", "rust-wc", "wasi-suite"] {
            let kind = match name {
                "trap" => {
                    Kind::Freestanding(&["-O1", "-g", "-fno-sanitize=undefined", "-fdebug-compilation-dir=."])
                }
                "rust-wc" | "wasi-suite" => Kind::RustCommand,
                _ => Kind::Wasi,
            };
            let extension = if kind == Kind::RustCommand { "" } else { ".c" };
            programs.push(Program {
                group: "small",
                name: name.to_owned(),
                source: format!("testdata/programs/{name}{extension}"),
                result: Some(format!("testdata/programs/{name}.wasm")),
                kind,
            });
        }
        for (group, sources, results) in [
            ("bench", "testdata/bench/src", "testdata/bench"),
            ("wasi-tests", "testdata/programs/wasi-tests", "testdata/programs/wasi-tests"),
        ] {
            for path in c_files(&self.root.join(sources))? {
                let stem = path
                    .file_stem()
                    .and_then(OsStr::to_str)
                    .context("a file name that is not UTF-8")?
                    .to_owned();
                let kind = match group {
                    "bench" if stem.starts_with("simd_") => Kind::Freestanding(&["-O2", "-s", "-msimd128"]),
                    "bench" => Kind::Freestanding(&["-O2", "-s"]),
                    _ => Kind::Wasi,
                };
                programs.push(Program {
                    group,
                    source: format!("{sources}/{stem}.c"),
                    result: Some(format!("{results}/{stem}.wasm")),
                    name: stem,
                    kind,
                });
            }
        }
        for name in ["rust_json", "rust_regex"] {
            programs.push(Program {
                group: "bench",
                name: name.to_owned(),
                source: format!("testdata/bench/src/{name}"),
                result: Some(format!("testdata/bench/{name}.wasm")),
                kind: Kind::RustLibrary,
            });
        }
        programs.extend(LARGE.iter().map(|large| Program {
            group: "large",
            name: large.name.to_owned(),
            source: format!("testdata/programs/{}", large.own_sources[0]),
            result: None,
            kind: Kind::Large(large),
        }));
        programs.push(Program {
            group: "wheels",
            name: wheel::YOSYS.name.to_owned(),
            source: String::new(),
            result: None,
            kind: Kind::Wheel(&wheel::YOSYS),
        });
        Ok(programs)
    }

    /// Builds one program and returns the path of the result.
    fn build(&self, program: &Program, out: &Path) -> Result<PathBuf> {
        let result = match &program.result {
            Some(result) => self.root.join(result),
            None => out.join(format!("{}.wasm", program.name)),
        };
        fs::create_dir_all(result.parent().unwrap_or(out))?;
        // Built elsewhere first: a failed build leaves the old result.
        let fresh = self.target.join("fresh.wasm");
        let source = self.root.join(&program.source);
        match program.kind {
            Kind::RustCommand => rust::build_command(self, &source, &program.name, &fresh)?,
            Kind::RustLibrary => rust::build_library(self, &source, &program.name, &fresh)?,
            Kind::Wasi => {
                let mut zig = self.zig_cc("wasm32-wasi", &source)?;
                zig.args(["-O2", "-s", "-Wno-unused-result"]);
                execute(zig.arg("-o").arg(&fresh))?;
            }
            Kind::Freestanding(flags) => {
                let mut zig = self.zig_cc("wasm32-freestanding", &source)?;
                zig.args(["-nostdlib", "-Wl,--no-entry"]).args(flags);
                execute(zig.arg("-o").arg(&fresh))?;
            }
            Kind::Large(large) => self.build_large(large, &fresh)?,
            Kind::Wheel(wheel) => wheel.unpack(&self.target, &fresh)?,
        }
        // Not `fs::copy`, which would make the result executable as the linker's is.
        fs::write(&result, fs::read(&fresh)?)
            .with_context(|| format!("cannot write {}", result.display()))?;
        fs::remove_file(&fresh)?;
        Ok(result)
    }

    /// `zig cc` for one of our own sources, run in its folder, so that no path of this machine gets into the result.
    fn zig_cc(&self, target: &str, source: &Path) -> Result<Command> {
        let mut zig = self.zig()?;
        zig.args(["cc", "-target", target, "-Wall", "-Wextra"]);
        zig.current_dir(source.parent().context("a source without a folder")?);
        zig.arg(source.file_name().context("a source without a name")?);
        Ok(zig)
    }

    fn build_large(&self, large: &Large, fresh: &Path) -> Result<()> {
        let own = self.root.join("testdata/programs");
        let sources = self.crate_sources(large.package)?.join(large.folder);
        let mut zig = self.zig()?;
        zig.current_dir(&own);
        // Third-party sources: their warnings are not ours to mend.
        zig.args(["cc", "-target", "wasm32-wasi", "-O2", "-s", "-DNDEBUG", "-w"]);
        zig.arg(format!("-ffile-prefix-map={}=.", sources.display()));
        for include in large.own_includes {
            zig.arg(format!("-I{include}"));
        }
        zig.arg(format!("-I{}", sources.display())).args(large.flags).args(large.own_sources);
        for source in large.sources {
            if source.is_empty() || source.ends_with('/') {
                zig.args(c_files(&sources.join(source))?);
            } else {
                zig.arg(sources.join(source));
            }
        }
        execute(zig.arg("-o").arg(fresh))
    }

    /// The folder of a crate's sources: `cargo vendor` of a scratch package that depends on all of them.
    fn crate_sources(&self, (name, version): (&str, &str)) -> Result<PathBuf> {
        let fetch = self.target.join("fetch");
        let vendor = fetch.join("vendor");
        let find = || -> Option<PathBuf> {
            // zstd-sys carries zstd's version after a plus sign.
            let plain = format!("{name}-{version}");
            let with_build = format!("{plain}+");
            fs::read_dir(&vendor).ok()?.flatten().map(|entry| entry.path()).find(|path| {
                let folder = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
                folder == plain || folder.starts_with(&with_build)
            })
        };
        if let Some(found) = find() {
            return Ok(found);
        }
        let mut manifest = String::from(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n[dependencies]\n",
        );
        let mut lines: Vec<String> = LARGE
            .iter()
            .map(|large| {
                format!(
                    "{} = {{ version = \"={}\", default-features = false }}\n",
                    large.package.0, large.package.1
                )
            })
            .collect();
        lines.sort();
        lines.dedup();
        manifest.push_str(&lines.concat());
        fs::create_dir_all(fetch.join("src"))?;
        fs::write(fetch.join("Cargo.toml"), manifest)?;
        fs::write(fetch.join("src/lib.rs"), "")?;
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&fetch).args(["vendor", "--quiet", "--versioned-dirs", "vendor"]);
        let output = cargo.output().context("cannot run cargo")?;
        ensure!(
            output.status.success(),
            "the sources of the large programs could not be fetched (cargo vendor in {}):\n{}",
            fetch.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        find().with_context(|| format!("cargo vendor did not bring {name} {version}"))
    }

    /// A command for zig: `$ZIG`, the copy below `target/programs`, the `ziglang` package of Python, or a fresh copy.
    fn zig(&self) -> Result<Command> {
        let mut zig = if let Some(path) = std::env::var_os("ZIG") {
            Command::new(path)
        } else {
            let copy = self.target.join("zig");
            let binary = copy.join("ziglang").join(if cfg!(windows) { "zig.exe" } else { "zig" });
            if binary.is_file() {
                Command::new(binary)
            } else if python_zig_version().as_deref() == Some(ZIG_VERSION) {
                let mut python = Command::new("python3");
                python.args(["-m", "ziglang"]);
                python
            } else {
                self.download_zig(&copy)?;
                Command::new(binary)
            }
        };
        zig.env("ZIG_GLOBAL_CACHE_DIR", self.target.join("zig-cache"));
        Ok(zig)
    }

    fn download_zig(&self, copy: &Path) -> Result<()> {
        let help = format!(
            "zig {ZIG_VERSION} is needed, as the C compiler for WebAssembly. Get it with\n    \
             pip install ziglang=={ZIG_VERSION}\nor name a zig binary in the environment variable ZIG"
        );
        println!("fetching zig {ZIG_VERSION} into {}", self.short(copy));
        // Unpacked under another name first: an interrupted run leaves no half of a compiler behind.
        let half = self.target.join("zig-unpacking");
        wheel::unpack("ziglang", ZIG_VERSION, &self.target, &half).context(help)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(half.join("ziglang/zig"), fs::Permissions::from_mode(0o755))?;
        }
        Ok(fs::rename(&half, copy)?)
    }
}

/// The `.c` files of a folder, sorted, so that the linker sees them in the same order everywhere.
fn c_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("c")))
        .collect();
    files.sort();
    Ok(files)
}

/// The version of Python's `ziglang` package, if it is installed.
fn python_zig_version() -> Option<String> {
    output(Command::new("python3").args(["-m", "ziglang", "version"])).ok()
}

/// Runs a command to its end; an error names the command.
fn execute(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(status.success(), "{status}: {command:?}");
    Ok(())
}

/// Runs a command and returns what it prints, without the final newline.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(output.status.success(), "{}: {command:?}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
