package trace

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"capmoe/runtime/durable"
)

// Writer writes a file FILE.routing step by step. Until Close succeeds nothing is under
// the final name but what was there before. After the first error every call returns
// that error.
type Writer struct {
	path   string
	file   *durable.File // nil: somebody else's
	out    *bufio.Writer
	info   Info
	steps  int
	tokens int
	rows   []float32 // [rowsAtOnce, E]
	choice Choices   // of one layer
	body   []byte
	block  []byte
	err    error
}

// rowsAtOnce is how many tokens' scores over all experts are held at a time.
const rowsAtOnce = 256

// Create starts a file of tokens.
func Create(path string, info Info) (*Writer, error) {
	return create(path, head{Kind: tokensKind, Info: info})
}

func create(path string, h head) (*Writer, error) {
	if err := h.Info.validate(); err != nil {
		return nil, fileError(path, err)
	}
	file, err := durable.Create(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	w := newWriter(file, h)
	w.path, w.file = path, file
	if w.err != nil {
		w.Abort()
	}
	return w, w.err
}

// newWriter starts a file on out.
func newWriter(out io.Writer, h head) *Writer {
	w := &Writer{out: bufio.NewWriterSize(out, 1<<20), info: h.Info}
	h.Version = version
	text, err := json.Marshal(h)
	if err != nil {
		w.err = err
		return w
	}
	w.put([]byte(mark))
	w.putBlock(headBlock, text)
	return w
}

// Step writes a step with the best M experts of its tokens in every layer.
func (w *Writer) Step(s Step) error {
	w.begin(s)
	for i := range w.info.Layers {
		w.choice.Expert, w.choice.Score = w.choice.Expert[:0], w.choice.Score[:0]
		for from := 0; from < s.Tokens && w.err == nil; from += rowsAtOnce {
			to := min(from+rowsAtOnce, s.Tokens)
			w.rows = append(w.rows[:0], make([]float32, (to-from)*w.info.Experts)...)
			s.Rows(w.rows, i, from, to)
			if err := w.choice.best(w.rows, w.info.Experts, w.info.Recorded, s.First+from); err != nil {
				w.fail(fmt.Errorf("layer %d: %w", w.info.Layers[i], err))
			}
		}
		w.layer(i, w.choice)
	}
	return w.err
}

// Choices writes a step whose M best experts are known, [layers].
func (w *Writer) Choices(s Step, choices []Choices) error {
	w.begin(s)
	for i, c := range choices {
		w.layer(i, c)
	}
	return w.err
}

// begin writes what all layers of a step have in common.
func (w *Writer) begin(s Step) {
	if err := w.info.fits(s.Tokens); err != nil {
		w.fail(err)
		return
	}
	b := binary.LittleEndian.AppendUint64(w.body[:0], uint64(w.steps))
	b = binary.LittleEndian.AppendUint64(b, uint64(w.tokens))
	b = binary.LittleEndian.AppendUint32(b, uint32(s.Tokens))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Requests)))
	for _, r := range s.Requests {
		b = binary.LittleEndian.AppendUint32(b, r.Request)
		b = binary.LittleEndian.AppendUint32(b, r.Tokens)
	}
	w.putBlock(stepBlock, b)
	w.body = b
	w.steps++
	w.tokens += s.Tokens
}

// layer writes the choices of the step's tokens in the i-th layer.
func (w *Writer) layer(i int, c Choices) {
	b := binary.LittleEndian.AppendUint32(w.body[:0], uint32(w.info.Layers[i]))
	for _, e := range c.Expert {
		if w.info.idSize() == 1 {
			b = append(b, byte(e))
		} else {
			b = binary.LittleEndian.AppendUint16(b, e)
		}
	}
	for _, s := range c.Score {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s))
	}
	w.putBlock(layerName, b)
	w.body = b
}

func (w *Writer) putBlock(name string, body []byte) {
	w.block = appendBlock(w.block[:0], name, body)
	w.put(w.block)
}

func (w *Writer) put(bytes []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.out.Write(bytes); err != nil {
		w.fail(err)
	}
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = fileError(w.path, err)
	}
}

// finish writes the last block.
func (w *Writer) finish() error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(w.steps))
	b = binary.LittleEndian.AppendUint64(b, uint64(w.tokens))
	w.putBlock(stopBlock, b)
	if w.err == nil {
		if err := w.out.Flush(); err != nil {
			w.fail(err)
		}
	}
	return w.err
}

// Close brings the file to disk and gives it its name. A trace without a token is an
// error, and then, as after any error, no file is left.
func (w *Writer) Close() error {
	if w.err == nil && w.steps == 0 {
		w.fail(errors.New("0 tokens, want 1 or more"))
	}
	return w.commit()
}

func (w *Writer) commit() error {
	if err := w.finish(); err != nil {
		w.Abort()
		return err
	}
	if err := w.file.Commit(); err != nil {
		w.fail(err)
		w.Abort()
	}
	return w.err
}

// Abort leaves no file, unless it was closed. A nil Writer has none.
func (w *Writer) Abort() {
	if w != nil {
		w.file.Discard()
	}
}

// fileError is an error about a file, whose name the file system may have said already.
func fileError(path string, err error) error {
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", fault.Op, fault.Err)
	}
	return fmt.Errorf("trace: %s: %w", path, err)
}
