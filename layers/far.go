package layers

import (
	"errors"

	"capmoe/collective"
)

// What goes by MPI is under way in chunks: the rows of all of them from begin on, the outputs of each from when
// its experts are through.
//
//	begin          finish                finish                    combine
//	all rows ═▶    chunk 0 │ experts 0   chunk 1 │ experts 1  …    all outputs
//	                                     ◀═ outputs 0              ◀═ last outputs

// sendAll sends the rows of all chunks off.
func (d *allToAll) sendAll() error {
	if !d.far {
		return nil
	}
	send, recv, size := d.carry.place(d.send, d.sendAt[d.chunks]), d.carry.place(d.recv, d.recvAt[d.chunks]), d.carry.rowBytes()
	for k := range d.chunks {
		d.count(k, size)
		out, in := send[d.sendAt[k]*size:d.sendAt[k+1]*size], recv[d.recvAt[k]*size:d.recvAt[k+1]*size]
		if err := collective.IAllToAllV(d.lap.lanes[k], in, d.recvCounts, out, d.sendCounts); err != nil {
			return err
		}
	}
	return nil
}

// takeRows waits for the rows of the chunk, while the outputs of the one before are on their way back.
func (d *allToAll) takeRows() error {
	if !d.far {
		return nil
	}
	if err := d.sendOutputs(d.chunk - 1); err != nil {
		return err
	}
	if err := collective.Receive(d.lap.lanes[d.chunk]); err != nil {
		return err
	}
	regroup(d, d.chunk, d.carry.place(d.memory, d.came()), d.carry.place(d.recv, d.recvAt[d.chunks]), func(row, recv []byte) { copy(row, recv) })
	return nil
}

// sendOutputs sends the outputs of a chunk off, if there is one of that number.
func (d *allToAll) sendOutputs(chunk int) error {
	if chunk < 0 {
		return nil
	}
	lane := d.lap.lanes[chunk]
	if err := collective.Wait(lane); err != nil { // for its rows, whose memory outputs will take
		return err
	}
	regroup(d, chunk, d.outputs, d.recv, func(output, recv []float32) { copy(recv, output) })
	d.count(chunk, d.hidden)
	out, in := d.recv[d.recvAt[chunk]*d.hidden:d.recvAt[chunk+1]*d.hidden], d.send[d.sendAt[chunk]*d.hidden:d.sendAt[chunk+1]*d.hidden]
	return collective.IAllToAllV(lane, in, d.sendCounts, out, d.recvCounts)
}

// test lets what is under way go on.
func (d *allToAll) test() {
	for _, lane := range d.lap.lanes[:d.chunks] {
		collective.Test(lane)
	}
}

// takeOutputs waits for the outputs of all chunks.
func (d *allToAll) takeOutputs() error {
	if !d.far {
		return nil
	}
	if err := d.sendOutputs(d.chunks - 1); err != nil {
		return err
	}
	var faults error
	for _, lane := range d.lap.lanes[:d.chunks] {
		faults = errors.Join(faults, collective.Wait(lane))
	}
	return faults
}

// count says how much of a chunk goes by MPI where a row takes so many bytes or values.
func (d *allToAll) count(chunk, row int) {
	for r := range d.sendCounts {
		i := chunk*len(d.sendCounts) + r
		d.sendCounts[r], d.recvCounts[r] = d.sendRows[i]*row, d.recvRows[i]*row
	}
}

// regroup walks the rows of a chunk from ranks that are no mates, or their outputs, in the order in which they come, source and
// expert, and pairs those of each expert in recv with their place among all rows, [N, ·].
func regroup[T byte | float32](d *allToAll, chunk int, rows, recv []T, move func(row, recv []T)) {
	all := d.came()
	if all == 0 {
		return
	}
	first, last := cut(chunk, d.chunks, len(d.owned))
	start := sum(d.rowCounts[:first])
	for i := first; i < last; i++ {
		d.rowStart[i] = start
		start += d.rowCounts[i]
	}
	width := len(rows) / all
	near, at := len(d.near), d.recvAt[chunk]*width
	for r, far := range d.headerFrom {
		for i, n := range d.table[r*near+d.ofBox[d.box.self]:][first:last] {
			if far > 0 {
				from, size := d.rowStart[first+i]*width, int(n)*width
				move(rows[from:from+size], recv[at:at+size])
				at += size
			}
			d.rowStart[first+i] += int(n)
		}
	}
}
