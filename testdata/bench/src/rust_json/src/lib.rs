//! Serializes generated records, parses the text into a tree and into typed records, changes the tree, prints it.
//! The work is linear in `n`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

#[derive(Serialize, Deserialize, PartialEq)]
struct Order {
    id: u32,
    customer: String,
    #[serde(rename = "unitPrice")]
    unit_price: f64,
    lines: Vec<Line>,
    note: Option<String>,
    labels: BTreeMap<String, bool>,
    state: State,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct Line {
    item: String,
    count: i64,
    weights: (f64, f64),
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum State {
    Open,
    Shipped { by: String, days: u8 },
    Cancelled { reason: String },
}

fn order(id: u32, state: &mut u32) -> Order {
    let r = next_random(state);
    let line = |index: u32| Line {
        item: format!("item \"{}\"\t\\{index}", r >> index & 0xff),
        count: i64::from(r % 97) - 40 * i64::from(index),
        weights: (f64::from(r % 1000) / 8.0, 1.0 / f64::from(id + index + 3)),
    };
    Order {
        id,
        customer: ["Ada", "Grace", "Édouard", "Ольга", "\u{1f980} Ferris"][r as usize % 5].to_owned(),
        unit_price: f64::from(r >> 4) / 1e3,
        lines: (0..r % 4 + 1).map(line).collect(),
        note: (r % 3 == 0).then(|| "line one\nline two\u{7} end".repeat(1 + r as usize % 2)),
        labels: (0..r % 3).map(|index| (format!("label{index}"), r >> index & 1 == 1)).collect(),
        state: match r % 7 {
            0 => State::Cancelled { reason: "none given".to_owned() },
            1 | 2 => State::Shipped { by: "post".to_owned(), days: (r >> 9 & 31) as u8 },
            _ => State::Open,
        },
    }
}

/// A checksum of everything in a tree, which changes integers on its way.
fn walk(value: &mut Value, sum: u64) -> u64 {
    match value {
        Value::Null => mix(sum, 1),
        Value::Bool(truth) => mix(sum, 2 + u64::from(*truth)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => {
                *value = json!(integer.wrapping_mul(3));
                mix(sum, integer as u64)
            }
            None => mix(sum, number.as_f64().unwrap_or(0.0).to_bits()),
        },
        Value::String(text) => text.bytes().fold(sum, |sum, byte| sum.rotate_left(7) ^ u64::from(byte)),
        Value::Array(list) => list.iter_mut().fold(sum, |sum, value| walk(value, sum)),
        Value::Object(members) => {
            members.iter_mut().fold(sum, |sum, (name, value)| walk(value, mix(sum, name.len() as u64)))
        }
    }
}

fn round(state: &mut u32) -> Result<u64, serde_json::Error> {
    let orders: Vec<Order> = (0..700).map(|id| order(id, state)).collect();
    let text = serde_json::to_string(&orders)?;
    let mut tree: Value = serde_json::from_str(&text)?;
    let back: Vec<Order> = serde_json::from_str(&text)?;
    let mut sum = mix(text.len() as u64, u64::from(back == orders));
    sum = walk(&mut tree, sum);
    let pretty = serde_json::to_string_pretty(&tree)?;
    sum = mix(sum, pretty.len() as u64);
    // Cut off in the middle, it is an error whose place is known.
    let error = serde_json::from_str::<Value>(&text[..text.len() - 2]).err();
    Ok(mix(sum, error.map_or(0, |error| error.column() as u64)))
}

/// Does `n` rounds; −1 if something is not JSON.
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
