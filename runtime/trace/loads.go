package trace

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// Loads is a recording of counts: how many tokens chose each expert of each layer, not
// which.
type Loads struct {
	Info
	Path   string
	Set    string // which of several in the file
	Tokens int64
	Pairs  [][]int64 // [layers][E]
}

// maxPairs is the most that is counted of an expert: the sum over all experts fits.
const maxPairs = int64(math.MaxInt64 / MaxExperts)

// name is the recording's in an error.
func (l *Loads) name() string {
	if l.Set == "" {
		return l.Path
	}
	return l.Path + ": " + l.Set
}

// countable fails on counts that no routing can have whatever the top k.
func (l *Loads) countable() error {
	if l.Experts < 1 || l.Experts > MaxExperts {
		return fmt.Errorf("trace: %s: counts of %d experts, want 1 to %d", l.name(), l.Experts, MaxExperts)
	}
	for i, pairs := range l.Pairs {
		if len(pairs) != l.Experts {
			return fmt.Errorf("trace: %s: layer %d has counts of %d experts, want %d", l.name(), l.Layers[i], len(pairs), l.Experts)
		}
		for e, n := range pairs {
			if n < 0 || n > maxPairs {
				return fmt.Errorf("trace: %s: layer %d, expert %d: count %d, want 0 to %d", l.name(), l.Layers[i], e, n, maxPairs)
			}
		}
	}
	return nil
}

// check fails on counts that no routing can have, and fills in the tokens.
func (l *Loads) check() error {
	if err := l.countable(); err != nil {
		return err
	}
	if l.TopK == 0 {
		return fmt.Errorf("trace: %s does not say how many experts a token chooses: give the top k", l.name())
	}
	l.Recorded = l.TopK
	if err := l.Info.validate(); err != nil {
		return fileError(l.name(), err)
	}
	l.Tokens = 0
	for i, pairs := range l.Pairs {
		sum := sum(pairs)
		if sum == 0 || sum%int64(l.TopK) != 0 {
			return fmt.Errorf("trace: %s: layer %d has %d pairs, want a multiple of top k %d", l.name(), l.Layers[i], sum, l.TopK)
		}
		tokens := sum / int64(l.TopK)
		l.Tokens = max(l.Tokens, tokens)
		for e, n := range pairs {
			if n > tokens {
				return fmt.Errorf("trace: %s: layer %d, expert %d: %d pairs of %d tokens: with top k %d a token chooses an expert once", l.name(), l.Layers[i], e, n, tokens, l.TopK)
			}
		}
	}
	return nil
}

// IsLoads tells whether a recording is of counts only.
func IsLoads(path string) (bool, error) {
	format, err := formatOf(path)
	if err != nil {
		return false, err
	}
	if format == routingFile {
		r, err := openRouting(path)
		if err != nil {
			return false, err
		}
		defer r.Close()
		return r.head.Kind == loadsKind, nil
	}
	return format == countsFile || format == pairsFile || format == sglangFile || format == torchFile, nil
}

// OpenLoads reads a recording of counts: a file FILE.routing, counts by domain or
// subject in JSON, or what SGLang's recorder writes.
func OpenLoads(path string, h Hints) (*Loads, error) {
	format, err := formatOf(path)
	if err != nil {
		return nil, err
	}
	sets, err := readSets(path, format, h)
	if err != nil {
		return nil, err
	}
	if len(sets) == 1 && h.Set == "" {
		return sets[0], sets[0].check()
	}
	var names []string
	for _, l := range sets {
		if l.Set == h.Set {
			return l, l.check()
		}
		names = append(names, l.Set)
	}
	return nil, fmt.Errorf("trace: %s holds %d sets of counts and none is named %q, want one of %s", path, len(sets), h.Set, strings.Join(names, ", "))
}

// readSets reads all the counts of a file.
func readSets(path string, format format, h Hints) ([]*Loads, error) {
	var sets []*Loads
	var err error
	switch format {
	case routingFile:
		l, err := readLoads(path)
		if err != nil {
			return nil, err
		}
		return []*Loads{l}, h.agree(path, l.Info)
	case countsFile:
		sets, err = readCounts(path)
	case pairsFile:
		sets, err = readPairs(path)
	case sglangFile:
		sets, err = readSGLang(path)
	case torchFile:
		sets, err = readTorch(path)
	default:
		return nil, fmt.Errorf("trace: %s holds tokens, not counts by expert", path)
	}
	if err != nil {
		return nil, fileError(path, err)
	}
	for _, l := range sets {
		l.Path = path
		if h.TopK > 0 {
			l.TopK = h.TopK
		}
		if err := h.agree(path, l.Info); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// Sets reads all the counts in a file. K of one may be 0: not known.
func Sets(path string, h Hints) ([]*Loads, error) {
	format, err := formatOf(path)
	if err != nil {
		return nil, err
	}
	sets, err := readSets(path, format, h)
	for _, l := range sets {
		switch {
		case err != nil:
		case l.TopK > 0:
			err = l.check()
		default:
			err = l.countable()
		}
	}
	return sets, err
}

// Write writes the counts to a file FILE.routing.
func (l *Loads) Write(path string) error {
	w, err := create(path, head{Kind: loadsKind, Tokens: l.Tokens, Set: l.Set, Info: l.Info})
	if err != nil {
		return err
	}
	defer w.Abort()
	for i, pairs := range l.Pairs {
		b := binary.LittleEndian.AppendUint32(nil, uint32(l.Layers[i]))
		for _, n := range pairs {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		w.putBlock(loadName, b)
	}
	return w.commit()
}

// readLoads reads a file FILE.routing of counts.
func readLoads(path string) (*Loads, error) {
	r, err := openRouting(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.loads()
}

// loads reads the counts of the file.
func (r *reader) loads() (*Loads, error) {
	if r.head.Kind != loadsKind {
		return nil, fmt.Errorf("trace: %s holds tokens, not counts by expert", r.path)
	}
	l := &Loads{Info: r.head.Info, Path: r.path, Set: r.head.Set}
	for _, layer := range l.Layers {
		where := fmt.Sprintf("layer %d", layer)
		at := r.at
		body, err := r.block(where, loadName, 4+8*l.Experts)
		if err != nil {
			return nil, err
		}
		if n := binary.LittleEndian.Uint32(body); int64(n) != int64(layer) {
			return nil, r.errorf("%s: block at byte %d is of layer %d", where, at, n)
		}
		pairs := make([]int64, l.Experts)
		for e := range pairs {
			pairs[e] = int64(binary.LittleEndian.Uint64(body[4+8*e:]))
		}
		l.Pairs = append(l.Pairs, pairs)
	}
	if err := r.stop(); err != io.EOF {
		return nil, err
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.Tokens != r.head.Tokens {
		return nil, r.errorf("head: field \"tokens\" is %d, the counts are of %d", r.head.Tokens, l.Tokens)
	}
	return l, nil
}
