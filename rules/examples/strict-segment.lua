-- An item is filled from the segment that it asks for, and from no other.

function select(item, record)
  return { { tags = item.tags } }
end

local record = {
  segments = {
    { tags = { Channel = "Web" }, available = 5 },
    { tags = { Channel = "Amazon" }, available = 40 },
  },
}

tests = {
  {
    name = "the segment has enough",
    item = { quantity = 3, tags = { Channel = "Web" } },
    record = record,
    expect = { taken = { { tags = { Channel = "Web" }, units = 3 } }, missing = 0 },
  },
  {
    name = "the others are not touched when it has not",
    item = { quantity = 8, tags = { Channel = "Web" } },
    record = record,
    expect = { taken = { { tags = { Channel = "Web" }, units = 5 } }, missing = 3 },
  },
}
