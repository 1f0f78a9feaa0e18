-- Channels are served by rank: each gets the larger of its percent of what is available and its minimum, and at most what
-- is left; what remains at the end goes to the first. It is what a schema with min does, and a start for other rules.

local RANKS = {
  { channel = "S1", percent = 40, min = 100 },
  { channel = "Open", percent = 10, min = 0 },
  { channel = "S2", percent = 20, min = 300 },
  { channel = "S3", percent = 30, min = 0 },
}

function redistribute(record, schema)
  local total = record.available
  if total <= 0 then
    return nil, "nothing is available"
  end
  local left = total
  local units = {}
  for i, rank in ipairs(RANKS) do
    local share = math.floor(total * rank.percent / 100)
    local given = math.min(math.max(share, rank.min), left)
    units[i] = { tags = { Channel = rank.channel }, units = given }
    left = left - given
  end
  units[1].units = units[1].units + left
  return { units = units, across = { "Channel" } }
end

local function record(s1, open, s2, s3)
  return {
    segments = {
      { tags = { Channel = "S1" }, available = s1 },
      { tags = { Channel = "Open" }, available = open },
      { tags = { Channel = "S2" }, available = s2 },
      { tags = { Channel = "S3" }, available = s3 },
    },
  }
end

local function available(s1, open, s2, s3)
  return {
    { tags = { Channel = "S1" }, units = s1 },
    { tags = { Channel = "Open" }, units = open },
    { tags = { Channel = "S2" }, units = s2 },
    { tags = { Channel = "S3" }, units = s3 },
  }
end

tests = {
  {
    name = "a thousand units",
    record = record(1000, 0, 0, 0),
    expect = { available = available(400, 100, 300, 200) },
  },
  {
    name = "minimums go by rank when there is little",
    record = record(0, 0, 0, 250),
    expect = { available = available(100, 25, 125, 0) },
  },
  {
    name = "the odd units go to the first",
    record = record(0, 10007, 0, 0),
    expect = { available = available(4004, 1000, 2001, 3002) },
  },
  {
    name = "nothing to give out",
    record = record(0, 0, 0, 0),
    expect = { unchanged = "nothing is available" },
  },
}
