package httpapi

import (
	"math"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// The body that defines a tag category.

// roundingWords are the rounding rules' names, in the order of engine.Rounding.
var roundingWords = []string{
	engine.RoundingLargestRemainder: "largest-remainder",
	engine.RoundingUnbiased:         "unbiased",
}

const (
	hasValues strictjson.Fields = 1 << iota
	hasRounding
	hasMoveTo
)

// tagCategory reads the definition of a category. Its name is in the path.
func (s *bodyReader) tagCategory(c *engine.PutTagCategory) {
	*c = engine.PutTagCategory{Values: c.Values[:0], MoveTo: c.MoveTo[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "values":
			s.Seen(&has, hasValues)
			c.Values = s.tagValues(c.Values)
		case "rounding":
			if s.Present(&has, hasRounding) {
				c.Rounding = engine.Rounding(s.OneOf(roundingWords, "largest-remainder or unbiased is expected"))
			}
		case "moveTo":
			if s.Present(&has, hasMoveTo) {
				c.MoveTo = s.moves(c.MoveTo)
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasValues, "values")
}

func (s *bodyReader) tagValues(values []engine.Value) []engine.Value {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(values), engine.CategoryValuesMax)
		var value *engine.Value
		values, value = strictjson.Extend(values)
		s.tagValue(value)
	}
	return values
}

const (
	hasValueName strictjson.Fields = 1 << iota
	hasValuePercent
	hasValueDefault
	hasValueMin
	hasValueMax
)

func (s *bodyReader) tagValue(v *engine.Value) {
	*v = engine.Value{Percent: engine.NoPercent, Max: engine.NoMax}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "value":
			s.Seen(&has, hasValueName)
			v.Name = s.name()
		case "percent":
			if s.Present(&has, hasValuePercent) {
				v.Percent = s.Percent()
			}
		case "default":
			s.OptionalBool(&has, hasValueDefault, &v.Default)
		case "min":
			if s.Present(&has, hasValueMin) {
				v.Min = s.units()
			}
		case "max":
			if s.Present(&has, hasValueMax) {
				v.Max = s.units()
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasValueName, "value")
}

// units reads a number of units of which a negative one has another meaning to the engine (no maximum).
func (s *bodyReader) units() int64 {
	return s.IntegerIn(0, math.MaxInt64, "a number of units is not negative")
}

// moves reads an object of leaving value to the value that takes its stock.
func (s *bodyReader) moves(moves []engine.Move) []engine.Move {
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		key = s.nameKey(key)
		s.AtMost(len(moves), engine.CategoryValuesMax)
		for i := range moves {
			if moves[i].From == key {
				s.Fail(codeDuplicateField, "the value is given twice", "")
			}
		}
		moves = append(moves, engine.Move{From: key, To: s.name()})
	}
	return moves
}
