-- An item is filled from its own channel first. What is missing is borrowed from the other channels, from the one with the
-- most to spare first, but each of them keeps a reserve for itself.

local RESERVE = { Amazon = 20, Store = 5 }
local RESERVE_OF_OTHERS = 10

function select(item, record)
  local own = item.tags.Channel
  local candidates = { { tags = item.tags } }
  local lenders = {}
  for _, segment in ipairs(record.segments) do
    local channel = segment.tags.Channel
    local spare = segment.available - (RESERVE[channel] or RESERVE_OF_OTHERS)
    if channel ~= own and spare > 0 then
      lenders[#lenders + 1] = { tags = segment.tags, spare = spare }
    end
  end
  table.sort(lenders, function(a, b) return a.spare > b.spare end)
  for _, lender in ipairs(lenders) do
    local channel = lender.tags.Channel
    candidates[#candidates + 1] = { tags = lender.tags, keep = RESERVE[channel] or RESERVE_OF_OTHERS }
  end
  return candidates
end

local record = {
  segments = {
    { tags = { Channel = "Web" }, available = 4 },
    { tags = { Channel = "Amazon" }, available = 30 },
    { tags = { Channel = "Store" }, available = 8 },
    { tags = { Channel = "Outlet" }, available = 10 },
  },
}

tests = {
  {
    name = "own stock first",
    item = { quantity = 4, tags = { Channel = "Web" } },
    record = record,
    expect = { taken = { { tags = { Channel = "Web" }, units = 4 } }, missing = 0 },
  },
  {
    name = "the rest from who has the most to spare",
    item = { quantity = 12, tags = { Channel = "Web" } },
    record = record,
    expect = {
      candidates = {
        { tags = { Channel = "Web" } },
        { tags = { Channel = "Amazon" }, keep = 20 },
        { tags = { Channel = "Store" }, keep = 5 },
      },
      taken = { { tags = { Channel = "Web" }, units = 4 }, { tags = { Channel = "Amazon" }, units = 8 } },
      missing = 0,
    },
  },
  {
    name = "reserves stay",
    item = { quantity = 100, tags = { Channel = "Web" } },
    record = record,
    expect = {
      taken = {
        { tags = { Channel = "Web" }, units = 4 },
        { tags = { Channel = "Amazon" }, units = 10 },
        { tags = { Channel = "Store" }, units = 3 },
      },
      missing = 83,
    },
  },
}
