package engine

import (
	"fmt"
	"strconv"
)

// percentWhole is 100 % in basis points.
const percentWhole = 10_000

func (c *PutTagCategory) check() *Fault {
	if !IsText(c.Name, TagBytesMax) {
		return textFault("name", c.Name, TagBytesMax)
	}
	if c.Rounding > RoundingUnbiased {
		return numberFault("rounding", int64(c.Rounding), 0, int64(RoundingUnbiased))
	}
	if f := checkSize("values", len(c.Values), 1, CategoryValuesMax); f != nil {
		return f
	}
	distributed := c.Values[0].Percent != NoPercent
	for i := range c.Values {
		if f := checkValue(&c.Values[i], distributed); f != nil {
			return f.in("values", i)
		}
	}
	if i := repeatedName(c.Values); i >= 0 {
		return repeatedFault("value", c.Values[i].Name).in("values", i)
	}
	if f := checkDefault(c.Values); f != nil {
		return f
	}
	if f := checkPercentSum(c.Values, distributed); f != nil {
		return f
	}
	return checkMoves(c)
}

// checkValue checks one value of a category whose first value has a percent (distributed) or not.
func checkValue(v *Value, distributed bool) *Fault {
	if !IsText(v.Name, TagBytesMax) {
		return textFault("value", v.Name, TagBytesMax)
	}
	percent := func() string { return percentText(int64(v.Percent)) }
	switch {
	case v.Percent == NoPercent && distributed:
		return &Fault{"percent", percent(), "in a category with percentages every value needs a percent"}
	case v.Percent != NoPercent && !distributed:
		return &Fault{"percent", percent(), "the first value has no percent, so no value of the category may have one"}
	case v.Percent < NoPercent || v.Percent > percentWhole:
		return &Fault{"percent", percent(), "a percentage from 0 to 100 is expected"}
	case v.Min > 0 && !distributed:
		return &Fault{"min", strconv.FormatInt(v.Min, 10), "only a value with a percent may have a min"}
	case v.Min < 0 || v.Min > QuantityMax:
		return numberFault("min", v.Min, 0, QuantityMax)
	case v.Max == NoMax:
		return nil
	case !distributed:
		return &Fault{"max", strconv.FormatInt(v.Max, 10), "only a value with a percent may have a max"}
	case v.Max < v.Min || v.Max > QuantityMax:
		return numberFault("max", v.Max, v.Min, QuantityMax)
	default:
		return nil
	}
}

// checkDefault demands exactly one default value.
func checkDefault(values []Value) *Fault {
	seen := false
	for i := range values {
		if values[i].Default && seen {
			return (&Fault{"default", "true", "an earlier value is the default already; one is allowed"}).
				in("values", i)
		}
		seen = seen || values[i].Default
	}
	if !seen {
		return &Fault{"values.default", "false", "a category needs one default value"}
	}
	return nil
}

// checkPercentSum demands that percents add up to the whole.
func checkPercentSum(values []Value, distributed bool) *Fault {
	if !distributed {
		return nil
	}
	sum := int64(0)
	for i := range values {
		sum += int64(values[i].Percent)
	}
	if sum != percentWhole {
		return &Fault{"values.percent", percentText(sum), "the percentages must add up to exactly 100"}
	}
	return nil
}

// percentText shows basis points as a percentage with two decimals, and a missing percent as nothing.
func percentText(basisPoints int64) string {
	if basisPoints == int64(NoPercent) {
		return ""
	}
	sign := ""
	if basisPoints < 0 {
		sign, basisPoints = "-", -basisPoints
	}
	return fmt.Sprintf("%s%d.%02d", sign, basisPoints/100, basisPoints%100)
}

func checkMoves(c *PutTagCategory) *Fault {
	if f := checkSize("moveTo", len(c.MoveTo), 0, CategoryValuesMax); f != nil {
		return f
	}
	for i := range c.MoveTo {
		if f := checkMove(&c.MoveTo[i], c.Values); f != nil {
			return f.in("moveTo", i)
		}
	}
	if i := repeatedName(c.MoveTo); i >= 0 {
		return repeatedFault("from", c.MoveTo[i].From).in("moveTo", i)
	}
	return nil
}

// checkMove checks that stock moves from a value that leaves to one that stays.
func checkMove(m *Move, values []Value) *Fault {
	if !IsText(m.From, TagBytesMax) {
		return textFault("from", m.From, TagBytesMax)
	}
	if !IsText(m.To, TagBytesMax) {
		return textFault("to", m.To, TagBytesMax)
	}
	if hasValue(values, m.From) {
		return &Fault{"from", shownText(m.From), "the value stays in the category; moveTo is for values that leave it"}
	}
	if !hasValue(values, m.To) {
		return &Fault{"to", shownText(m.To), "it is no value of the new definition, so nothing can move to it"}
	}
	return nil
}

func hasValue(values []Value, name string) bool {
	for i := range values {
		if values[i].Name == name {
			return true
		}
	}
	return false
}

func (c *DeleteTagCategory) check() *Fault {
	if !IsText(c.Name, TagBytesMax) {
		return textFault("name", c.Name, TagBytesMax)
	}
	if !isOptionalText(c.MoveTo, TagBytesMax) {
		return textFault("moveTo", c.MoveTo, TagBytesMax)
	}
	return nil
}
