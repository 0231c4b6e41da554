package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// matcher finds added tokens. Its zero value finds none.
type matcher struct {
	// next is a trie: node<<8 | byte → node. Node 0 is the root.
	next   map[uint64]uint64
	nodes  uint64                // without the root
	ends   map[uint64]addedToken // by the node of a token's last byte
	starts [256]bool             // whether a token starts with the byte
}

// add lets the matcher find the text of token, which is not empty. If it finds
// another token there already, that one is returned.
func (m *matcher) add(token addedToken) (other addedToken, ok bool) {
	if m.next == nil {
		m.next, m.ends = map[uint64]uint64{}, map[uint64]addedToken{}
	}
	m.starts[token.text[0]] = true
	node := uint64(0)
	for _, b := range []byte(token.text) {
		edge := node<<8 | uint64(b)
		if m.next[edge] == 0 {
			m.nodes++
			m.next[edge] = m.nodes
		}
		node = m.next[edge]
	}
	if other, ok := m.ends[node]; ok {
		return other, false
	}
	m.ends[node] = token
	return token, true
}

// longest is the longest token that text starts with, and its size in bytes,
// 0 if there is none.
func (m *matcher) longest(text string) (found addedToken, size int) {
	node := uint64(0)
	for i := range len(text) {
		node = m.next[node<<8|uint64(text[i])]
		if node == 0 {
			break
		}
		if token, ok := m.ends[node]; ok {
			found, size = token, i+1
		}
	}
	return found, size
}

// split cuts p at the tokens in it, leftmost first, the longest where several
// start, and appends the parts to dst. White space that a token takes is lost.
//
// As in the library, the search goes on where the bare token ends: in white
// space that it takes, where it may find tokens of white space, and behind a
// token that is refused for being part of a word.
func (m *matcher) split(dst []piece, p piece) []piece {
	done := 0
	for i := 0; i < len(p.text); {
		if !m.starts[p.text[i]] {
			i++
			continue
		}
		token, size := m.longest(p.text[i:])
		if size == 0 {
			i++
			continue
		}
		start, end := i, i+size
		i = end
		if token.singleWord && (endsInWord(p.text[:start]) || startsWithWord(p.text[end:])) {
			continue
		}
		if token.lstrip {
			start = max(done, len(strings.TrimRightFunc(p.text[:start], unicode.IsSpace)))
		}
		if token.rstrip {
			end = len(p.text) - len(strings.TrimLeftFunc(p.text[end:], unicode.IsSpace))
		}
		if done < start {
			dst = p.cut(dst, done, start)
		}
		if start < end { // else the token before it took all of it
			dst = append(dst, piece{id: token.id})
			done = end
		}
	}
	return p.cut(dst, done, len(p.text))
}

func startsWithWord(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return size > 0 && isWord(r)
}

func endsInWord(s string) bool {
	r, size := utf8.DecodeLastRuneInString(s)
	return size > 0 && isWord(r)
}

// isWord is Unicode's definition of \w (UTS 18, annex C), the one of Rust's
// regular expressions.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc,
		unicode.Other_Alphabetic, unicode.Join_Control)
}
