package engine

import (
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
)

// TestDecodedRowsShowTheState: rows that are read without an engine say what the engine says.
func TestDecodedRowsShowTheState(t *testing.T) {
	h, rows := stored(t)
	records, events := 0, []Event(nil)
	var view, want RecordView
	var schema *Schema
	err := rows.Each(func(op RowOp, key, value []byte) error {
		switch {
		case op != RowSet:
		case key[0] == SchemaTable:
			s, err := DecodeSchema(value)
			schema = s
			return err
		case key[0] == RecordTable:
			records++
			if err := DecodeRecord(value, &view); err != nil {
				return err
			}
			if !h.e.ReadRecord(view.UPC, view.Location, &want) {
				t.Errorf("the engine has no record %s at %s", view.UPC, view.Location)
			}
			want.upc, want.location = 0, 0
			if !reflect.DeepEqual(view, want) {
				t.Errorf("decoded %+v, the engine has %+v", view, want)
			}
		case key[0] == EventTable:
			ev, err := DecodeEvent(binary.BigEndian.Uint64(key[1:]), append([]byte(nil), value...))
			events = append(events, ev)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if stats := h.e.Stats(); records == 0 || int64(records) != stats.Records {
		t.Errorf("%d records of %d", records, stats.Records)
	}
	if want := h.e.Events(0, EventsMax, nil); !reflect.DeepEqual(events, want) {
		t.Errorf("decoded events %+v, want %+v", events, want)
	}
	if !reflect.DeepEqual(schema.Categories(), h.e.Schema().Categories()) {
		t.Error("the decoded schema has other categories")
	}
	for id := range TagSetID(schema.sets.Used()) {
		if id > 0 && schema.TagsJSON(id) != h.e.Schema().TagsJSON(id) {
			t.Errorf("tag set %d is %s, want %s", id, schema.TagsJSON(id), h.e.Schema().TagsJSON(id))
		}
	}
}

// FuzzDecodeRecord: damaged rows are errors.
func FuzzDecodeRecord(f *testing.F) {
	_, rows := stored(f)
	_ = rows.Each(func(_ RowOp, key, value []byte) error {
		if key[0] == RecordTable {
			f.Add(value)
		}
		return nil
	})
	f.Fuzz(func(t *testing.T, row []byte) {
		var v RecordView
		if err := DecodeRecord(row, &v); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		_, _ = DecodeEvent(1, row)
		_, _ = DecodeSchema(row)
	})
}
