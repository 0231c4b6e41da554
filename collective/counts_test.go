package collective

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"testing"
)

func TestDisplacements(t *testing.T) {
	for rule, test := range map[string]struct {
		counts, displs []int
		total          int
	}{
		"no blocks":             {nil, nil, 0},
		"one block":             {[]int{5}, []int{0}, 5},
		"blocks lie in a row":   {[]int{5, 2, 1}, []int{0, 5, 7}, 8},
		"empty blocks no space": {[]int{0, 4, 0, 0, 1}, []int{0, 0, 4, 4, 4}, 5},
	} {
		t.Run(rule, func(t *testing.T) {
			displs := make([]int, len(test.counts))
			if total := Displacements(displs, test.counts); total != test.total || !slices.Equal(displs, test.displs) {
				t.Errorf("displacements %v, total %d; want %v, %d", displs, total, test.displs, test.total)
			}
		})
	}
}

func TestArgumentErrorsSayBothNumbers(t *testing.T) {
	at := func(k kind) caller { return caller{k, 1, 3} }
	b := func(n int) []byte { return make([]byte, n) }
	for want, got := range map[string]error{
		"collective: alltoallv: recvCounts has 2 entries, the group 3 ranks (rank 1 of 3)":                                    at(allToAllV).checkAllToAllV(b(9), []int{1, 2}, b(9), []int{1, 2, 3}),
		"collective: alltoallv: sendCounts[2] is -3, negative (rank 1 of 3, peer 2)":                                          at(allToAllV).checkAllToAllV(b(9), []int{1, 2, 3}, b(9), []int{1, 2, -3}),
		"collective: alltoallv: recvCounts[2] is 7 bytes, the buffer has 6 left of 9 (rank 1 of 3, peer 2)":                   at(allToAllV).checkAllToAllV(b(9), []int{1, 2, 7}, b(9), []int{1, 2, 3}),
		"collective: alltoallv: sendCounts[1] is 9223372036854775807 bytes, the buffer has 8 left of 9 (rank 1 of 3, peer 1)": at(allToAllV).checkAllToAllV(b(9), []int{1, 2, 3}, b(9), []int{1, math.MaxInt, 3}),
		"collective: alltoallv: sends 3 bytes to itself, expects 2 (rank 1 of 3, peer 1)":                                     at(allToAllV).checkAllToAllV(b(9), []int{1, 2, 3}, b(9), []int{1, 3, 3}),
		"collective: allgatherv: sends 4 bytes, its own count is 2 (rank 1 of 3, peer 1)":                                     at(allGatherV).checkAllGatherV(b(9), []int{1, 2, 3}, b(4)),
		"collective: allreduce: buffer of 6 bytes is no multiple of the 4 bytes of uint32 (rank 1 of 3)":                      at(allReduce).checkAllReduce(6, Uint32, Sum),
		"collective: allreduce: type 6 is none of the 6 types (rank 1 of 3)":                                                  at(allReduce).checkAllReduce(8, Float64+1, Sum),
		"collective: allreduce: op 3 is none of the 3 operations (rank 1 of 3)":                                               at(allReduce).checkAllReduce(8, Float64, Max+1),
		"collective: bcast: root 3 is none of the group's 3 ranks (rank 1 of 3)":                                              at(broadcast).checkBroadcast(3),
	} {
		if got == nil || got.Error() != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	}
}

func TestGoodArgumentsPass(t *testing.T) {
	at := caller{allToAllV, 1, 3}
	for rule, err := range map[string]error{
		"buffers may be longer than blocks": at.checkAllToAllV(make([]byte, 20), []int{1, 2, 3}, make([]byte, 30), []int{4, 2, 0}),
		"nil buffers hold empty blocks":     at.checkAllToAllV(nil, []int{0, 0, 0}, nil, []int{0, 0, 0}),
		"an empty vector":                   at.checkAllReduce(0, Float64, Max),
		"the last root":                     at.checkBroadcast(2),
	} {
		if err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// FuzzBlocksFit compares the check of blocks with sums that cannot overflow.
func FuzzBlocksFit(f *testing.F) {
	f.Add(10, []byte{})
	f.Add(10, binary.LittleEndian.AppendUint64(nil, 10))
	f.Add(math.MaxInt, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.MaxInt), 1))
	f.Add(0, binary.LittleEndian.AppendUint64(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, room int, data []byte) {
		if room < 0 {
			return
		}
		var counts []int
		sum, want := new(big.Int), true
		for ; len(data) >= 8; data = data[8:] {
			n := int(binary.LittleEndian.Uint64(data))
			counts = append(counts, n)
			sum.Add(sum, big.NewInt(int64(n)))
			want = want && n >= 0
		}
		want = want && sum.Cmp(big.NewInt(int64(room))) <= 0
		at := caller{allToAllV, 0, len(counts)}
		if err := at.checkBlocks("recv", counts, room); (err == nil) != want {
			t.Errorf("blocks %v in %d bytes: %v", counts, room, err)
		}
	})
}
