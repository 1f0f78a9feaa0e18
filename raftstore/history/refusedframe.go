package history

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// A segment file of refused orders is a version byte and frames; little-endian:
//
//	offset  bytes  what
//	0       4      bytes of the frame from offset 8 on
//	4       4      CRC-32C of these
//	8       1      kind
//	9       1      the engine.Code that a refusal was answered with
//	10      8      log index: it was decided on a state of this index or a later one
//	18      8      Unix milliseconds
//	26      ...    refusal: the command (engine.AppendCommand); lost: 8 bytes, how many; end: nothing
const (
	refusedVersion = 1

	frameHeaderBytes = 26
	frameChecksumAt  = 4
	frameBodyAt      = 8
	frameIndexAt     = 10
	frameTimeAt      = 18
)

type frameKind uint8

const (
	frameRefusal frameKind = 1 + iota
	frameLost              // a number of refusals since the frame before were not recorded
	frameEnd               // the last frame of a segment; without it, the recording broke off
)

// frame is a decoded frame; data aliases the segment's bytes.
type frame struct {
	kind   frameKind
	code   engine.Code
	index  uint64
	timeMS int64
	data   []byte
}

// beginFrame appends the header of a frame.
func beginFrame(dst []byte, f *frame) []byte {
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, byte(f.kind), byte(f.code))
	dst = binary.LittleEndian.AppendUint64(dst, f.index)
	return binary.LittleEndian.AppendUint64(dst, uint64(f.timeMS))
}

// endFrame fills in the length of the frame that begins at start and ends where dst ends.
func endFrame(dst []byte, start int) {
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-frameBodyAt))
}

// sealFrames fills in the checksums. The writer calls it, not the request, which has no time for it.
func sealFrames(frames []byte) {
	for len(frames) > 0 {
		end := frameBodyAt + int(binary.LittleEndian.Uint32(frames))
		binary.LittleEndian.PutUint32(frames[frameChecksumAt:],
			crc32.Checksum(frames[frameBodyAt:end], durable.Castagnoli))
		frames = frames[end:]
	}
}

// appendFrame appends a whole frame except its checksum.
func appendFrame(dst []byte, f *frame) []byte {
	start := len(dst)
	dst = append(beginFrame(dst, f), f.data...)
	endFrame(dst, start)
	return dst
}

// appendLost appends a frame with the number of lost refusals.
func appendLost(dst []byte, index uint64, timeMS int64, count uint64) []byte {
	var data [8]byte
	binary.LittleEndian.PutUint64(data[:], count)
	return appendFrame(dst, &frame{kind: frameLost, index: index, timeMS: timeMS, data: data[:]})
}

// frameBytes returns the length of the frame that begins with a header. Only its bounds are checked yet.
func frameBytes(header []byte) (int, error) {
	body := binary.LittleEndian.Uint32(header)
	if body < frameHeaderBytes-frameBodyAt || body > refusedFrameBytesMax-frameBodyAt {
		return 0, fmt.Errorf("%w: a frame of %d bytes", durable.ErrFormat, body)
	}
	return frameBodyAt + int(body), nil
}

// decodeFrame reads a whole frame.
func decodeFrame(data []byte) (f frame, err error) {
	if len(data) < frameHeaderBytes {
		return f, fmt.Errorf("%w: a frame of %d bytes is shorter than its header", durable.ErrFormat, len(data))
	}
	if bytes, err := frameBytes(data); err != nil || bytes != len(data) {
		return f, fmt.Errorf("%w: a frame of %d bytes has %d by its header", durable.ErrFormat, len(data), bytes)
	}
	if crc32.Checksum(data[frameBodyAt:], durable.Castagnoli) != binary.LittleEndian.Uint32(data[frameChecksumAt:]) {
		return f, fmt.Errorf("%w: a frame has a wrong checksum", durable.ErrFormat)
	}
	f = frame{
		kind: frameKind(data[frameBodyAt]), code: engine.Code(data[frameBodyAt+1]),
		index:  binary.LittleEndian.Uint64(data[frameIndexAt:]),
		timeMS: int64(binary.LittleEndian.Uint64(data[frameTimeAt:])),
		data:   data[frameHeaderBytes:],
	}
	if f.kind < frameRefusal || f.kind > frameEnd || f.kind == frameLost && len(f.data) != 8 {
		return f, fmt.Errorf("%w: a frame of kind %d with %d bytes", durable.ErrFormat, f.kind, len(f.data))
	}
	return f, nil
}

// lost is the number of lost refusals in a frame of that kind.
func (f *frame) lost() uint64 { return binary.LittleEndian.Uint64(f.data) }

// countFrames counts the recorded and the lost refusals in whole frames.
func countFrames(frames []byte) (refused, lost uint64) {
	for len(frames) > 0 {
		end := frameBodyAt + int(binary.LittleEndian.Uint32(frames))
		switch frameKind(frames[frameBodyAt]) {
		case frameRefusal:
			refused++
		case frameLost:
			lost += binary.LittleEndian.Uint64(frames[frameHeaderBytes:])
		}
		frames = frames[end:]
	}
	return refused, lost
}

// firstMoment returns where in the log the first of some frames was refused.
func firstMoment(frames []byte) engine.Moment {
	return engine.Moment{
		Index:  binary.LittleEndian.Uint64(frames[frameIndexAt:]),
		TimeMS: int64(binary.LittleEndian.Uint64(frames[frameTimeAt:])),
	}
}
