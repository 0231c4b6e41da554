package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/tokenizer"
)

// sequences makes one of every request. Rank 0 follows the text of all, the others of
// those that a stop string may end.
func (g *generator) sequences() ([]*sequence, error) {
	stops := slices.ContainsFunc(g.requests, func(r Request) bool { return len(r.Stop) > 0 })
	var tok *tokenizer.Tokenizer
	var err error
	if g.proc.Comm.Rank() == 0 || stops {
		if tok, err = g.Tokenizer(); err != nil && (stops || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	all := make([]*sequence, len(g.requests))
	for i, r := range g.requests {
		prompt := len(r.Tokens)
		most := prompt + min(r.MaxTokens, g.config.Model.MaxPositions+1-prompt) // the last one does not go through the model
		all[i] = &sequence{request: i, ids: slices.Clone(r.Tokens), prompt: prompt, most: most}
		g.report.PromptTokens += prompt
		if tok != nil && (g.proc.Comm.Rank() == 0 || len(r.Stop) > 0) {
			all[i].text = newProse(tok, r.Stop)
		}
	}
	return all, nil
}

// gather makes this rank's batch of the step's parts. Global token ids number the
// step's tokens in order of request.
func (g *generator) gather(parts []part) {
	b, self := &g.batch, g.proc.Comm.Rank()
	b.IDs, b.Tokens, b.Caches, b.Spread = b.IDs[:0], b.Tokens[:0], b.Caches[:0], b.Spread[:0]
	b.Starts = append(b.Starts[:0], 0)
	g.mine = g.mine[:0]
	token := 0
	for _, p := range parts {
		if p.rank == self && !p.spread() {
			o := g.own(p.sequence)
			g.add(o, p.tokens(), token)
			b.Starts = append(b.Starts, int32(len(b.IDs)))
			if o.cache != nil {
				b.Caches = append(b.Caches, o.cache)
			}
		}
		token += p.n
	}
	g.gatherPieces(parts)
}

// gatherPieces adds this rank's pieces of prompts that all ranks bring.
func (g *generator) gatherPieces(parts []part) {
	ranks, self := g.proc.Comm.Size(), g.proc.Comm.Rank()
	token := 0
	for _, p := range parts {
		if p.spread() {
			o := g.own(p.sequence)
			pieces := Cut(p.n, p.rank, ranks)
			for _, piece := range pieces {
				if piece.Rank == self {
					g.add(o, p.tokens()[piece.First:piece.First+piece.N], token+piece.First)
				}
			}
			g.batch.Spread = append(g.batch.Spread, layers.Spread{Past: p.done, Pieces: pieces, Cache: o.cache})
		}
		token += p.n
	}
}

// add appends tokens of a sequence to the batch.
func (g *generator) add(o *owned, ids []int32, token int) {
	from := len(g.batch.IDs)
	g.batch.Add(ids, token)
	o.end = len(g.batch.IDs)
	g.mine = append(g.mine, held{o, from, o.end})
}

// letGo gives back the caches of prompts that all ranks have brought and one goes on with.
func (g *generator) letGo(parts []part) {
	for _, p := range parts {
		if o := g.owned[p.sequence]; p.spread() && p.ends() && p.rank != g.proc.Comm.Rank() && o.cache != nil {
			o.cache.Free()
			o.cache = nil
		}
	}
}

// own is what this rank holds of a sequence.
func (g *generator) own(q *sequence) *owned {
	o := g.owned[q]
	if o == nil {
		o = &owned{sampler: newSampler(g.requests[q.request].Sampling)}
		if !g.NoCache {
			o.cache = g.pool.New()
		}
		g.owned[q] = o
	}
	return o
}

// account enters what a layer has decided into the ledgers of this rank's sequences.
func (g *generator) account(plan *capacity.Plan) {
	for _, some := range g.mine {
		for t := some.from; t < some.to; t++ {
			plan.Account(&some.ledger, t)
		}
	}
}

// noToken stands for a token that could not be chosen.
const noToken = -1

// choose fills in the next tokens of the parts that end, each chosen by the rank of the
// sequence: one small all-reduce.
func (g *generator) choose(parts []part, hidden []float32) error {
	if err := g.score(parts, hidden); err != nil {
		return err
	}
	fault := g.sample(parts)
	if err := collective.AllReduce(g.proc.Comm, collective.Sum, g.chosen); err != nil {
		return err
	}
	if slices.Contains(g.chosen, noToken) {
		return collective.Agree(g.proc.Comm, fault)
	}
	return nil
}

// score computes the logits of this rank's parts that end.
func (g *generator) score(parts []part, hidden []float32) error {
	width, vocab := g.config.Model.Hidden, g.config.Model.Vocab
	g.hidden = g.hidden[:0]
	for _, p := range parts {
		if p.rank == g.proc.Comm.Rank() && p.ends() {
			last := g.owned[p.sequence].end * width
			g.hidden = append(g.hidden, hidden[last-width:last]...)
		}
	}
	n := len(g.hidden) / width
	g.logits = slices.Grow(g.logits[:0], n*vocab)[:n*vocab]
	return g.model.SharedLogits(g.logits, g.hidden)
}

// sample fills in this rank's own part of the chosen tokens, zero for the others'.
func (g *generator) sample(parts []part) (fault error) {
	g.chosen = g.chosen[:0]
	row, vocab := 0, g.config.Model.Vocab
	for _, p := range parts {
		if !p.ends() {
			continue
		}
		id := int32(0)
		if p.rank == g.proc.Comm.Rank() {
			var err error
			if id, err = g.owned[p.sequence].sampler.next(g.logits[row*vocab : (row+1)*vocab]); err != nil {
				id, fault = noToken, fmt.Errorf("runtime: request %s: token %d: %w", g.requests[p.request].ID, len(p.generated()), err)
			}
			row++
		}
		g.chosen = append(g.chosen, id)
	}
	return fault
}

// extend appends the chosen tokens to their sequences, on every rank alike.
func (g *generator) extend(parts []part) error {
	next := 0
	for _, p := range parts {
		if !p.ends() {
			continue
		}
		if err := g.append(p.sequence, g.chosen[next]); err != nil {
			return err
		}
		next++
	}
	return nil
}

// append adds a token to a sequence, and notes what that means for it.
func (g *generator) append(q *sequence, id int32) error {
	q.ids = append(q.ids, id)
	if slices.Contains(g.ends, id) {
		q.ended = AtEOS
	} else if q.text != nil {
		text, stopped, err := q.text.push(id)
		if err != nil {
			return err
		}
		g.tell(text)
		if stopped {
			q.ended = AtStop
			return nil
		}
	}
	if q.ended == "" && len(q.ids) == q.most {
		q.ended = AtLength
	}
	if q.ended != "" && q.text != nil {
		g.tell(q.text.finish())
	}
	return nil
}

// tell passes text on to who watches.
func (g *generator) tell(text string) {
	if g.proc.Comm.Rank() == 0 && g.watcher.Text != nil && text != "" {
		g.watcher.Text(text)
	}
}

// finish takes ended sequences out and has rank 0 hand over their results.
func (g *generator) finish() error {
	var ended []*sequence
	g.schedule.leave(func(q *sequence) bool {
		if q.ended != "" {
			ended = append(ended, q)
		}
		return q.ended != ""
	})
	if len(ended) == 0 {
		return nil
	}
	ledgers, err := g.release(ended)
	if err != nil {
		return err
	}
	g.done += len(ended)
	if g.proc.Comm.Rank() == 0 {
		err = g.handOver(ended, ledgers)
	}
	return collective.Agree(g.proc.Comm, err)
}

// release gives back what ranks hold of sequences and returns their ledgers.
func (g *generator) release(ended []*sequence) ([]capacity.Ledger, error) {
	width := len(capacity.Ledger{}.Counts())
	counts := make([]int64, 0, len(ended)*width)
	for _, q := range ended {
		var ledger capacity.Ledger
		if o := g.owned[q]; o != nil {
			ledger = o.ledger
			if o.cache != nil {
				o.cache.Free()
			}
			delete(g.owned, q)
		}
		counts = append(counts, ledger.Counts()...)
	}
	if err := collective.AllReduce(g.proc.Comm, collective.Sum, counts); err != nil {
		return nil, err
	}
	ledgers := make([]capacity.Ledger, len(ended))
	for i := range ledgers {
		ledgers[i] = capacity.LedgerOf(counts[i*width:])
	}
	return ledgers, nil
}

// handOver tells who watches of finished requests.
func (g *generator) handOver(ended []*sequence, ledgers []capacity.Ledger) error {
	results := make([]Result, len(ended))
	for i, q := range ended {
		r := Result{ID: g.requests[q.request].ID, PromptTokens: q.prompt, Tokens: q.generated(), FinishReason: q.ended, Asked: g.requests[q.request].Mark, Counts: countsOf(ledgers[i])}
		if q.text != nil {
			r.Text = q.text.text
		}
		results[i] = r
	}
	if g.watcher.Finished != nil {
		if err := g.watcher.Finished(results); err != nil {
			return err
		}
	}
	if g.watcher.Progress != nil {
		g.watcher.Progress(g.done, len(g.requests))
	}
	return nil
}
