package runtime

import (
	"capmoe/collective"
	"capmoe/layers"
)

// share is this rank's part of a step.
type share struct {
	batch  layers.Batch
	places []int // which of the step's sequences are this rank's, in order
	starts []int // [places+1] where they begin in hidden, in tokens
	spread []int // which of the step's sequences are spread over ranks, in order
	rankOf []int // [sequences] whose they are
	hidden []float32
}

// row is the hidden states of the i-th sequence of the share, [len, H].
func (s share) row(i, width int) []float32 {
	return s.hidden[s.starts[i]*width : s.starts[i+1]*width]
}

// step runs the model over the sequences of one step, the same list on every rank,
// and returns this rank's share with its final hidden states.
func (e *Engine) step(sequences [][]int32) (share, error) {
	if e.meter.steps-e.meter.folded == foldSteps {
		if err := e.meter.fold(); err != nil {
			return share{}, err
		}
	}
	s := e.take(sequences)
	hidden, err := e.model.Forward(s.batch)
	if err != nil {
		return s, err
	}
	s.hidden = hidden
	if len(s.spread) > 0 {
		s.hidden, err = e.collect(s, sequences)
	}
	return s, err
}

// take picks this rank's sequences, and its pieces of those that are spread. Global token
// ids number the step's tokens in order of its sequences.
func (e *Engine) take(sequences [][]int32) share {
	ranks, self := e.proc.Comm.Size(), e.proc.Comm.Rank()
	s := share{batch: layers.Batch{Starts: []int32{0}}, starts: []int{0}, rankOf: dealSequences(sequences, ranks)}
	lengths := make([]int, len(sequences))
	for i, seq := range sequences {
		lengths[i] = len(seq)
	}
	spread := uneven(lengths, s.rankOf, ranks)
	firstToken := make([]int, len(sequences))
	token := 0
	for i, seq := range sequences {
		firstToken[i] = token
		token += len(seq)
		if s.rankOf[i] == self {
			s.places = append(s.places, i)
			s.starts = append(s.starts, s.starts[len(s.starts)-1]+len(seq))
		}
		if spread && len(seq) >= leastSpread {
			s.spread = append(s.spread, i)
			s.batch.Spread = append(s.batch.Spread, layers.Spread{Pieces: Cut(len(seq), s.rankOf[i], ranks)})
		} else if s.rankOf[i] == self {
			s.batch.Add(seq, firstToken[i])
			s.batch.Starts = append(s.batch.Starts, int32(len(s.batch.IDs)))
		}
	}
	for i, seq := range s.spread {
		for _, p := range s.batch.Spread[i].Pieces {
			if p.Rank == self {
				s.batch.Add(sequences[seq][p.First:p.First+p.N], firstToken[seq]+p.First)
			}
		}
	}
	return s
}

// collect brings the hidden states of spread sequences to the ranks whose they are, and lays
// them out with the others'. All ranks call it.
func (e *Engine) collect(s share, sequences [][]int32) ([]float32, error) {
	c, width := e.proc.Comm, e.config.Model.Hidden
	sendTo, recvFrom := make([]int, c.Size()), make([]int, c.Size())
	send := make([]float32, 0, len(s.hidden))
	for owner := range c.Size() { // in order of receiver, then of sequence and place
		at := int(s.batch.Starts[len(s.batch.Starts)-1]) * width
		for i, seq := range s.spread {
			for _, p := range s.batch.Spread[i].Pieces {
				n := p.N * width
				if s.rankOf[seq] == c.Rank() && owner == 0 {
					recvFrom[p.Rank] += n
				}
				if p.Rank != c.Rank() {
					continue
				}
				if s.rankOf[seq] == owner {
					send = append(send, s.hidden[at:at+n]...)
					sendTo[owner] += n
				}
				at += n
			}
		}
	}
	at, total := make([]int, c.Size()), 0
	for r, n := range recvFrom {
		at[r] = total
		total += n
	}
	recv := make([]float32, total)
	if err := collective.AllToAllV(c, recv, recvFrom, send, sendTo); err != nil {
		return nil, err
	}
	return s.layOut(recv, at, width, sequences), nil
}

// layOut joins the hidden states of this rank's whole sequences with those that came from the
// ranks, rank r's from at[r] on, in order of sequence.
func (s share) layOut(recv []float32, at []int, width int, sequences [][]int32) []float32 {
	all := make([]float32, 0, s.starts[len(s.starts)-1]*width)
	whole, spread := 0, 0
	for _, seq := range s.places {
		for spread < len(s.spread) && s.spread[spread] < seq {
			spread++
		}
		if spread == len(s.spread) || s.spread[spread] != seq {
			n := len(sequences[seq]) * width
			all = append(all, s.hidden[whole:whole+n]...)
			whole += n
			continue
		}
		for _, p := range s.batch.Spread[spread].Pieces {
			all = append(all, recv[at[p.Rank]:at[p.Rank]+p.N*width]...)
			at[p.Rank] += p.N * width
		}
	}
	return all
}
