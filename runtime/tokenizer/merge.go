package tokenizer

// word is a word while its symbols are merged: a doubly linked list in arrays,
// and the merges that are possible. All is reused from word to word.
type word struct {
	ids   []int32     // [n] of symbols, noID where one was merged into the one before
	prev  []int32     // [n] index of the symbol before, -1
	next  []int32     // [n] index of the symbol after, n
	queue []candidate // a heap, the least first
}

// candidate is a merge of the symbol at an index with the one after it. It is
// stale once either has changed.
type candidate struct{ rank, at, id int32 }

func (c candidate) less(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// merge merges neighbors, the pair of least rank first, of these the leftmost,
// until no merge is left: O(n log n) for n symbols.
func (w *word) merge(merges map[tokenPair]merge) {
	n := int32(len(w.ids))
	w.prev, w.next, w.queue = w.prev[:0], w.next[:0], w.queue[:0]
	for i := range n {
		w.prev = append(w.prev, i-1)
		w.next = append(w.next, i+1)
	}
	for i := range n - 1 {
		w.offer(merges, i)
	}
	for len(w.queue) > 0 {
		c := w.pop()
		if !w.current(merges, c) {
			continue
		}
		right := w.next[c.at]
		after := w.next[right]
		w.ids[c.at], w.ids[right] = c.id, noID
		w.next[c.at] = after
		if after < n {
			w.prev[after] = c.at
			w.offer(merges, c.at)
		}
		if w.prev[c.at] >= 0 {
			w.offer(merges, w.prev[c.at])
		}
	}
}

// current reports whether the pair at c still makes the token it made when c
// was offered. Like the library it does not ask by which merge.
func (w *word) current(merges map[tokenPair]merge, c candidate) bool {
	right := w.next[c.at]
	if w.ids[c.at] == noID || int(right) == len(w.ids) {
		return false
	}
	m, ok := merges[tokenPair{w.ids[c.at], w.ids[right]}]
	return ok && m.id == c.id
}

// offer puts the merge of symbol at with the one after it, if there is one,
// into the queue.
func (w *word) offer(merges map[tokenPair]merge, at int32) {
	if m, ok := merges[tokenPair{w.ids[at], w.ids[w.next[at]]}]; ok {
		w.push(candidate{m.rank, at, m.id})
	}
}

func (w *word) push(c candidate) {
	q := append(w.queue, c)
	i := len(q) - 1
	for i > 0 && c.less(q[(i-1)/2]) {
		q[i] = q[(i-1)/2]
		i = (i - 1) / 2
	}
	q[i] = c
	w.queue = q
}

// pop takes the least candidate out of the queue, which is not empty.
func (w *word) pop() candidate {
	q := w.queue
	least, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	i := 0
	for child := 1; child < len(q); child = 2*i + 1 {
		if child+1 < len(q) && q[child+1].less(q[child]) {
			child++
		}
		if !q[child].less(last) {
			break
		}
		q[i] = q[child]
		i = child
	}
	if len(q) > 0 {
		q[i] = last
	}
	w.queue = q
	return least
}

// appendTo appends the ids of the symbols that are left to dst.
func (w *word) appendTo(dst []int32) []int32 {
	for i := int32(0); int(i) < len(w.ids); i = w.next[i] {
		dst = append(dst, w.ids[i])
	}
	return dst
}
