-- wrk: `depth` requests at a time, of `content` in JSON if there is any; one line of numbers at the end, latencies in
-- microseconds.

function init(args)
  local depth = tonumber(args[1] or "1")
  if args[2] then
    wrk.method = "POST"
    wrk.body = args[2]
    wrk.headers["content-type"] = "application/json"
  end
  -- Without a function of ours wrk makes the request once and for all.
  if depth == 1 then return end
  local batch = {}
  for i = 1, depth do batch[i] = wrk.format() end
  local requests = table.concat(batch)
  request = function() return requests end
end

-- wrk gives 0 where it has counted too few.
local function percentile(latency, share)
  local micros = latency:percentile(share)
  return micros > 0 and string.format("%d", micros) or "null"
end

function done(summary, latency)
  local errors = summary.errors
  local kinds = string.format("errors: %d connect, %d read, %d write, %d status, %d timeout", errors.connect, errors.read,
    errors.write, errors.status, errors.timeout)
  io.write(string.format('{"requests":%d,"seconds":%f,"errors":%d,"why":"%s","p50":%s,"p99":%s,"p999":%s}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, kinds,
    percentile(latency, 50), percentile(latency, 99), percentile(latency, 99.9)))
end
