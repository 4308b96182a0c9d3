-- A benchmark script: recursion, strings, tables, sorting, closures, floats. Its output is the same everywhere.
-- usage: lua bench.lua [SCALE]      SCALE defaults to 1

local scale = tonumber(arg and arg[1]) or 1

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

-- A random source of its own, so that the output depends on nothing else.
local seed = 42
local function random(limit)
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return (seed >> 8) % limit + 1
end

local function strings(count)
  local parts = {}
  for i = 1, count do
    parts[#parts + 1] = string.format("%d:%s", i, ("abc"):rep(random(4)))
  end
  local text = table.concat(parts, ",")
  local words, letters = 0, 0
  for word in text:gmatch("[^,]+") do
    words = words + 1
    letters = letters + #word:gsub("%d", "")
  end
  local upper = text:upper():gsub("ABC", "x"):reverse()
  return words, letters, #upper, text:find("7:abcabc", 1, true)
end

local function sorting(count)
  local list = {}
  for i = 1, count do list[i] = random(1000000) end
  table.sort(list)
  local sum = 0
  for i = 2, count do
    assert(list[i - 1] <= list[i])
    sum = (sum * 31 + list[i]) % 1000000007
  end
  table.sort(list, function(a, b) return a % 1000 > b % 1000 or (a % 1000 == b % 1000 and a < b) end)
  return sum, list[1], list[count]
end

local function sieve(limit)
  local composite, count = {}, 0
  for i = 2, limit do
    if not composite[i] then
      count = count + 1
      for j = i * i, limit, i do composite[j] = true end
    end
  end
  return count
end

-- Objects with a metatable and inheritance.
local Shape = {}
Shape.__index = Shape
function Shape.new(w, h) return setmetatable({ w = w, h = h }, Shape) end
function Shape:area() return self.w * self.h end
Shape.__add = function(a, b) return Shape.new(a.w + b.w, a.h + b.h) end
local Square = setmetatable({}, { __index = Shape })
Square.__index = Square
function Square.new(w) return setmetatable({ w = w, h = w }, Square) end

local function objects(count)
  local total, sum = 0, Shape.new(0, 0)
  for i = 1, count do
    local shape = i % 3 == 0 and Square.new(i % 10) or Shape.new(i % 7, i % 5)
    total = total + shape:area()
    if i % 100 == 0 then sum = sum + Shape.new(1, 2) end
  end
  return total, sum:area()
end

local function floats(steps)
  local x, v = 1.0, 0.0
  for _ = 1, steps do
    v = v - x * 0.001
    x = x + v * 0.001
  end
  return string.format("%.12f %.12f", x, math.sqrt(x * x + v * v))
end

local function closures(count)
  local makers = {}
  for i = 1, 10 do
    local held = 0
    makers[i] = function(n) held = held + n * i return held end
  end
  local sum = 0
  for i = 1, count do sum = sum + makers[i % 10 + 1](i) % 1009 end
  return sum
end

for _ = 1, scale do
  print("fib", fib(24))
  print("strings", strings(8000))
  print("sort", sorting(20000))
  print("sieve", sieve(100000))
  print("objects", objects(60000))
  print("floats", floats(200000))
  print("closures", closures(100000))
  print("utf8", utf8.len("Grüße, 世界"), utf8.char(0x1F980, 233), #"Grüße")
  print("integers", 7 // -2, 7 % -2, -7 // 2, 1 << 62, math.maxinteger + 1 == math.mininteger, 3 | 4.0)
end
