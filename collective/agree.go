package collective

import (
	"errors"
	"fmt"
)

// RankError is the error that all ranks of a group have agreed on: that of the
// lowest failing rank, as text. Unwrap gives this rank's own error, if it had one.
type RankError struct {
	Rank   int    // the lowest rank that failed
	Text   string // its error
	Failed int    // how many ranks failed
	Size   int    // of how many
	own    error
}

func (e *RankError) Error() string {
	if e.Failed == 1 {
		return fmt.Sprintf("rank %d: %s", e.Rank, e.Text)
	}
	return fmt.Sprintf("rank %d: %s (%d of %d ranks failed)", e.Rank, e.Text, e.Failed, e.Size)
}

func (e *RankError) Unwrap() error { return e.own }

// Agree ends a step that may have failed on some ranks only. Every rank calls it
// with its own err. When all are nil, so is the result everywhere; else every rank
// gets the same *RankError.
func Agree(c Communicator, err error) error {
	size := c.Size()
	lowest := []int64{int64(size)}
	if err != nil {
		lowest[0] = int64(c.Rank())
	}
	if e := AllReduce(c, Min, lowest); e != nil {
		return errors.Join(err, e)
	}
	if lowest[0] == int64(size) {
		return nil
	}
	agreed, e := tell(c, int(lowest[0]), err)
	if e != nil {
		return errors.Join(err, e)
	}
	return agreed
}

// tell brings the text of err on rank lowest to every rank.
func tell(c Communicator, lowest int, err error) (*RankError, error) {
	failed := []int64{0}
	var text []byte
	if err != nil {
		failed[0] = 1
		text = []byte(err.Error())
	}
	if e := AllReduce(c, Sum, failed); e != nil {
		return nil, e
	}
	length := []int64{int64(len(text))}
	if e := Broadcast(c, length, lowest); e != nil {
		return nil, e
	}
	if c.Rank() != lowest {
		text = make([]byte, length[0])
	}
	if e := Broadcast(c, text, lowest); e != nil {
		return nil, e
	}
	return &RankError{Rank: lowest, Text: string(text), Failed: int(failed[0]), Size: c.Size(), own: err}, nil
}
