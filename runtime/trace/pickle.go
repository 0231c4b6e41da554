package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// unpickle reads what torch.save makes of dicts, lists, tuples, numbers, texts and
// tensors (Python's pickle, protocols 2 to 4). It runs nothing: what Python would call
// comes back as a call.
func unpickle(data []byte) (any, error) {
	u := &unpickler{in: data, memo: map[uint32]any{}}
	for {
		v, done, err := u.next()
		if err != nil {
			return nil, fmt.Errorf("pickle: byte %d of %d: %w", len(data)-len(u.in), len(data), err)
		}
		if done {
			return v, nil
		}
	}
}

// What Python's objects become. Tuples are []any, dicts map[string]any.
type (
	pickledName string                   // a global: module and name
	pickledRef  struct{ of any }         // a persistent id
	pickledCall struct{ what, args any } // a call that is not made
	pickledList struct{ items []any }
	pickledMark struct{}
)

type unpickler struct {
	in    []byte
	stack []any
	memo  map[uint32]any
}

var errPickleEnds = errors.New("ends early")

// take reads n bytes.
func (u *unpickler) take(n uint64) ([]byte, error) {
	if n > uint64(len(u.in)) {
		return nil, errPickleEnds
	}
	b := u.in[:n]
	u.in = u.in[n:]
	return b, nil
}

// number reads a little-endian number of n bytes.
func (u *unpickler) number(n uint64) (v uint64, err error) {
	b, err := u.take(n)
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	return v, err
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

func (u *unpickler) pop() (any, error) {
	if len(u.stack) == 0 {
		return nil, errors.New("nothing on the stack")
	}
	v := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v, nil
}

// popMark takes what lies above the last mark.
func (u *unpickler) popMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(pickledMark); ok {
			items := append([]any{}, u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("no mark on the stack")
}

// popN takes the n values on top.
func (u *unpickler) popN(n int) ([]any, error) {
	if len(u.stack) < n {
		return nil, errors.New("nothing on the stack")
	}
	items := append([]any{}, u.stack[len(u.stack)-n:]...)
	u.stack = u.stack[:len(u.stack)-n]
	return items, nil
}

func (u *unpickler) line() (string, error) {
	i := bytes.IndexByte(u.in, '\n')
	if i < 0 {
		return "", errPickleEnds
	}
	b, err := u.take(uint64(i + 1))
	return string(b[:i]), err
}

// next carries out one operation.
func (u *unpickler) next() (v any, done bool, err error) {
	op, err := u.number(1)
	if err != nil {
		return nil, false, err
	}
	switch op {
	case '.':
		v, err = u.pop()
		return v, true, err
	case 0x80: // protocol
		_, err = u.take(1)
	case 0x95: // frame
		_, err = u.take(8)
	case '(':
		u.push(pickledMark{})
	case '}':
		u.push(map[string]any{})
	case ']':
		u.push(&pickledList{})
	case ')':
		u.push([]any(nil))
	case 'N':
		u.push(nil)
	case 0x88, 0x89:
		u.push(op == 0x88)
	case 'K', 'M', 'J', 0x8a, 'G', 'X', 0x8c:
		err = u.literal(byte(op))
	case 'q', 'r', 0x94, 'h', 'j':
		err = u.remember(byte(op))
	case 'c', 0x93, 'Q', 'R', 'b':
		err = u.refer(byte(op))
	case 't', 0x85, 0x86, 0x87, 'a', 'e', 's', 'u':
		err = u.collect(byte(op))
	default:
		err = fmt.Errorf("operation 0x%02x is not one of a dict of tensors", op)
	}
	return nil, false, err
}

// literal pushes a number or a text.
func (u *unpickler) literal(op byte) error {
	size := map[byte]uint64{'K': 1, 'M': 2, 'J': 4, 0x8a: 1, 'G': 8, 'X': 4, 0x8c: 1}[op]
	n, err := u.number(size)
	if err != nil {
		return err
	}
	switch op {
	case 'K', 'M':
		u.push(int64(n))
	case 'J':
		u.push(int64(int32(n)))
	case 'G':
		u.push(math.Float64frombits(binary.BigEndian.Uint64(binary.LittleEndian.AppendUint64(nil, n))))
	case 0x8a: // an integer of n bytes
		if n > 8 {
			return fmt.Errorf("integer of %d bytes, want at most 8", n)
		}
		v, err := u.number(n)
		shift := 64 - 8*n
		u.push(int64(v<<shift) >> shift)
		return err
	default:
		text, err := u.take(n)
		u.push(string(text))
		return err
	}
	return nil
}

// remember puts what is on the stack into the memo, or gets it back.
func (u *unpickler) remember(op byte) error {
	size := map[byte]uint64{'q': 1, 'r': 4, 0x94: 0, 'h': 1, 'j': 4}[op]
	at, err := u.number(size)
	if err != nil {
		return err
	}
	if op == 'h' || op == 'j' {
		v, there := u.memo[uint32(at)]
		if !there {
			return fmt.Errorf("value %d was not remembered", at)
		}
		u.push(v)
		return nil
	}
	if op == 0x94 {
		at = uint64(len(u.memo))
	}
	if len(u.stack) == 0 {
		return errors.New("nothing on the stack")
	}
	u.memo[uint32(at)] = u.stack[len(u.stack)-1]
	return nil
}

// refer pushes names and calls.
func (u *unpickler) refer(op byte) error {
	switch op {
	case 'c':
		module, err := u.line()
		if err != nil {
			return err
		}
		name, err := u.line()
		u.push(pickledName(module + "." + name))
		return err
	case 'Q':
		id, err := u.pop()
		u.push(pickledRef{id})
		return err
	}
	two, err := u.popN(2)
	if err != nil {
		return err
	}
	switch op {
	case 0x93:
		module, ok := two[0].(string)
		name, ok2 := two[1].(string)
		if !ok || !ok2 {
			return fmt.Errorf("a global named by a %T and a %T, want two texts", two[0], two[1])
		}
		u.push(pickledName(module + "." + name))
	case 'R':
		u.push(pickledCall{two[0], two[1]})
	default: // 'b': the state of an object, which nothing here needs
		u.push(two[0])
	}
	return nil
}

// collect makes tuples, and fills lists and dicts.
func (u *unpickler) collect(op byte) (err error) {
	var items []any
	switch op {
	case 0x85, 0x86, 0x87:
		items, err = u.popN(int(op-0x85) + 1)
	case 'a':
		items, err = u.popN(1)
	case 's':
		items, err = u.popN(2)
	default:
		items, err = u.popMark()
	}
	if err != nil {
		return err
	}
	if op == 't' || op >= 0x85 {
		u.push(items)
		return nil
	}
	if len(u.stack) == 0 {
		return errors.New("nothing on the stack")
	}
	switch to := u.stack[len(u.stack)-1].(type) {
	case *pickledList:
		to.items = append(to.items, items...)
	case map[string]any:
		for i := 0; i+1 < len(items); i += 2 {
			key, ok := items[i].(string)
			if !ok {
				return fmt.Errorf("key of a dict is a %T, want a text", items[i])
			}
			to[key] = items[i+1]
		}
	default:
		return fmt.Errorf("items for a %T, want a list or a dict", to)
	}
	return nil
}
