package engine

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// oneAllocate and oneResult are the usual command and its answer.
var (
	oneAllocate = Allocate{
		OrderID: "order-1", Mode: ModePartial, Backorder: true, ExpiresAtMS: 300,
		Lines: []AllocateLine{{ItemID: "1", UPC: "0042", Location: "S1", Quantity: 3, Tags: []Tag{{"Channel", "Web"}}}},
	}
	oneResult = Result{
		Kind: KindAllocate, Code: CodeOK, Index: 300,
		Lines: []LineResult{{ItemID: "1", Requested: 3, Units: 2, Pending: 1,
			Parts: []Part{{TagSet: 7, Units: 2, Pending: 1}}}},
	}
)

// anyVersion ignores the version of a command, which only a decoded command has.
var anyVersion = cmpopts.IgnoreFields(Envelope{}, "Version")

func TestCommandRoundTrip(t *testing.T) {
	for _, kind := range commandKinds {
		t.Run(kind.String(), func(t *testing.T) {
			var scratch commandScratch
			rapid.Check(t, func(t *rapid.T) {
				env, c := genEnvelope(t), genCommand(t, kind)
				b := AppendCommand([]byte("before"), &env, c)[len("before"):]
				gotEnv, got, err := DecodeCommand(b)
				if err != nil {
					t.Fatalf("DecodeCommand: %v", err)
				}
				if d := cmp.Diff(c, got, cmpopts.EquateEmpty()) +
					cmp.Diff(env, gotEnv, cmpopts.EquateEmpty(), anyVersion); d != "" {
					t.Fatalf("decoded command differs: %s", d)
				}
				inScratch, scratchEnv, err := scratch.decode(b)
				if err != nil {
					t.Fatalf("scratch.decode: %v", err)
				}
				if d := cmp.Diff(c, inScratch, cmpopts.EquateEmpty()) +
					cmp.Diff(&env, scratchEnv, cmpopts.EquateEmpty(), anyVersion); d != "" {
					t.Fatalf("command in the scratch differs: %s", d)
				}
				body := bytes.Clone(scratch.body)
				fromBody, err := scratch.decodeBody(kind, body)
				if err != nil {
					t.Fatalf("decodeBody: %v", err)
				}
				if d := cmp.Diff(c, fromBody, cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("command from the body differs: %s", d)
				}
			})
		})
	}
}

// TestScratchForgets decodes commands of all kinds with one scratch: nothing of an earlier command may remain.
func TestScratchForgets(t *testing.T) {
	var scratch commandScratch
	rapid.Check(t, func(t *rapid.T) {
		c := genAnyCommand(t)
		got, _, err := scratch.decode(AppendCommand(nil, &Envelope{}, c))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if d := cmp.Diff(c, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("decoded command differs: %s", d)
		}
	})
}

