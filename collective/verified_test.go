package collective_test

import (
	"errors"
	"fmt"
	"testing"

	"capmoe/collective"
)

// The rules of Verified are in commtest; here is what it says, on every rank.
func TestVerifiedSaysBothRanksAndBothNumbers(t *testing.T) {
	buf := func() []byte { return make([]byte, 16) }
	for _, test := range []struct {
		want string
		call func(c collective.Communicator) error
	}{
		{"rank 0: collective: alltoallv: rank 1 sends 7 bytes, rank 0 expects 4 (rank 0 of 2, peer 1)", func(c collective.Communicator) error {
			if c.Rank() == 0 {
				return c.AllToAllV(buf(), []int{0, 4}, nil, []int{0, 0})
			}
			return c.AllToAllV(buf(), []int{0, 0}, buf(), []int{7, 0})
		}},
		{"rank 1: collective: allgatherv: rank 0 sends 4 bytes, rank 1 expects 5 (rank 1 of 2, peer 0)", func(c collective.Communicator) error {
			return c.AllGatherV(buf(), []int{4 + c.Rank(), 5}, buf()[:4+c.Rank()])
		}},
		{"rank 0: collective: allreduce: rank 1 passes 16 bytes, rank 0 passes 8 bytes (rank 0 of 2, peer 1) (2 of 2 ranks failed)", func(c collective.Communicator) error {
			return c.AllReduce(buf()[:8+8*c.Rank()], collective.Int64, collective.Sum)
		}},
		{"rank 0: collective: allreduce: rank 1 passes type int64, rank 0 passes type int32 (rank 0 of 2, peer 1) (2 of 2 ranks failed)", func(c collective.Communicator) error {
			return c.AllReduce(buf(), collective.Type(c.Rank()), collective.Sum)
		}},
		{"rank 0: collective: allreduce: rank 1 passes op min, rank 0 passes op sum (rank 0 of 2, peer 1) (2 of 2 ranks failed)", func(c collective.Communicator) error {
			return c.AllReduce(buf(), collective.Int64, collective.Op(c.Rank()))
		}},
		{"rank 0: collective: bcast: rank 1 passes root 1, rank 0 passes root 0 (rank 0 of 2, peer 1) (2 of 2 ranks failed)", func(c collective.Communicator) error {
			return c.Broadcast(buf(), c.Rank())
		}},
		{"rank 1: collective: bcast: root -1 is none of the group's 2 ranks (rank 1 of 2)", func(c collective.Communicator) error {
			return c.Broadcast(buf(), -c.Rank())
		}},
		{"rank 0: collective: barrier: rank 1 calls comm_split, rank 0 calls barrier (rank 0 of 2, peer 1) (2 of 2 ranks failed)", func(c collective.Communicator) error {
			if c.Rank() == 0 {
				return c.Barrier()
			}
			_, err := c.Split(0, 0)
			return err
		}},
	} {
		err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
			err := test.call(collective.Verified(c))
			var e *collective.RankError
			if !errors.As(err, &e) || err.Error() != test.want {
				return fmt.Errorf("\ngot  %v\nwant %s", err, test.want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
