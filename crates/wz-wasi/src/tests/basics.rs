//! The module, arguments, environment, clocks, random bytes, ending.

use super::*;

#[test]
fn the_module_has_the_46_functions_with_names_for_everything() {
    let module = snapshot_preview1();
    let definitions = module.definitions().unwrap();
    assert_eq!(definitions.len(), 46);
    assert_eq!(module.name(), "wasi_snapshot_preview1");
    let fd_write = definitions.iter().find(|definition| definition.name() == "fd_write").unwrap();
    assert_eq!(fd_write.signature(), "wasi_snapshot_preview1.fd_write(i32,i32,i32,i32) i32");
    assert!(fd_write.param_names().iter().map(|name| &**name).eq([
        "fd",
        "iovs",
        "iovs_len",
        "result.nwritten"
    ]));
    for definition in &definitions {
        let exits = definition.name() == "proc_exit";
        assert_eq!(definition.result_types().len(), usize::from(!exits), "{}", definition.name());
        assert_eq!(definition.result_names().len(), usize::from(!exits));
        assert_eq!(definition.param_names().len(), definition.param_types().len());
    }
    assert_eq!(module.with_name("wasi_unstable").name(), "wasi_unstable");
}

fn strings(guest: &Guest, kind: &str) -> Vec<String> {
    let (count_at, len_at) = (RESULT, RESULT + 4);
    guest.call(&format!("{kind}_sizes_get"), &[count_at.into(), len_at.into()]).unwrap();
    let (count, len) = (guest.u32_at(count_at), guest.u32_at(len_at));
    guest.call(&format!("{kind}_get"), &[PATH.into(), DATA.into()]).unwrap();
    let all = String::from_utf8(guest.bytes(DATA, len)).unwrap();
    let strings: Vec<String> = all.split_terminator('\0').map(str::to_owned).collect();
    assert_eq!(strings.len(), count as usize);
    let mut at = DATA;
    for (index, string) in strings.iter().enumerate() {
        assert_eq!(guest.u32_at(PATH + index as u32 * 4), at);
        at += string.len() as u32 + 1;
    }
    strings
}

#[test]
fn arguments_and_environment_arrive_in_order() {
    let config = WasiConfig::new()
        .with_args(["program", "", "ä"])
        .with_env("A", "1")
        .with_env("B", "=")
        .with_env("A", "2");
    let guest = Guest::new(&config);
    assert_eq!(strings(&guest, "args"), ["program", "", "ä"]);
    assert_eq!(strings(&guest, "environ"), ["A=2", "B=="]);
    let nothing = Guest::new(&WasiConfig::new());
    assert_eq!(strings(&nothing, "args"), [""; 0]);
}

#[test]
fn arguments_and_environment_are_checked() {
    let check = |config: WasiConfig, text: &str| {
        assert_eq!(config.build().unwrap_err().to_string(), text);
    };
    check(WasiConfig::new().with_args(["a\0"]), "args invalid: contains NUL character");
    check(WasiConfig::new().with_env("", "a"), "environ invalid: empty key");
    check(WasiConfig::new().with_env("a=", "a"), "environ invalid: key contains '=' character");
    check(WasiConfig::new().with_env("a", "\0"), "environ invalid: contains NUL character");
    check(
        WasiConfig::new().with_max_descriptors(2),
        "2 descriptors are not enough for streams, mounts and listeners",
    );
    let missing = WasiConfig::new().with_dir("/nowhere at all", "/").build().unwrap_err();
    assert!(missing.to_string().starts_with("mounting /nowhere at all at /: "), "{missing}");
}

#[test]
fn clocks_are_deterministic_by_default() {
    let guest = Guest::new(&WasiConfig::new());
    let time = |id: u64| {
        guest.call("clock_time_get", &[id, 0, RESULT.into()])?;
        Ok(guest.u64_at(RESULT))
    };
    let resolution = |id: u64| {
        guest.call("clock_res_get", &[id, RESULT.into()])?;
        Ok(guest.u64_at(RESULT))
    };
    assert_eq!(time(0), Ok(1_640_995_200_000_000_000));
    assert_eq!(time(0), Ok(1_640_995_200_001_000_000));
    assert_eq!(time(1), Ok(0));
    assert_eq!(time(1), Ok(1_000_000));
    assert!(time(2).is_ok() && time(3).is_ok());
    assert_eq!(time(4), Err(Errno::Invalid));
    assert_eq!([resolution(0), resolution(1)], [Ok(1000), Ok(1)]);
    assert_eq!(resolution(u64::from(u32::MAX)), Err(Errno::Invalid));
}