func TestDecodeCommandOwnsItsMemory(t *testing.T) {
	b := AppendCommand(nil, &Envelope{Key: "key", Archived: []byte("row"), ArchivedAt: 1}, &oneAllocate)
	env, c, err := DecodeCommand(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if env.Key != "key" || string(env.Archived) != "row" || !cmp.Equal(c, Command(&oneAllocate)) {
		t.Fatalf("the decoded command changed with its bytes: %v %v", env, c)
	}
}

func TestScratchTagsAreCapped(t *testing.T) {
	c := &Adjust{Location: "S1", Items: []StockItem{
		{UPC: "1", Quantity: 1, Tags: []Tag{{"A", "a"}}}, {UPC: "2", Quantity: 1, Tags: []Tag{{"B", "b"}}},
	}}
	var scratch commandScratch
	got, _, err := scratch.decode(AppendCommand(nil, &Envelope{}, c))
	if err != nil {
		t.Fatal(err)
	}
	items := got.(*Adjust).Items
	_ = append(items[0].Tags, Tag{"X", "x"})
	if items[1].Tags[0] != (Tag{"B", "b"}) {
		t.Fatalf("appending to a line's tags changed the next line's: %v", items[1].Tags)
	}
}

// TestCommandGolden fixes the format: later versions read these logs.
func TestCommandGolden(t *testing.T) {
	got := AppendCommand(nil, &Envelope{Key: "k1"}, &oneAllocate)
	want := "040601" + "02" + hex.EncodeToString([]byte("k1")) +
		"0302" + "07" + hex.EncodeToString([]byte("order-1")) + "d804" + // 300 in zigzag
		"01" + "0131" + "0430303432" + "025331" + "06" + // one line: 1, 0042, S1, 3
		"01" + "07" + hex.EncodeToString([]byte("Channel")) + "03" + hex.EncodeToString([]byte("Web"))
	if hex.EncodeToString(got) != want {
		t.Fatalf("got  %x\nwant %s", got, want)
	}
}

// TestCommandVersions: a command has the oldest version that can express it, for nodes with older programs.
func TestCommandVersions(t *testing.T) {
	f := func(want byte, env Envelope, c Command) {
		t.Helper()
		if got := AppendCommand(nil, &env, c)[0]; got != want {
			t.Errorf("%T is written in version %d, want %d", c, got, want)
		}
	}
	f(4, Envelope{}, &Expire{})
	f(7, Envelope{}, &StartChanges{})
	f(10, Envelope{}, &Block{})
	f(10, Envelope{Version: 10}, &Block{StockNote: StockNote{Reference: "r"}})
	f(9, Envelope{Version: 9}, &Block{})
	f(8, Envelope{Version: 8}, &Redistribute{Now: true})
	f(9, Envelope{}, &Redistribute{Now: true})
	f(9, Envelope{}, &Redistribute{DryRun: true})
	f(4, Envelope{}, &Redistribute{})
	f(4, Envelope{Version: 4}, &Redistribute{Now: true})
	f(8, Envelope{}, &StartCount{})
	f(4, Envelope{Version: 4}, &StartCount{})
	f(4, Envelope{}, &CloseCount{})
	f(8, Envelope{}, &CloseCount{Complete: true})
	f(6, Envelope{}, &OrderChange{Action: KindDeallocate, OrderID: "o", Lines: []OrderLine{{ItemID: "1"}}})
	f(6, Envelope{Version: 6}, &OrderChange{Action: KindDeallocate, OrderID: "o", Lines: []OrderLine{{ItemID: "1"}}})
	f(4, Envelope{Version: 4}, &OrderChange{Action: KindDeallocate, OrderID: "o", Lines: []OrderLine{{ItemID: "1"}}})
	f(5, Envelope{Version: 5}, &OrderChange{Action: KindDeallocate, OrderID: "o",
		Lines: []OrderLine{{ItemID: "1"}, {ItemID: "2", Lost: true}}})
	f(5, Envelope{Version: 5}, &OrderChange{Action: KindDeallocate, OrderID: "o",
		Lines: []OrderLine{{ItemID: "1", Block: BlockClear}}})
	f(6, Envelope{Version: 6}, &OrderChange{Action: KindDeallocate, OrderID: "o",
		Lines: []OrderLine{{ItemID: "1", Block: BlockClear}}})
	f(10, Envelope{}, &OrderChange{Action: KindDeallocate, OrderID: "o", Reason: "r",
		Lines: []OrderLine{{ItemID: "1", Block: BlockSet}}})
	f(4, Envelope{}, &Refresh{Location: "L"})
	f(6, Envelope{}, &Refresh{Location: "L", Count: "c"})
	f(5, Envelope{Version: 5}, &Refresh{Location: "L", Count: "c"})
	f(5, Envelope{IfSeen: true}, channels(5000, 5000))
	f(7, Envelope{IfSeen: true}, &OrderChange{Action: KindFulfill, OrderID: "o"})
	f(4, Envelope{}, channels(5000, 5000))
	f(5, Envelope{}, &DeleteSegments{})
	f(5, Envelope{}, &PutLocationGroup{Group: "g"})
	f(7, Envelope{}, &PutWebhook{})
	f(7, Envelope{}, &PutWebhook{EventFilter: EventFilter{Kinds: []EventKind{EventPendingFilled}}})
	f(10, Envelope{}, &PutWebhook{EventFilter: EventFilter{Kinds: []EventKind{EventSoldOut, EventRecordUnblocked}}})
	f(7, Envelope{}, &DeleteWebhook{})
	f(7, Envelope{}, &SetWebhookPosition{})
}

// TestCommandOfVersion1 reads a command from before rules.
func TestCommandOfVersion1(t *testing.T) {
	b := AppendCommand(nil, &Envelope{Key: "k1"}, &oneAllocate)
	b[0] = 1
	env, c, err := DecodeCommand(b)
	if d := cmp.Diff(Command(&oneAllocate), c, cmpopts.EquateEmpty()); err != nil || env.Key != "k1" || d != "" {
		t.Fatalf("got %+v, %v: %s", env, err, d)
	}
}

func TestResultGolden(t *testing.T) {
	got := hex.EncodeToString(AppendResult(nil, &oneResult))
	want := "0300060002" + "ac02" + "01" + "0000" + "0131" + "06040200" + "01" + "070402"
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestDecodeCommandRefuses(t *testing.T) {
	expire := AppendCommand(nil, &Envelope{}, &Expire{})
	start := AppendCommand(nil, &Envelope{}, &StartCount{Location: "S1", Count: "c"})
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "version 0"},
		{"version 0", []byte{0, 15, 0}, "version 0"},
		{"no kind", []byte{1}, "cut short"},
		{"kind 0", []byte{1, 0, 0}, "unknown kind"},
		{"kind of the future", []byte{1, 100, 0}, "unknown kind"},
		{"unknown flag", []byte{1, 15, 32}, "unknown flag"},
		{"unknown flag of a job", []byte{4, 15, 8, 2, 1, 0x58, 0, 0, 0}, "unknown flag"},
		{"empty rules", []byte{2, 15, 4, 0, 0}, "announced rules are empty"},
		{"empty attributes", []byte{2, 6, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0}, "announced attributes are empty"},
		{"bytes behind the end", append(bytes.Clone(expire), 0), "bytes behind the end at byte 3 of 4"},
		{"empty key", []byte{1, 15, 1, 0}, "announced key is empty"},
		{"empty archived", []byte{1, 15, 2, 0, 0}, "announced order is empty"},
		{"length beyond the end", []byte{1, 13, 0, 2, 'S'}, "length beyond the end"},
		{"longer varint than needed", []byte{1, 13, 0, 0x81, 0, 'S', 0}, "shortest form"},
		{"varint overflow", append([]byte{1, 13, 0}, bytes.Repeat([]byte{0xff}, 10)...), "overflows"},
		{"varint without end", append([]byte{1, 13, 0}, bytes.Repeat([]byte{0xff}, 9)...), "cut short"},
		{"count beyond the end", []byte{1, 3, 0, 0xff, 0xff, 0xff, 0xff, 0x7f}, "count beyond the end"},
		{"empty delivery date", []byte{1, 2, 0, 0, 1, 0x80, 0, 0, 2, 0}, "announced date is empty"},
		{"unknown stock flag", []byte{1, 2, 0, 0, 1, 0x10, 0, 0, 2}, "unknown flag"},
		{"nothing more of a transfer", []byte{7, 3, 0, 0, 0}, "nothing is announced"},
		{"empty reason of a deallocate", []byte{7, 8, 0, 0, 0, 0}, "an announced text is empty"},
		{"empty reason", []byte{7, 2, 0, 0, 0, 2, 0}, "an announced text is empty"},
		{"empty reference of a block", []byte{10, 24, 0, 0, 0, 4, 0}, "an announced text is empty"},
		{"nothing more of a close", []byte{8, 14, 0, 0, 0, 0}, "nothing is announced"},
		{"empty after of a close", []byte{8, 14, 0, 0, 0, 5, 0}, "an announced text is empty"},
		{"empty versions", []byte{7, 3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0}, "announced versions are none"},
		{"empty expiry", []byte{1, 6, 0, 2, 0, 0, 0, 0}, "announced date is empty"},
		{"empty goods", []byte{1, 10, 0, 0, 1, 1, 0, 0, 0, 0, 0}, "announced goods are empty"},
		{"empty max", []byte{1, 11, 0, 0, 0, 1, 2, 0, 1, 0, 1, 0}, "announced max is empty"},
		{"percent beyond 32 bits", []byte{1, 11, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0},
			"percent out of range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, c, err := DecodeCommand(tt.b)
			if !errors.Is(err, ErrBadCommand) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, %v; want ErrBadCommand with %q", c, err, tt.want)
			}
		})
	}
	for cut := range start {
		if _, _, err := DecodeCommand(start[:cut]); !errors.Is(err, ErrBadCommand) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

func TestNewerVersionIsRefused(t *testing.T) {
	command := AppendCommand(nil, &Envelope{}, &Expire{})
	command[0] = commandVersion + 1
	if _, _, err := DecodeCommand(command); !errors.Is(err, ErrNewerVersion) || errors.Is(err, ErrBadCommand) {
		t.Errorf("command: %v", err)
	}
	result := AppendResult(nil, &oneResult)
	result[0] = resultVersion + 1
	if err := DecodeResult(result, new(Result)); !errors.Is(err, ErrNewerVersion) || errors.Is(err, ErrBadResult) {
		t.Errorf("result: %v", err)
	}
}

func TestCodecRefusesMisuse(t *testing.T) {
	for name, misuse := range map[string]func(){
		"action":         func() { AppendCommand(nil, &Envelope{}, &OrderChange{Action: KindRefresh, OrderID: "o"}) },
		"AppendRepeated": func() { AppendRepeated(nil, make([]byte, resultHeaderBytes-1)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "BUG: ") {
					t.Fatalf("recovered %q", text)
				}
			}()
			misuse()
		})
	}
}

