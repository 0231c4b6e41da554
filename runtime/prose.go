package runtime

import "capmoe/runtime/tokenizer"

// prose turns a request's tokens into text as they come, up to a stop string.
type prose struct {
	stream  *tokenizer.Stream
	stopper stopper
	text    string
}

func newProse(tok *tokenizer.Tokenizer, stops []string) *prose {
	return &prose{stream: tok.StreamWithoutSpecial(), stopper: stopper{stops: stops}}
}

// push takes the next token and returns the text that is sure by now, and whether a
// stop string has been found.
func (p *prose) push(id int32) (text string, stopped bool, err error) {
	piece, err := p.stream.Push(id)
	text, stopped = p.stopper.push(piece)
	p.text += text
	return text, stopped, err
}

// finish returns the rest of the text, when no token follows.
func (p *prose) finish() string {
	text, stopped := p.stopper.push(p.stream.Flush())
	if !stopped {
		text += p.stopper.flush()
	}
	p.text += text
	return text
}
