package trace

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"capmoe/layers/capacity"
)

// A file FILE.routing is a mark of 8 bytes and blocks; numbers are little-endian.
//
//	mark  89 'R' 'O' 'U' 'T' 'I' 'N' 'G'
//	HEAD  JSON: {"version": 1, "kind": "tokens" or "loads", and the fields of Info}
//	      tokens: of every step
//	STEP    step u64, first token u64, tokens u32, runs u32, then runs of request u32, tokens u32
//	LAYR    of every layer in order: layer u32, then the tokens' experts [T, M], u8 where
//	        E ≤ 256, else u16, and not there where M = E; then their scores f32 [T, M]
//	      loads: of every layer in order
//	LOAD    layer u32, then pairs u64 [E]
//	STOP  steps u64, tokens u64
//
// A block is its name, 4 bytes; the length of its body, u32; the body; and the CRC-32C
// of all three. Nothing in the file depends on the ranks that wrote it, and a reader
// sees at once where it was cut short or a bit has changed.
const (
	mark    = "\x89ROUTING"
	version = 1

	headBlock = "HEAD"
	stepBlock = "STEP"
	layerName = "LAYR"
	loadName  = "LOAD"
	stopBlock = "STOP"

	blockStart = 8 // bytes before a body
	blockEnd   = 4 // after it
	stepStart  = 24
	maxHead    = 1 << 24
	maxBody    = 1 << 30
)

// The kinds of files.
const (
	tokensKind = "tokens"
	loadsKind  = "loads"
)

// head is the JSON of a file.
type head struct {
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	Tokens  int64  `json:"tokens,omitempty"` // of loads
	Set     string `json:"set,omitempty"`    // of loads
	Info
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendBlock adds a block to dst.
func appendBlock(dst []byte, name string, body []byte) []byte {
	from := len(dst)
	dst = append(dst, name...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(body)))
	dst = append(dst, body...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
}

// idSize is the bytes of an expert's id in a file, 0 where all are there in order.
func (i Info) idSize() int {
	switch {
	case i.Whole():
		return 0
	case i.Experts <= 256:
		return 1
	}
	return 2
}

// layerBody is the length of a layer's body.
func (i Info) layerBody(tokens int) int { return 4 + tokens*i.Recorded*(4+i.idSize()) }

// fits fails on a step too large for a file.
func (i Info) fits(tokens int) error {
	if tokens < 1 || tokens > capacity.MaxTokens {
		return fmt.Errorf("step of %d tokens, want 1 to %d", tokens, capacity.MaxTokens)
	}
	if n := i.layerBody(tokens); n > maxBody {
		return fmt.Errorf("step of %d tokens takes %d bytes a layer, want at most %d", tokens, n, maxBody)
	}
	return nil
}
