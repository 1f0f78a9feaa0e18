package history

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// TestDecodeFrameRefuses: a bad frame is refused. A bad length is refused before its memory is allocated.
func TestDecodeFrameRefuses(t *testing.T) {
	for _, f := range []frame{{kind: 0}, {kind: frameEnd + 1}, {kind: frameLost, data: make([]byte, 7)},
		{kind: frameLost, data: make([]byte, 9)}} {
		data := appendFrame(nil, &f)
		sealFrames(data)
		if _, err := decodeFrame(data); !errors.Is(err, durable.ErrFormat) {
			t.Errorf("kind %d with %d bytes: %v", f.kind, len(f.data), err)
		}
	}
	for body, ok := range map[uint32]bool{0: false, 17: false, 18: true, refusedFrameBytesMax - 8: true,
		refusedFrameBytesMax - 7: false, 1 << 30: false} {
		if _, err := frameBytes(binary.LittleEndian.AppendUint32(nil, body)); (err == nil) != ok {
			t.Errorf("a frame of %d bytes: %v", body, err)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	command := engine.AppendCommand(nil, &engine.Envelope{}, order("o", "U", 3))
	for _, seed := range []frame{
		{kind: frameRefusal, code: engine.CodeInsufficient, index: 7, timeMS: 1_700_000_000_000, data: command},
		{kind: frameLost, index: 1 << 40, data: make([]byte, 8)}, {kind: frameEnd, timeMS: -1},
	} {
		data := appendFrame(nil, &seed)
		sealFrames(data)
		f.Add(data)
		f.Add(append(data, data...))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		in, buffer := bufio.NewReader(bytes.NewReader(data)), []byte(nil)
		for rest := data; ; {
			got, err := readFrame(in, &buffer)
			if err != nil {
				if errors.Is(err, io.EOF) != (len(rest) == 0) {
					t.Fatalf("%d bytes are left: %v", len(rest), err)
				}
				if _, err := decodeFrame(rest); err == nil {
					t.Fatal("a frame was not read")
				}
				return
			}
			again := appendFrame(nil, &got)
			sealFrames(again)
			if !bytes.HasPrefix(rest, again) {
				t.Fatalf("read %+v, which is written as %x, from %x", got, again, rest)
			}
			if refused, lost := countFrames(again); got.kind == frameRefusal != (refused == 1) ||
				got.kind == frameLost && lost != got.lost() {
				t.Fatalf("%+v counts as %d refused, %d lost", got, refused, lost)
			}
			rest = rest[len(again):]
		}
	})
}
