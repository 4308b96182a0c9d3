-- Errors that are caught, coroutines, error objects, close variables: needs the build with exceptions.
print("pcall", pcall(function() error("boom", 0) end))
print("message", (select(2, pcall(function() local t = nil; return t.x end))):gsub("^.-:%d+: ", ""))
print("object", select(2, pcall(error, { code = 7 })).code)
print("xpcall", xpcall(function() return 1 + {} end, function(m) return "handled: " .. (m:match("attempt.*") or m) end))
print("nested", pcall(pcall, pcall, error, "inner"))

local function depth(n) return n == 0 and error("deep", 0) or 1 + depth(n - 1) end
print("deep", pcall(depth, 150))
print("stack overflow", (select(2, pcall(function() local function f() return 1 + f() end return f() end)):match("stack overflow")))

local function numbers(n)
  return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end)
end
local sum = 0
for i in numbers(10000) do sum = sum + i end
print("coroutines", sum)

local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) error("in coroutine " .. b, 0) end)
print("resume", coroutine.resume(co, 1))
print("resume", coroutine.resume(co, 5))
print("status", coroutine.status(co), coroutine.resume(co))

local log = {}
pcall(function()
  local guard <close> = setmetatable({}, { __close = function(_, e) log[#log + 1] = "closed by " .. tostring(e) end })
  error("leaving", 0)
end)
print("close", log[1])

local caught = 0
for i = 1, 20000 do
  if not pcall(error, i) then caught = caught + 1 end
end
print("caught", caught)
