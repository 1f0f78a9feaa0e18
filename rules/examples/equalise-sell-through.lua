-- Stock goes to where it sells. Promised units tell how fast a channel sells now, so each channel's weight is what it has
-- promised; one unit more for everyone keeps a channel that has sold nothing yet from being emptied.

function redistribute(record, schema)
  local weights = {}
  for i, segment in ipairs(record.segments) do
    weights[i] = { tags = segment.tags, weight = 1 + segment.allocated + segment.pending }
  end
  return { weights = weights, across = { "Channel" } }
end

tests = {
  {
    name = "by what is promised",
    record = {
      segments = {
        { tags = { Channel = "Web" }, onHand = 109, allocated = 9 },
        { tags = { Channel = "Amazon" }, onHand = 29, allocated = 29 },
        { tags = { Channel = "Store" }, onHand = 10, safetyStock = 10 },
      },
    },
    expect = {
      available = {
        { tags = { Channel = "Web" }, units = 24 },
        { tags = { Channel = "Amazon" }, units = 73 },
        { tags = { Channel = "Store" }, units = 3 },
      },
    },
  },
  {
    name = "a channel that promised more than it has is made good",
    record = {
      segments = {
        { tags = { Channel = "Web" }, onHand = 50, allocated = 4 },
        { tags = { Channel = "Amazon" }, onHand = 0, pending = 14 },
      },
    },
    expect = {
      available = { { tags = { Channel = "Web" }, units = 8 }, { tags = { Channel = "Amazon" }, units = 24 } },
    },
  },
  {
    name = "each condition on its own",
    schema = {
      { name = "Channel", values = { { value = "Web" }, { value = "Amazon" } } },
      { name = "Condition", values = { { value = "New" }, { value = "Used" } } },
    },
    record = {
      segments = {
        { tags = { Channel = "Web" }, available = 10 },
        { tags = { Channel = "Amazon", Condition = "Used" }, available = 4 },
        { tags = { Channel = "Web", Condition = "Used" }, available = 0 },
      },
    },
    expect = {
      available = {
        { tags = { Channel = "Web" }, units = 10 },
        { tags = { Channel = "Amazon", Condition = "Used" }, units = 2 },
        { tags = { Channel = "Web", Condition = "Used" }, units = 2 },
      },
    },
  },
}
