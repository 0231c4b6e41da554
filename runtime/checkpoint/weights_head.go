package checkpoint

import "capmoe/layers"

// head finds the output matrix. A tied one may be stored as well.
func (l *loader) head(w *layers.Weights) error {
	m := l.cfg.Model
	if l.cfg.Tied && !l.store.Has(l.names.head) {
		l.later(func() (err error) {
			w.Head, err = l.lib.PackFrom(func(dst []float32, first int) error { w.Embedding.Read(dst, first); return nil }, m.Vocab, m.Hidden)
			return err
		})
		return nil
	}
	own, err := l.stack("vocab_size × hidden_size", m.Hidden, part{l.names.head, m.Vocab})
	if err != nil {
		return err
	}
	read := own.read
	if l.cfg.Tied {
		read = func(dst []float32, first int) error {
			if err := own.read(dst, first); err != nil {
				return err
			}
			embedding := l.room(len(dst))
			w.Embedding.Read(embedding, first)
			return own.parts[0].part(first, len(dst)/m.Hidden).tied(dst, embedding)
		}
	}
	l.packRead(&w.Head, own, read)
	return nil
}

// tied refuses rows of an output matrix that are not the embedding's: with tie_word_embeddings, transformers 4 takes the
// embedding, 5 the matrix.
func (s stored) tied(rows, embedding []float32) error {
	for i, v := range rows {
		if v != embedding[i] {
			return s.fault("%s is %v, the embedding's is %v, and \"tie_word_embeddings\" says that they are one matrix", s.position(i), v, embedding[i])
		}
	}
	return nil
}
