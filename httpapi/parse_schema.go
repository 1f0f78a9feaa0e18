package httpapi

import (
	"math"

	"apportion/engine"
)

// The body that defines a tag category.

// roundingWords are the rounding rules' names, in the order of engine.Rounding.
var roundingWords = []string{
	engine.RoundingLargestRemainder: "largest-remainder",
	engine.RoundingUnbiased:         "unbiased",
}

const (
	hasValues fields = 1 << iota
	hasRounding
	hasMoveTo
)

// tagCategory reads the definition of a category. Its name is in the path.
func (s *bodyReader) tagCategory(c *engine.PutTagCategory) {
	*c = engine.PutTagCategory{Values: c.Values[:0], MoveTo: c.MoveTo[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "values":
			s.seen(&has, hasValues)
			c.Values = s.tagValues(c.Values)
		case "rounding":
			if s.present(&has, hasRounding) {
				c.Rounding = engine.Rounding(s.oneOf(roundingWords, "largest-remainder or unbiased is expected"))
			}
		case "moveTo":
			if s.present(&has, hasMoveTo) {
				c.MoveTo = s.moves(c.MoveTo)
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasValues, "values")
}

func (s *bodyReader) tagValues(values []engine.Value) []engine.Value {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(values), engine.CategoryValuesMax)
		var value *engine.Value
		values, value = extend(values)
		s.tagValue(value)
	}
	return values
}

const (
	hasValueName fields = 1 << iota
	hasValuePercent
	hasValueDefault
	hasValueMin
	hasValueMax
)

func (s *bodyReader) tagValue(v *engine.Value) {
	*v = engine.Value{Percent: engine.NoPercent, Max: engine.NoMax}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "value":
			s.seen(&has, hasValueName)
			v.Name = s.name()
		case "percent":
			if s.present(&has, hasValuePercent) {
				v.Percent = s.percent()
			}
		case "default":
			s.optionalBool(&has, hasValueDefault, &v.Default)
		case "min":
			if s.present(&has, hasValueMin) {
				v.Min = s.units()
			}
		case "max":
			if s.present(&has, hasValueMax) {
				v.Max = s.units()
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasValueName, "value")
}

// units reads a number of units of which a negative one has another meaning to the engine (no maximum).
func (s *bodyReader) units() int64 {
	return s.integerIn(0, math.MaxInt64, "a number of units is not negative")
}

// moves reads an object of leaving value to the value that takes its stock.
func (s *bodyReader) moves(moves []engine.Move) []engine.Move {
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		key = s.nameKey(key)
		s.atMost(len(moves), engine.CategoryValuesMax)
		for i := range moves {
			if moves[i].From == key {
				s.fail(codeDuplicateField, "the value is given twice", "")
			}
		}
		moves = append(moves, engine.Move{From: key, To: s.name()})
	}
	return moves
}
