// Package commtest holds what every collective.Communicator has to pass, and
// faults to put in the way of programs that use one.
//
//	          ┌ alltoall.go   blocks of all shapes, buffers left alone
//	          ├ nonblocking.go  the same, begun and ended
//	          ├ gather.go     all-gather and broadcast
//	Check ────┼ reduce.go     every operation on every type
//	check.go  ├ split.go      groups, their order, their end
//	          ├ window.go     shared memory and its meetings
//	          ├ arguments.go  faults that the caller's own rank finds
//	          └ agreement.go  Agree, and Verified on faults between ranks
//
//	gate.go   Slow, Drop      a rank that is late, a rank that stops
//	wire.go   Over            a network between the ranks of one machine
//
// Check is called by all ranks and returns the same error to all of them. Numbers
// in the buffers tell where they come from: value = f(source, destination, column)
// (rows.go), so that a block in the wrong place cannot go unseen.
//
// Blocks beyond 2³¹ bytes are not sent here. An implementation that splits them
// makes its limit a parameter and runs Check with a small one.
package commtest
