package collective

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrFreed is the fact in the Error of an operation on a group after its Free.
var ErrFreed = errors.New("the group is freed")

// ErrLeft is wrapped in the Error of an operation that waits for a rank of an
// in-process world whose body has returned or panicked. Peer is that rank.
var ErrLeft = errors.New("has left the world")

// leftError names the rank that ErrLeft is about.
type leftError struct{ rank int }

func (e *leftError) Error() string { return fmt.Sprintf("rank %d %v", e.rank, ErrLeft) }
func (e *leftError) Unwrap() error { return ErrLeft }

// brokenBy is the fact in the Error of every operation after the one that broke
// its group.
func brokenBy(err error) error { return fmt.Errorf("the group is broken: %w", err) }

// Error says which operation failed where. Rank is the caller's; Peer is the
// other rank concerned, or -1. Test with errors.As.
type Error struct {
	Op   string // the MPI operation, lower case: "alltoallv"
	Rank int
	Size int
	Peer int
	Err  error
}

func (e *Error) Error() string {
	where := fmt.Sprintf("rank %d of %d", e.Rank, e.Size)
	if e.Peer >= 0 {
		where += fmt.Sprintf(", peer %d", e.Peer)
	}
	return fmt.Sprintf("collective: %s: %v (%s)", e.Op, e.Err, where)
}

func (e *Error) Unwrap() error { return e.Err }

// DeadlineError says that an operation is not complete after its deadline, and
// which ranks it waits for. The group is broken from then on.
type DeadlineError struct {
	Op    string
	Seq   uint64 // the operations of a group are numbered from 1
	After time.Duration
	Late  []Late // in rank order; empty when no rank can be blamed
	// Beyond are ranks of the world that are not in the group, but are waited for, in other groups, by those that are.
	Beyond []Late
}

// StuckError says that MPI has not come back from an operation by the deadline. All ranks were on their way to it: one of them
// goes on no more, and only MPI knows which.
type StuckError struct {
	Op    string
	After time.Duration
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("collective: %s: MPI has not come back from it after %v: it waits for a rank that goes on no more", e.Op, e.After)
}

// Late is a rank that an operation waited for in vain.
type Late struct {
	Rank    int
	Host    string // empty in an in-process world
	Entered bool   // it has come to the operation, or is past it
	// Waits is the operation in which the rank itself has been waiting for long,
	// such as "bcast #7", or empty.
	Waits string
}

// Missing lists the ranks that never entered the operation.
func (e *DeadlineError) Missing() []int {
	var ranks []int
	for _, l := range e.Late {
		if !l.Entered {
			ranks = append(ranks, l.Rank)
		}
	}
	return ranks
}

// acquit drops the ranks that wait in the operation too where others are to blame.
func (e *DeadlineError) acquit() {
	if len(e.Missing()) == 0 {
		return
	}
	here := numbered(e.Op, e.Seq)
	e.Late = slices.DeleteFunc(e.Late, func(l Late) bool { return l.Entered && l.Waits == here })
}

// maxNamed bounds the ranks that an error text names one by one.
const maxNamed = 8

func (e *DeadlineError) Error() string {
	here := numbered(e.Op, e.Seq)
	var facts []string
	for _, l := range e.Beyond {
		facts = append(facts, l.who(" of the world")+" keeps others waiting")
	}
	for _, l := range slices.SortedStableFunc(slices.Values(e.Late), func(a, b Late) int { return a.excuse() - b.excuse() }) {
		facts = append(facts, l.fact(here))
	}
	if len(facts) == 0 {
		facts = []string{here + " is not complete"}
	}
	if more := len(facts) - maxNamed; more > 0 {
		facts = append(facts[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%s after %v", strings.Join(facts, ", "), e.After)
}

// excuse is how much speaks for a rank: one that is nowhere is named first, then those that wait elsewhere, for it
// perhaps, then those that were there.
func (l Late) excuse() int {
	switch {
	case l.Entered:
		return 2
	case l.Waits != "":
		return 1
	}
	return 0
}

func (l Late) who(of string) string {
	who := fmt.Sprintf("rank %d%s", l.Rank, of)
	if l.Host != "" {
		who += " (" + l.Host + ")"
	}
	return who
}

func (l Late) fact(here string) string {
	who := l.who("")
	switch {
	case !l.Entered && l.Waits == "":
		return who + " has not entered " + here
	case !l.Entered:
		return who + " has not entered " + here + " but waits in " + l.Waits
	case l.Waits == here:
		return who + " is in " + here + " too but its data has not come"
	case l.Waits == "":
		return who + " is past " + here
	default:
		return who + " is past " + here + " and waits in " + l.Waits
	}
}

func numbered(op string, seq uint64) string { return fmt.Sprintf("%s #%d", op, seq) }
