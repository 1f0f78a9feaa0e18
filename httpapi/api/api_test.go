package api

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestReplies fixes the names, the order and the types of all fields of replies: clients depend on them.
func TestReplies(t *testing.T) {
	for name, reply := range map[string]any{
		"cluster":     new(Cluster),
		"rules":       new(RuleList),
		"rule":        new(Rule),
		"activation":  new(Activation),
		"stored-rule": new(StoredRule),
		"check":       new(CheckedRule),
		"changed":     new(ChangedRule),
		"dry-run":     new(DryRun),
		"explanation": new(OrderExplanation),
		"history":     new(History),
		"backtests":   new(BacktestList),
	} {
		number := 0
		fill(reflect.ValueOf(reply).Elem(), &number)
		got, err := json.MarshalIndent(reply, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		file := "testdata/" + name + ".json"
		if *rewrite {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

// fill sets every field of a value, each number and text to a new one.
func fill(v reflect.Value, number *int) {
	*number++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), number)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), number)
	case reflect.Map:
		v.Set(reflect.ValueOf(Tags{"Channel": "Kibo"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), number)
	case reflect.String:
		v.SetString("text " + string(rune('a'+*number%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*number) + 0.5)
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(*number))
	default:
		v.SetInt(int64(*number))
	}
}

// TestBodies: an empty body has only the required fields, so that the server uses its defaults.
func TestBodies(t *testing.T) {
	for want, body := range map[string]any{
		`{"source":""}`: PutRule{}, `{}`: ActivateRule{},
		`{"item":{"upc":"","location":""}}`: DryRunRule{}, `{"segments":null}`: DryRunRecord{},
		`{"address":""}`: PutMember{},
	} {
		if got, err := json.Marshal(body); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	for _, body := range []any{DeactivateRule{}, StartBacktest{}, TransferLeader{}, DryRunSegment{}, Redistribute{},
		DeleteRecords{}, Query{}, ChangeOrder{}, ReturnOrder{}} {
		if got, err := json.Marshal(body); err != nil || string(got) != "{}" {
			t.Errorf("%T: got %s, %v, want {}", body, got, err)
		}
	}
}
