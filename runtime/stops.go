package runtime

import "strings"

// stopper lets text that comes in pieces through up to the first of several strings.
// What it lets through does not depend on where the pieces are cut.
type stopper struct {
	stops []string
	held  string // may be the start of one of them
}

// push takes a piece and returns the text that is known to come before any stop, and
// whether one has been found: the one that ends first, and of these the longest.
func (s *stopper) push(piece string) (text string, stopped bool) {
	all := s.held + piece
	end := len(all) + 1
	from := 0
	for _, stop := range s.stops {
		if at := strings.Index(all, stop); at >= 0 && (at+len(stop) < end || at+len(stop) == end && at < from) {
			from, end = at, at+len(stop)
		}
	}
	if end <= len(all) {
		s.held = ""
		return all[:from], true
	}
	keep := 0
	for _, stop := range s.stops {
		keep = max(keep, overlap(all, stop))
	}
	s.held = all[len(all)-keep:]
	return all[:len(all)-keep], false
}

// flush returns what was held back, when no piece follows.
func (s *stopper) flush() string {
	text := s.held
	s.held = ""
	return text
}

// overlap is the length of the longest end of text that stop begins with, all of stop
// left out.
func overlap(text, stop string) int {
	for n := min(len(text), len(stop)-1); n > 0; n-- {
		if strings.HasSuffix(text, stop[:n]) {
			return n
		}
	}
	return 0
}
