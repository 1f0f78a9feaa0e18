-- Segments are emptied in a fixed order of precedence, whatever channel the order comes from. A channel that the list does
-- not name is left alone.

local PRECEDENCE = { "Outlet", "Store", "Web", "Amazon" }

function select(item, record)
  local candidates = {}
  for i, channel in ipairs(PRECEDENCE) do
    candidates[i] = { tags = { Channel = channel } }
  end
  return candidates
end

local record = {
  segments = {
    { tags = { Channel = "Web" }, available = 4 },
    { tags = { Channel = "Amazon" }, available = 30 },
    { tags = { Channel = "Store" }, onHand = 9, allocated = 6 },
    { tags = { Channel = "Outlet" }, available = 2 },
    { tags = { Channel = "Wholesale" }, available = 500 },
  },
}

tests = {
  {
    name = "in order",
    item = { quantity = 7, tags = { Channel = "Amazon" } },
    record = record,
    expect = {
      taken = {
        { tags = { Channel = "Outlet" }, units = 2 },
        { tags = { Channel = "Store" }, units = 3 },
        { tags = { Channel = "Web" }, units = 2 },
      },
      missing = 0,
    },
  },
  {
    name = "wholesale is not in the list",
    item = { quantity = 50 },
    record = record,
    expect = { missing = 11 },
  },
}
