-- wrk -s scenario.lua URL -- SCENARIO DATA
-- DATA is a Lua table made by the run: users = {{token, email, ids}, ...}, password, cursors,
-- asks = {{token, method, path, body}, ...}.
local requests, count, make = {}, 0, nil

local function headers(user, json)
  return {["Authorization"] = "Bearer " .. user.token, ["Content-Type"] = json and "application/json" or nil}
end

local function ready(request)
  count = count + 1
  requests[count] = request
end

function init(args)
  local scenario, data = args[1], dofile(args[2])
  local users, number = data.users, 0
  math.randomseed(os.time())
  if scenario == "task" then
    for _, user in ipairs(users) do
      for _, id in ipairs(user.ids) do
        ready(wrk.format("GET", "/v1/tasks/" .. id, headers(user)))
      end
    end
  elseif scenario == "page" then
    for _, user in ipairs(users) do
      ready(wrk.format("GET", "/v1/tasks", headers(user)))
    end
  elseif scenario == "cursors" then
    for _, cursor in ipairs(data.cursors) do
      ready(wrk.format("GET", "/v1/tasks?limit=50" .. cursor, headers(users[1])))
    end
  elseif scenario == "asks" then
    for _, ask in ipairs(data.asks) do
      ready(wrk.format(ask.method, ask.path, headers(ask, ask.body), ask.body))
    end
  elseif scenario == "login" then
    for _, user in ipairs(users) do
      ready(wrk.format("POST", "/v1/auth/login", {["Content-Type"] = "application/json"},
        string.format('{"email": "%s", "password": "%s"}', user.email, data.password)))
    end
  elseif scenario == "create" then
    make = function()
      number = number + 1
      return wrk.format("POST", "/v1/tasks", headers(users[math.random(#users)], true),
        string.format('{"title": "Task %d: water the plants on the balcony", "description": "The ficus, too."}', number))
    end
  elseif scenario == "patch" then
    -- The title differs every time: a patch that changes nothing is cheaper.
    make = function()
      number = number + 1
      local user = users[math.random(#users)]
      return wrk.format("PATCH", "/v1/tasks/" .. user.ids[math.random(#user.ids)], headers(user, true),
        string.format('{"title": "Task %d: not more than a cup each", "completed": %s}', number, number % 2 == 0))
    end
  else
    error("unknown scenario " .. scenario)
  end
end

function request()
  if make then
    return make()
  end
  return requests[math.random(count)]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, '
      .. '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect, e.read, e.write, e.status, e.timeout))
end
