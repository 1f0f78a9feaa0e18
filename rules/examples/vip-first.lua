-- The router sends the attribute tier with each order. Gold customers may take everything; silver customers leave the last
-- 5 units of their segment to gold; all others leave 20, and get at most 2 units of an item.

local RULES = {
  gold = { keep = 0 },
  silver = { keep = 5 },
}
local OTHERS = { keep = 20, max = 2 }

function select(item, record)
  local rule = RULES[item.attributes.tier or ""] or OTHERS
  if rule == OTHERS and item.attributes.blocked == "yes" then
    return nil, "the customer is blocked"
  end
  return { { tags = item.tags, keep = rule.keep, max = rule.max } }
end

local record = { segments = { { tags = { Channel = "Web" }, available = 21 } } }
local web = { Channel = "Web" }

tests = {
  {
    name = "gold takes all",
    item = { quantity = 21, tags = web, attributes = { tier = "gold" } },
    record = record,
    expect = { taken = { { tags = web, units = 21 } }, missing = 0 },
  },
  {
    name = "silver leaves five",
    item = { quantity = 21, tags = web, attributes = { tier = "silver" } },
    record = record,
    expect = { taken = { { tags = web, units = 16 } }, missing = 5 },
  },
  {
    name = "others leave twenty",
    item = { quantity = 3, tags = web },
    record = record,
    expect = { candidates = { { tags = web, keep = 20, max = 2 } }, taken = { { tags = web, units = 1 } } },
  },
  {
    name = "a blocked customer is refused with the reason",
    item = { quantity = 1, tags = web, attributes = { blocked = "yes" } },
    record = record,
    expect = { refused = "the customer is blocked" },
  },
}
