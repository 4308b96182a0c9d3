//! What the tests of the facade share.

/// A module in the text format, as binary.
#[track_caller]
pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// An error whose text begins like this.
#[track_caller]
pub(crate) fn fails<T: std::fmt::Debug>(result: wz::Result<T>, text: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.starts_with(text), "{error:?} does not begin with {text:?}");
}
