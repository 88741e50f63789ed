-- Draws on the budgets of one caller unless one of them refuses.
--
-- KEYS: one per budget, a hash of w (number of its latest fixed window),
--   c (drawn in it) and p (drawn in the one before).
-- ARGV: the instant in milliseconds, then window in milliseconds, limit and
--   cost of each budget.
-- Answers: 1 or 0 for admitted, then w, c and p of each.
local now = tonumber(ARGV[1])
local budgets, admitted = {}, 1
for i, key in ipairs(KEYS) do
  local b = {
    window = tonumber(ARGV[3 * i - 1]),
    limit = tonumber(ARGV[3 * i]),
    cost = tonumber(ARGV[3 * i + 1]),
  }
  b.w, b.c, b.p = math.floor(now / b.window), 0, 0
  local elapsed = now % b.window
  local kept = redis.call('HMGET', key, 'w', 'c', 'p')
  local w = tonumber(kept[1] or -1)
  if w > b.w then
    -- Another replica's clock is ahead: its window has begun.
    b.w, elapsed = w, 0
  end
  if w == b.w then
    b.c, b.p = tonumber(kept[2]), tonumber(kept[3])
  elseif w == b.w - 1 then
    b.p = tonumber(kept[2])
  end
  local used = b.c + math.ceil(b.p * (b.window - elapsed) / b.window)
  if b.cost > 0 and used + b.cost > b.limit then
    admitted = 0
  end
  budgets[i] = b
end
local answer = { admitted }
for i, key in ipairs(KEYS) do
  local b = budgets[i]
  local cost = math.max(b.cost, -b.c)
  if admitted == 1 and cost ~= 0 then
    b.c = b.c + cost
    redis.call('HSET', key, 'w', b.w, 'c', b.c, 'p', b.p)
    redis.call('PEXPIRE', key, 2 * b.window)
  end
  answer[#answer + 1] = b.w
  answer[#answer + 1] = b.c
  answer[#answer + 1] = b.p
end
return answer
