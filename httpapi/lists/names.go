package lists

import (
	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/strictjson"
)

// NameQuery asks for a page of locations or of UPCs that have a record.
type NameQuery struct {
	Search string // a part of the name; empty: all
	Cursor string
	Limit  int
}

// AppendLocations appends a page of locations with the cursor of the next one, as members of an object.
func (q *NameQuery) AppendLocations(dst []byte, reader *engine.Reader) ([]byte, strictjson.Fault) {
	after, fault := q.place(cursor.Locations)
	if fault.Code != "" {
		return dst, fault
	}
	page := reader.SearchLocations(q.Search, after, q.Limit+1, nil)
	dst = append(dst, `"locations":[`...)
	for i := range page[:min(len(page), q.Limit)] {
		dst = strictjson.AppendText(strictjson.Comma(dst, i), `{"location":`, page[i].Location)
		dst = strictjson.AppendNumber(dst, `,"records":`, page[i].Records)
		dst = append(strictjson.AppendNumber(dst, `,"onHand":`, page[i].OnHand), '}')
	}
	next := ""
	if len(page) > q.Limit {
		next = cursorAfter(cursor.Locations, page[q.Limit-1].Location)
	}
	return AppendNext(append(dst, ']'), next), strictjson.Fault{}
}

// AppendUPCs appends a page of UPCs with the cursor of the next one, as members of an object.
func (q *NameQuery) AppendUPCs(dst []byte, reader *engine.Reader) ([]byte, strictjson.Fault) {
	after, fault := q.place(cursor.UPCs)
	if fault.Code != "" {
		return dst, fault
	}
	page := reader.SearchUPCs(q.Search, after, q.Limit+1, nil)
	dst = append(dst, `"upcs":[`...)
	for i, upc := range page[:min(len(page), q.Limit)] {
		dst = append(strictjson.AppendText(strictjson.Comma(dst, i), `{"upc":`, upc), '}')
	}
	next := ""
	if len(page) > q.Limit {
		next = cursorAfter(cursor.UPCs, page[q.Limit-1])
	}
	return AppendNext(append(dst, ']'), next), strictjson.Fault{}
}

// place is the name that the page begins behind.
func (q *NameQuery) place(kind cursor.Kind) (after string, fault strictjson.Fault) {
	if q.Cursor == "" {
		return "", strictjson.Fault{}
	}
	key, err := cursor.Parse(kind, q.Cursor)
	if err != nil || key.Number != 0 || key.Second != "" {
		return "", BadCursor(q.Cursor)
	}
	return key.First, strictjson.Fault{}
}

func cursorAfter(kind cursor.Kind, name string) string {
	return string(cursor.Append(nil, kind, cursor.Key{First: name}))
}