#[test]
fn random_bytes_fill_what_is_asked_for_and_nothing_else() {
    let guest = Guest::new(&WasiConfig::new());
    guest.call("random_get", &[0, u64::from(END) - 1]).unwrap();
    assert_eq!(guest.memory.read_u8(END - 1), Some(0));
    let some = guest.bytes(0, 64);
    assert_ne!(some, [0; 64]);
    let again = Guest::new(&WasiConfig::new());
    again.call("random_get", &[0, 64]).unwrap();
    assert_eq!(again.bytes(0, 64), some);
    let failing = Guest::new(&WasiConfig::new().with_rand_source(std::io::empty()));
    assert_eq!(failing.call("random_get", &[0, 1]), Err(Errno::Io));
    assert_eq!(failing.call("random_get", &[0, 0]), Ok(()));
}

#[test]
fn exiting_ends_the_guest_with_its_code() {
    let guest = Guest::new(&WasiConfig::new());
    let error = guest.try_call("proc_exit", &[3]).unwrap_err();
    assert_eq!(error.exit_code(), Some(3));
    assert_eq!(guest.call("proc_raise", &[1]), Err(Errno::NoSystem));
}

#[test]
fn yielding_calls_what_is_configured_and_ends_an_interrupted_guest() {
    let count = Arc::new(AtomicU32::new(0));
    let counter = count.clone();
    let guest = Guest::new(&WasiConfig::new().with_osyield(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    guest.call("sched_yield", &[]).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 1);
    guest.interrupt(7);
    assert_eq!(guest.try_call("sched_yield", &[]).unwrap_err().exit_code(), Some(7));
}

#[test]
fn other_host_modules_find_what_the_instance_has() {
    let output = crate::OutputBuffer::new();
    let config = WasiConfig::new()
        .with_args(["program"])
        .with_env("A", "b")
        .with_stderr(crate::Stdio::buffer(&output))
        .with_mount(crate::fs::MemoryFs::new(), "/data");
    let state = config.build().unwrap();
    assert_eq!((state.args(), state.environ()), (&["program".to_owned()][..], &["A=b".to_owned()][..]));
    assert_eq!((state.walltime_ns(), state.nanotime_ns()), (1_640_995_200_000_000_000, 0));
    assert_eq!(state.fill_random(&mut [0; 4]), Ok(()));
    state.file(2).unwrap().write(b"abort").unwrap();
    assert_eq!(output.contents(), b"abort");
    assert_eq!(state.file(3).err(), Some(Errno::IsDirectory));
    assert_eq!(state.mounts().len(), 1);
    assert_eq!(&*state.mounts()[0].0, "/data");
    state.close();
    assert!(state.mounts().is_empty());
}

#[test]
fn a_closed_state_answers_ebadf() {
    let guest = Guest::new(&WasiConfig::new());
    assert!(guest.fdstat(0).is_ok());
    guest.state.close();
    for fd in 0..4 {
        assert_eq!(guest.fdstat(fd), Err(Errno::BadDescriptor));
    }
}

/// A caller without state and memory.
struct Bare;

impl References for Bare {
    fn function_to_word(&self, _: &Function) -> wz_api::Result<u64> {
        unreachable!()
    }
    fn word_to_function(&self, _: u64) -> wz_api::Result<Option<Function>> {
        unreachable!()
    }
    fn extern_to_word(&self, _: &ExternRef) -> wz_api::Result<u64> {
        unreachable!()
    }
    fn word_to_extern(&self, _: u64) -> wz_api::Result<Option<ExternRef>> {
        unreachable!()
    }
}

impl CallerInner for Bare {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn context(&self) -> &Context {
        unreachable!()
    }
    fn module(&self) -> Option<Module> {
        None
    }
    fn memory(&self) -> Option<&Memory> {
        None
    }
    fn extension(&self, _: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        None
    }
    fn interruption(&self) -> Option<Error> {
        None
    }
    fn register_wake(&self, _: Arc<dyn Fn() + Send + Sync>) -> u64 {
        0
    }
    fn unregister_wake(&self, _: u64) {}
    fn fuel(&self) -> Option<u64> {
        None
    }
    fn consume_fuel(&self, _: u64) -> wz_api::Result<()> {
        Ok(())
    }
}

#[test]
fn a_caller_without_state_and_memory_gets_errors_from_every_function() {
    for (name, function) in snapshot_preview1().functions() {
        let mut slots = vec![0; function.ty().stack_slots().max(1)];
        let result = function.body()(&mut Caller::from_inner(&Bare), &mut slots);
        match &**name {
            "proc_exit" => assert!(result.is_err()),
            "sched_yield" => assert_eq!(slots[0], 0),
            _ => assert_ne!(slots[0], 0, "{name}"),
        }
    }
}
