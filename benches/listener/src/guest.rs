//! The guest: goes to a depth and calls the function from there.

/// How many frames are below the function.
pub(crate) const DEPTHS: &[u32] = &[1, 10, 100, 1000];

/// The types of the function.
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    params: &'static [&'static str],
    results: &'static [&'static str],
}

const fn signature(
    name: &'static str,
    params: &'static [&'static str],
    results: &'static [&'static str],
) -> Signature {
    Signature { name, params, results }
}

/// All of them.
pub(crate) const SIGNATURES: &[Signature] = &[
    signature("()", &[], &[]),
    signature("i32 -> i32", &["i32"], &["i32"]),
    signature("8 x i64", &["i64"; 8], &[]),
    signature("v128 -> v128", &["v128"], &["v128"]),
    signature("12 params, 4 results", &["i64"; 12], &["i64"; 4]),
];

/// The module: `run` goes down by its first parameter and calls `f` as often as its second says.
pub(crate) fn text(signature: &Signature) -> String {
    let list = |word: &str, types: &[&str]| match types {
        [] => String::new(),
        types => format!("({word} {})", types.join(" ")),
    };
    let constant = |ty: &&str| match *ty {
        "v128" => "(v128.const i64x2 1 2)".to_owned(),
        ty => format!("({ty}.const 1)"),
    };
    let results: String = (0..signature.results.len()).map(|at| format!("(local.get {at})")).collect();
    let arguments: String = signature.params.iter().map(constant).collect();
    format!(
        r#"(module
          (func $other)
          (func $f {params} {result_types} {results})
          (func $run (export "run") (param $depth i32) (param $calls i32)
            (if (i32.gt_u (local.get $depth) (i32.const 1))
              (then (return (call $run (i32.sub (local.get $depth) (i32.const 1)) (local.get $calls)))))
            (call $other)
            (loop $again
              {arguments} (call $f) {drops}
              (br_if $again (local.tee $calls (i32.sub (local.get $calls) (i32.const 1)))))))"#,
        params = list("param", signature.params),
        result_types = list("result", signature.results),
        drops = "drop ".repeat(signature.results.len()),
    )
}
