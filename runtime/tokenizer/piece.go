package tokenizer

// noID marks a piece that is text still to be encoded.
const noID = -1

// piece is a part of the text on its way down the pipeline.
type piece struct {
	text  string // "" for an added token
	first bool   // whether it starts where the original text starts
	id    int32  // the added token it is, or noID
}

// cut appends the part of p from byte start to end to dst, unless it is empty.
func (p piece) cut(dst []piece, start, end int) []piece {
	if start == end {
		return dst
	}
	return append(dst, piece{text: p.text[start:end], first: p.first && start == 0, id: noID})
}

// span is the part of a text from byte start to end that a finder has matched,
// or that lies between matches.
type span struct {
	start, end int
	match      bool
}

// between appends the spans of a text up to start and the match from start to
// end to dst, given that the spans in dst cover it up to done.
func between(dst []span, done, start, end int) []span {
	if done != start {
		dst = append(dst, span{start: done, end: start})
	}
	return append(dst, span{start: start, end: end, match: true})
}

// behavior says what becomes of the matches when a text is cut at them.
type behavior string

// The behaviors, shown on "a--b" cut at "-".
const (
	removed            behavior = "Removed"            // a b
	isolated           behavior = "Isolated"           // a - - b
	mergedWithPrevious behavior = "MergedWithPrevious" // a- - b
	mergedWithNext     behavior = "MergedWithNext"     // a - -b
	contiguous         behavior = "Contiguous"         // a -- b
)

func (b behavior) valid() bool {
	switch b {
	case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous:
		return true
	}
	return false
}

// apply cuts p at spans, which cover it, and appends the parts to dst.
func (b behavior) apply(dst []piece, p piece, spans []span) []piece {
	for i := 0; i < len(spans); {
		n := b.together(spans[i:])
		if b != removed || !spans[i].match {
			dst = p.cut(dst, spans[i].start, spans[i+n-1].end)
		}
		i += n
	}
	return dst
}

// together is how many of the leading spans make one part.
func (b behavior) together(spans []span) int {
	n := 1
	switch b {
	case mergedWithPrevious:
		if !spans[0].match && len(spans) > 1 && spans[1].match {
			n = 2
		}
	case mergedWithNext:
		if spans[0].match && len(spans) > 1 && !spans[1].match {
			n = 2
		}
	case contiguous:
		for n < len(spans) && spans[n].match == spans[0].match {
			n++
		}
	}
	return n
}