func TestResultRoundTrip(t *testing.T) {
	var got Result // reused: nothing of an earlier result may remain
	rapid.Check(t, func(t *rapid.T) {
		r := genResult(t)
		b := AppendResult([]byte("before"), &r)[len("before"):]
		if err := DecodeResult(b, &got); err != nil {
			t.Fatalf("DecodeResult: %v", err)
		}
		if d := cmp.Diff(r, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("decoded result differs: %s", d)
		}
		repeated := AppendRepeated([]byte("before"), b)[len("before"):]
		r.Repeated = true
		if want := AppendResult(nil, &r); !bytes.Equal(repeated, want) {
			t.Fatalf("AppendRepeated: %x, want %x", repeated, want)
		}
	})
}

func TestDecodeResultRefuses(t *testing.T) {
	good := AppendResult(nil, &oneResult)
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "version 0"},
		{"unknown flag", []byte{1, 2, 6, 0, 0, 1}, "unknown flag"},
		{"empty shortfalls", []byte{4, 0, 1, 0, 128, 1, 0}, "announced section is empty"},
		{"empty job", []byte{3, 0, 6, 0, 64, 1, 0, 0}, "announced section is empty"},
		{"bytes behind the end", append(bytes.Clone(good), 0), "bytes behind the end"},
		{"empty fault", []byte{1, 0, 6, 0, 1, 1, 0, 0}, "announced section is empty"},
		{"empty lines", []byte{1, 0, 6, 0, 2, 1, 0}, "announced section is empty"},
		{"empty stock", []byte{1, 0, 6, 0, 4, 1, 0, 0, 0, 0}, "announced section is empty"},
		{"unknown flag of a line", []byte{1, 0, 6, 0, 2, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0}, "unknown flag"},
		{"tag set beyond 32 bits", []byte{1, 0, 4, 0, 8, 1, 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0},
			"tag set out of range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := DecodeResult(tt.b, new(Result))
			if !errors.Is(err, ErrBadResult) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want ErrBadResult with %q", err, tt.want)
			}
		})
	}
	for cut := range good {
		if err := DecodeResult(good[:cut], new(Result)); !errors.Is(err, ErrBadResult) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}
