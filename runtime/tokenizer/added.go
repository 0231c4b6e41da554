package tokenizer

// addedToken is a token that is found in the text before the model sees it.
type addedToken struct {
	id         int32
	content    string
	text       string // what is found and decoded to: the content, normalized if the token is
	special    bool   // left out of a decoding without special tokens
	normalized bool   // found in the normalized text, else in the text as written
	singleWord bool   // found only where no word goes on at its ends
	lstrip     bool   // takes the white space before it
	rstrip     bool   // takes the white space after it
}

// addedTokens are all of a file.
type addedTokens struct {
	byContent  map[string]int32
	byID       map[int32]addedToken
	special    map[string]bool // by content
	asWritten  matcher
	normalized matcher
}

// readAdded reads the field "added_tokens".
func readAdded(list []object, v *vocabulary, n normalizer) (*addedTokens, error) {
	a := &addedTokens{byContent: map[string]int32{}, byID: map[int32]addedToken{}, special: map[string]bool{}}
	next := int32(len(v.ids))
	for _, o := range list {
		token, err := readAddedToken(o, n)
		if err != nil {
			return nil, err
		}
		if err := a.checkID(o.field, token, v, next); err != nil {
			return nil, err
		}
		next = max(next, token.id+1)
		a.byContent[token.content] = token.id
		a.byID[token.id] = token
		if token.special {
			a.special[token.content] = true
		}
		m := &a.asWritten
		if token.normalized {
			m = &a.normalized
		}
		if other, ok := m.add(token); !ok {
			return nil, faultf(o.field, "tokens %q and %q both normalize to %q", other.content, token.content, token.text)
		}
	}
	return a, nil
}

// checkID checks that the token's id is its own and the one that the library
// gives it. The library pays no heed to the ids in the file: a token keeps the
// id it has in the vocabulary, any other has the next after all before it. One
// of the two must be wrong where they differ.
func (a *addedTokens) checkID(field string, token addedToken, v *vocabulary, next int32) error {
	if _, ok := a.byContent[token.content]; ok {
		return faultf(field, "token %q is listed twice", token.content)
	}
	if other, ok := a.byID[token.id]; ok {
		return faultf(field, "tokens %q and %q both have id %d", other.content, token.content, token.id)
	}
	if other, ok := v.tokens[token.id]; ok && other != token.content {
		return faultf(field, "token %q has id %d, which is %q in the vocabulary", token.content, token.id, other)
	}
	want, ok := v.ids[token.content]
	if !ok {
		want = next
	}
	if token.id != want {
		return faultf(field, "token %q has id %d, by the vocabulary and the tokens before it %d", token.content, token.id, want)
	}
	return nil
}

// readAddedToken reads one entry.
func readAddedToken(o object, n normalizer) (addedToken, error) {
	var f struct {
		ID         int64  `json:"id"`
		Content    string `json:"content"`
		Special    bool   `json:"special"`
		Normalized bool   `json:"normalized"`
		SingleWord bool   `json:"single_word"`
		Lstrip     bool   `json:"lstrip"`
		Rstrip     bool   `json:"rstrip"`
	}
	err := o.read(&f, []string{"id", "content", "special", "normalized", "single_word", "lstrip", "rstrip"})
	if err != nil {
		return addedToken{}, err
	}
	if f.ID < 0 || f.ID >= maxTokens {
		return addedToken{}, faultf(o.field, "token %q has id %d, want 0 to %d", f.Content, f.ID, maxTokens-1)
	}
	token := addedToken{
		id: int32(f.ID), content: f.Content, text: f.Content, special: f.Special, normalized: f.Normalized,
		singleWord: f.SingleWord, lstrip: f.Lstrip, rstrip: f.Rstrip,
	}
	if f.Normalized {
		p, err := n.normalize(piece{text: f.Content, first: true, id: noID})
		if err != nil {
			return token, faultf(o.field, "token %q: %w", f.Content, err)
		}
		token.text = p.text
	}
	if token.text == "" {
		return token, faultf(o.field, "token %q is or normalizes to nothing", f.Content)
	}
	return token, nil
}
