package httpapi

import (
	"fmt"
	"math"

	"apportion/engine"
)

// The body that defines a tag category.

// roundingWords are the rounding rules' names, in the order of engine.Rounding.
var roundingWords = []string{
	engine.RoundingLargestRemainder: "largest-remainder",
	engine.RoundingUnbiased:         "unbiased",
}

type tagCategoryBody struct {
	Values   []tagValueBody `json:"values" required:"true"`
	Rounding *string        `json:"rounding"`
	MoveTo   moves          `json:"moveTo"`
}

type tagValueBody struct {
	Name    string       `json:"value" required:"true"`
	Percent *basisPoints `json:"percent"`
	Default bool         `json:"default"`
	Min     *int64       `json:"min"`
	Max     *int64       `json:"max"`
}

// basisPoints is a percentage in hundredths of a percent.
type basisPoints int32

// moves has, for each value that leaves, the value that takes over its stock.
type moves map[string]string

// command gives the command that defines the category.
func (b *tagCategoryBody) command(name string, k *bodyCheck) *engine.PutTagCategory {
	cmd := &engine.PutTagCategory{Name: name, Rounding: engine.Rounding(k.word("rounding", b.Rounding, roundingWords))}
	for i := range b.Values {
		from, field := &b.Values[i], fmt.Sprintf("values[%d].", i)
		value := engine.Value{Name: k.name(field+"value", from.Name), Percent: engine.NoPercent, Default: from.Default,
			Min: k.integer(field+"min", from.Min, 0, math.MaxInt64, 0),
			Max: k.integer(field+"max", from.Max, 0, math.MaxInt64, engine.NoMax)}
		if from.Percent != nil {
			value.Percent = int32(*from.Percent)
		}
		cmd.Values = append(cmd.Values, value)
	}
	k.pairs("moveTo", b.MoveTo, "the value is given twice: send it once", func(name, value, field string) {
		cmd.MoveTo = append(cmd.MoveTo, engine.Move{From: name, To: k.name(field, value)})
	})
	return cmd
}
