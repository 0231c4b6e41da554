package collective

import "sync/atomic"

// Verified is c with arguments that are compared over all ranks before anything
// moves. Where they do not fit together, or one rank's own check fails, every rank
// gets the same *RankError, which names the ranks and both numbers, and the group
// stays usable. It costs two or three small collectives an operation: for tests,
// for -verify flags, and for callers whose counts come from elsewhere.
//
// All ranks wrap, or none. Groups that Split makes are verified too.
func Verified(c Communicator) Communicator {
	return &verified{
		inner:  c,
		heads:  make([]int64, headLen*c.Size()),
		counts: make([]int64, 2*c.Size()),
		room:   make([]int, 2*c.Size()),
	}
}

// verified goes through the same steps on every rank for every operation: heads
// are gathered, counts are exchanged, a verdict is agreed, and only then the
// operation runs.
type verified struct {
	inner  Communicator
	heads  []int64 // [Size, headLen]
	counts []int64 // [2, Size]: what I send to each, what each sends to me
	room   []int   // [2·Size]
}

func (v *verified) Rank() int      { return v.inner.Rank() }
func (v *verified) Size() int      { return v.inner.Size() }
func (v *verified) scratch() []int { return v.room }
func (v *verified) Free() error    { return v.inner.Free() }

func (v *verified) TimeInto(total *atomic.Int64) bool { return TimeInto(v.inner, total) }

func (v *verified) AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	at := v.at(allToAllV)
	faulty, err := v.meet(at, at.checkAllToAllV(recv, recvCounts, send, sendCounts), head{})
	if !faulty {
		err = v.compareCounts(at, recvCounts, sendCounts)
	}
	if err := Agree(v.inner, err); err != nil {
		return err
	}
	return v.inner.AllToAllV(recv, recvCounts, send, sendCounts)
}

func (v *verified) AllGatherV(recv []byte, recvCounts []int, send []byte) error {
	at := v.at(allGatherV)
	faulty, err := v.meet(at, at.checkAllGatherV(recv, recvCounts, send), head{int64(len(send))})
	if !faulty {
		err = v.compareLengths(at, recvCounts)
	}
	if err := Agree(v.inner, err); err != nil {
		return err
	}
	return v.inner.AllGatherV(recv, recvCounts, send)
}

func (v *verified) AllReduce(buf []byte, t Type, op Op) error {
	at := v.at(allReduce)
	mine := head{int64(len(buf)), int64(t), int64(op)}
	_, err := v.meet(at, at.checkAllReduce(len(buf), t, op), mine)
	if err := Agree(v.inner, err); err != nil {
		return err
	}
	return v.inner.AllReduce(buf, t, op)
}

func (v *verified) Broadcast(buf []byte, root int) error {
	at := v.at(broadcast)
	_, err := v.meet(at, at.checkBroadcast(root), head{int64(len(buf)), int64(root)})
	if err := Agree(v.inner, err); err != nil {
		return err
	}
	return v.inner.Broadcast(buf, root)
}

func (v *verified) Barrier() error {
	if err := v.refuse(barrier, nil); err != nil {
		return err
	}
	return v.inner.Barrier()
}

func (v *verified) Split(color, key int) (Communicator, error) {
	if err := v.refuse(split, nil); err != nil {
		return nil, err
	}
	child, err := v.inner.Split(color, key)
	if child == nil || err != nil {
		return nil, err
	}
	return Verified(child), nil
}

// refuse takes part in the operation k with nothing but this rank's verdict on it.
func (v *verified) refuse(k kind, err error) error {
	_, err = v.meet(v.at(k), err, head{})
	return Agree(v.inner, err)
}

func (v *verified) at(k kind) caller { return caller{k, v.Rank(), v.Size()} }
