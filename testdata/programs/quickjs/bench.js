// A benchmark script: recursion, closures, classes, maps, regular expressions, JSON, sorting, big integers, promises.
// Its output is the same everywhere. The first argument scales the work.
"use strict";
const scale = Number(args[0] ?? 1);

let seed = 7;
function random(limit) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed >>> 8) % limit;
}

function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

function words(count) {
  const seen = new Map();
  for (let i = 0; i < count; i++) {
    const word = String.fromCharCode(97 + random(26), 97 + random(5)) + (random(3) ? "" : "é");
    seen.set(word, (seen.get(word) ?? 0) + 1);
  }
  const top = [...seen].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 3);
  return `${seen.size} ${top.map(([w, c]) => w + "=" + c).join(" ")}`;
}

class Vector {
  #x;
  #y;
  constructor(x, y) {
    this.#x = x;
    this.#y = y;
  }
  get length() {
    return Math.hypot(this.#x, this.#y);
  }
  plus(other) {
    return new Vector(this.#x + other.#x, this.#y + other.#y);
  }
}

function vectors(count) {
  let sum = new Vector(0, 0);
  for (let i = 0; i < count; i++) sum = sum.plus(new Vector(i % 3, (i * 7) % 5));
  return sum.length.toFixed(6);
}

function json(count) {
  const data = Array.from({ length: count }, (_, i) => ({ id: i, name: `item ${i}`, tags: [i % 2 === 0, null, i / 8] }));
  const text = JSON.stringify(data);
  const back = JSON.parse(text);
  return `${text.length} ${back[count - 1].name} ${back.reduce((s, e) => s + e.tags[2], 0)}`;
}

function pattern(count) {
  const text = Array.from({ length: count }, (_, i) => `user${i}@host${random(50)}.example; `).join("");
  let sum = 0;
  for (const match of text.matchAll(/(?<user>[a-z]+\d+)@(?<host>[\w.]+)/gu)) sum += match.groups.host.length;
  return `${sum} ${text.replace(/\d+/g, "#").length}`;
}

function sorting(count) {
  const list = Array.from({ length: count }, () => random(1e6));
  list.sort((a, b) => a - b);
  const typed = Float64Array.from(list, (v) => Math.sqrt(v)).reverse();
  return `${list[0]} ${list[count >> 1]} ${list[count - 1]} ${typed[10].toFixed(9)}`;
}

function* primes(limit) {
  const composite = new Uint8Array(limit + 1);
  for (let i = 2; i <= limit; i++) {
    if (composite[i]) continue;
    yield i;
    for (let j = i * i; j <= limit; j += i) composite[j] = 1;
  }
}

function thrown(count) {
  let caught = 0;
  for (let i = 0; i < count; i++) {
    try {
      if (i % 3 === 0) throw new RangeError("three");
      null.x;
    } catch (error) {
      caught += error instanceof RangeError ? 1 : error.name.length;
    }
  }
  return caught;
}

for (let round = 0; round < scale; round++) {
  print("fib", fib(20));
  print("words", words(30000));
  print("vectors", vectors(30000));
  print("json", json(3000));
  print("pattern", pattern(1500));
  print("sort", sorting(15000));
  let count = 0;
  for (const _ of primes(60000)) count++;
  print("primes", count);
  print("big", (3n ** 500n % 1000000007n).toString(), (2n ** 200n).toString(36));
  print("thrown", thrown(5000));
  print("floats", 0.1 + 0.2, (1 / 3).toExponential(5), Math.max(-0, 0), 1e21, (255).toString(2));
}
Promise.resolve(1)
  .then((v) => print("promise", v))
  .then(async () => print("async", await 2));
