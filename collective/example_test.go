package collective_test

import (
	"fmt"

	"capmoe/collective"
)

// Three ranks exchange ragged blocks: rank r sends r+j numbers to rank j.
func ExampleAllToAllV() {
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		me, size := c.Rank(), c.Size()
		counts := make([]int, size) // what I send to j is as long as what j sends to me
		var send []int32
		for j := range size {
			counts[j] = me + j
			for range counts[j] {
				send = append(send, int32(10*me+j))
			}
		}
		recv := make([]int32, len(send))
		if err := collective.AllToAllV(c, recv, counts, send, counts); err != nil {
			return err
		}
		if me == 1 {
			fmt.Println(recv)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// [1 11 11 21 21 21]
	// <nil>
}

// A step that fails on one rank ends on all of them, with the same text.
func ExampleAgree() {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		var err error
		if c.Rank() == 1 {
			err = fmt.Errorf("disk full")
		}
		return collective.Agree(c, err)
	})
	fmt.Println(err)
	// Output:
	// rank 0: rank 1: disk full
	// rank 1: rank 1: disk full
}
