package engine

import "fmt"

// percentWhole is 100 % in basis points.
const percentWhole = 10_000

func (c *PutTagCategory) check() *fault {
	if !IsText(c.Name, TagBytesMax) {
		return textFault("name", c.Name)
	}
	if c.Rounding > RoundingUnbiased {
		return numberFault("rounding", int64(c.Rounding))
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
		return textFault("value", c.Values[i].Name).in("values", i)
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
func checkValue(v *Value, distributed bool) *fault {
	if !IsText(v.Name, TagBytesMax) {
		return textFault("value", v.Name)
	}
	switch {
	case (v.Percent != NoPercent) != distributed || v.Percent < NoPercent || v.Percent > percentWhole:
		return &fault{"percent", percentText(int64(v.Percent))}
	case v.Min < 0 || v.Min > QuantityMax || v.Min > 0 && !distributed:
		return numberFault("min", v.Min)
	case v.Max == NoMax:
		return nil
	case v.Max < v.Min || v.Max > QuantityMax || !distributed:
		return numberFault("max", v.Max)
	default:
		return nil
	}
}

// checkDefault demands exactly one default value.
func checkDefault(values []Value) *fault {
	seen := false
	for i := range values {
		if values[i].Default && seen {
			return (&fault{"default", "true"}).in("values", i)
		}
		seen = seen || values[i].Default
	}
	if !seen {
		return &fault{"values.default", "false"}
	}
	return nil
}

// checkPercentSum demands that percents add up to the whole.
func checkPercentSum(values []Value, distributed bool) *fault {
	if !distributed {
		return nil
	}
	sum := int64(0)
	for i := range values {
		sum += int64(values[i].Percent)
	}
	if sum != percentWhole {
		return &fault{"values.percent", percentText(sum)}
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

func checkMoves(c *PutTagCategory) *fault {
	if f := checkSize("moveTo", len(c.MoveTo), 0, CategoryValuesMax); f != nil {
		return f
	}
	for i := range c.MoveTo {
		if f := checkMove(&c.MoveTo[i], c.Values); f != nil {
			return f.in("moveTo", i)
		}
	}
	if i := repeatedName(c.MoveTo); i >= 0 {
		return textFault("from", c.MoveTo[i].From).in("moveTo", i)
	}
	return nil
}

// checkMove checks that stock moves from a value that leaves to one that stays.
func checkMove(m *Move, values []Value) *fault {
	if !IsText(m.From, TagBytesMax) {
		return textFault("from", m.From)
	}
	if !IsText(m.To, TagBytesMax) {
		return textFault("to", m.To)
	}
	if hasValue(values, m.From) {
		return textFault("from", m.From)
	}
	if !hasValue(values, m.To) {
		return textFault("to", m.To)
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

func (c *DeleteTagCategory) check() *fault {
	if !IsText(c.Name, TagBytesMax) {
		return textFault("name", c.Name)
	}
	if !isOptionalText(c.MoveTo, TagBytesMax) {
		return textFault("moveTo", c.MoveTo)
	}
	return nil
}
