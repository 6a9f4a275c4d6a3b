-- wrk: GET, `depth` requests at a time; one line of numbers at the end.

function init(args)
  local depth = tonumber(args[1] or "1")
  -- Without a function of ours wrk makes the request once and for all.
  if depth == 1 then return end
  local batch = {}
  for i = 1, depth do batch[i] = wrk.format() end
  local requests = table.concat(batch)
  request = function() return requests end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"errors":%d}\n', summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
