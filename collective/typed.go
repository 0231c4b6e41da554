package collective

import (
	"math"
	"reflect"
	"unsafe"
)

// Elem is what the typed helpers move: numbers of a fixed size, and types made of them.
type Elem interface {
	~uint8 | ~uint16 | Number
}

// Number is what AllReduce combines.
type Number interface {
	~int32 | ~int64 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// AllToAllV is Communicator.AllToAllV with counts in elements: block j of send,
// sendCounts[j] elements long, goes to rank j; block i of recv comes from rank i.
func AllToAllV[T Elem](c Communicator, recv []T, recvCounts []int, send []T, sendCounts []int) error {
	n := len(recvCounts)
	counts := roomFor(c, n+len(sendCounts))
	scale[T](counts[:n], recvCounts)
	scale[T](counts[n:], sendCounts)
	return c.AllToAllV(bytesOf(recv), counts[:n], bytesOf(send), counts[n:])
}

// AllToAll sends the j-th of Size equal parts of send to rank j, and receives as
// much from each. len(send) is a multiple of Size, the same on every rank; recv is
// at least as long.
func AllToAll[T Elem](c Communicator, recv, send []T) error {
	size := c.Size()
	if len(send)%size != 0 {
		at := caller{allToAllV, c.Rank(), size}
		return refuse(c, allToAllV, at.errorf(-1, "%d elements do not divide among %d ranks", len(send), size))
	}
	counts := roomFor(c, size)
	fill[T](counts, len(send)/size)
	return c.AllToAllV(bytesOf(recv), counts, bytesOf(send), counts)
}

// AllGatherV is Communicator.AllGatherV with counts in elements.
func AllGatherV[T Elem](c Communicator, recv []T, recvCounts []int, send []T) error {
	counts := roomFor(c, len(recvCounts))
	scale[T](counts, recvCounts)
	return c.AllGatherV(bytesOf(recv), counts, bytesOf(send))
}

// AllGather brings every rank's send, in rank order, to every rank. len(send) is
// the same on every rank; recv is at least Size times as long.
func AllGather[T Elem](c Communicator, recv, send []T) error {
	counts := roomFor(c, c.Size())
	fill[T](counts, len(send))
	return c.AllGatherV(bytesOf(recv), counts, bytesOf(send))
}

// AllReduce combines buf over all ranks, in place. Its length is the same everywhere.
func AllReduce[T Number](c Communicator, op Op, buf []T) error {
	return c.AllReduce(bytesOf(buf), typeOf[T](), op)
}

// Broadcast copies buf of rank root to every rank. Its length is the same everywhere.
func Broadcast[T Elem](c Communicator, buf []T, root int) error {
	return c.Broadcast(bytesOf(buf), root)
}

// scratcher is a Communicator that lends the helpers room for counts, so that they
// allocate nothing: 2·Size ints, good until the next operation; fewer while one is under way.
type scratcher interface{ scratch() []int }

func roomFor(c Communicator, n int) []int {
	if s, ok := c.(scratcher); ok {
		if room := s.scratch(); n <= len(room) {
			return room[:n]
		}
	}
	return make([]int, n)
}

// refuser is a Communicator that tells the other ranks of a fault that a helper
// found on this one.
type refuser interface{ refuse(k kind, err error) error }

func refuse(c Communicator, k kind, err error) error {
	if r, ok := c.(refuser); ok {
		return r.refuse(k, err)
	}
	return err
}

// scale turns counts of elements into counts of bytes. A count too far from zero
// becomes the farthest that does not wrap; the checks refuse that one too.
func scale[T Elem](bytes, counts []int) {
	unit := sizeOf[T]()
	for j, n := range counts {
		bytes[j] = unit * min(max(n, math.MinInt/unit), math.MaxInt/unit)
	}
}

func fill[T Elem](bytes []int, count int) {
	for j := range bytes {
		bytes[j] = count * sizeOf[T]()
	}
}

func sizeOf[T Elem]() int { return int(unsafe.Sizeof(*new(T))) }

// bytesOf is the memory of s. The memory of an empty slice is empty.
func bytesOf[T Elem](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*sizeOf[T]())
}

// numbersOf is bytesOf the other way; len(b) is a multiple of the element's size.
func numbersOf[T Number](b []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/sizeOf[T]())
}

func typeOf[T Number]() Type {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Int32:
		return Int32
	case reflect.Int64:
		return Int64
	case reflect.Uint32:
		return Uint32
	case reflect.Uint64:
		return Uint64
	case reflect.Float32:
		return Float32
	default:
		return Float64
	}
}
