package runtime

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"

	"capmoe/collective"
	"capmoe/layers/capacity"
)

// planSum is a fingerprint of plans over all ranks, steps and layers: the sum of a hash
// of every kept pair with its weight, which does not depend on who holds the pair nor on
// the order of adding, and of every plan's hash, which all ranks have in common.
type planSum struct {
	pairs uint64 // of this rank
	plans uint64
}

// add takes a plan in. step tells equal plans of different steps apart.
func (s *planSum) add(p *capacity.Plan, step int) {
	var b [28]byte
	le := binary.LittleEndian
	le.PutUint64(b[:], uint64(step))
	le.PutUint32(b[8:], uint32(p.Layer))
	hash := func(n int) uint64 {
		h := fnv.New64a()
		h.Write(b[:n])
		return h.Sum64()
	}
	for t := range len(p.Offset) - 1 {
		le.PutUint32(b[12:], uint32(p.TokenIDs[t]))
		for i := p.Offset[t]; i < p.Offset[t+1]; i++ {
			le.PutUint32(b[16:], uint32(p.Expert[i]))
			le.PutUint32(b[20:], math.Float32bits(p.Weight[i]))
			s.pairs += hash(24)
		}
	}
	le.PutUint64(b[12:], p.Hash())
	s.plans += hash(20)
}

// total is the fingerprint over all ranks, 16 digits.
func (s *planSum) total(c collective.Communicator) (string, error) {
	sum := []uint64{s.pairs}
	if err := collective.AllReduce(c, collective.Sum, sum); err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", sum[0]+s.plans), nil
}
