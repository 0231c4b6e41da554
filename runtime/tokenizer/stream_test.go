package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

func TestStreamGivesCharactersWhenTheyAreWhole(t *testing.T) {
	tests := []struct {
		rule, file string
		ids        []int32
		want       []string // after each id, and by Flush
	}{
		{"bytes of a character wait for its end", "bytelevel",
			[]int32{'a' + 1, 0xe8 + 1, 0xaa + 1, 0x9e + 1, 'b' + 1}, []string{"a", "", "", "語", "b", ""}},
		{"what cannot become a character does not wait", "bytelevel",
			[]int32{0xe8 + 1, 'b' + 1, 0xff + 1, 0xf0 + 1}, []string{"", "\ufffdb", "\ufffd", "", "\ufffd"}},
		{"the space before the text is not given", "sentencepiece",
			[]int32{1, 315, 311}, []string{"<s>", " hello", " world", ""}},
		{"of two at the start one is", "sentencepiece",
			[]int32{317, 304}, []string{" ", " the", ""}},
		{"bytes wait for the end of their run", "sentencepiece",
			[]int32{259, 0xc3 + 3, 0xa9 + 3, '\n' + 3, 260}, []string{"", "", "", "", "é\na", ""}},
		{"a run with one wrong byte is all wrong", "sentencepiece",
			[]int32{'x' + 3, 0xc3 + 3, 260, 0xa9 + 3}, []string{"", "", "\ufffd\ufffda", "", "\ufffd"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			tok := load(t, "testdata/"+test.file+".json")
			s := tok.Stream()
			var got []string
			for _, id := range test.ids {
				text, err := s.Push(id)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, text)
			}
			if got = append(got, s.Flush()); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestStreamWithoutSpecial(t *testing.T) {
	tok := load(t, "testdata/sentencepiece.json")
	if text := stream(t, tok.StreamWithoutSpecial(), []int32{1, 315, 2, 0, 311}); text != "hello world" {
		t.Errorf("got %q", text)
	}
	if text, err := tok.Stream().Push(-1); err == nil {
		t.Errorf("id -1 is %q, want an error", text)
	}
}

func TestDecoderChains(t *testing.T) {
	tests := []struct {
		rule, decoders string
		tokens         []string
		want           string
	}{
		{"Fuse, then Strip both ends", `{"type": "Fuse"}, {"type": "Strip", "content": "a", "start": 2, "stop": 1}`, []string{"a", "aab", "aa"}, "aba"},
		{"Strip both ends of one character", `{"type": "Strip", "content": "a", "start": 1, "stop": 1}`, []string{"a", "aa", "aaa"}, "a"},
		{"a first token that is no byte is the first for Metaspace", `{"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁"}`, []string{"▁a", "▁b"}, "a b"},
		{"Replace in the fused text", `{"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "ab"}, "content": "c"}`, []string{"a", "b"}, "c"},
		{"ByteLevel makes one token", `{"type": "ByteLevel"}, {"type": "Strip", "content": "a", "start": 1, "stop": 0}`, []string{"a", "a", "Ġ"}, "a "},
		{"Fuse before ByteFallback hides the bytes", `{"type": "Fuse"}, {"type": "ByteFallback"}`, []string{"<0x", "41>"}, "A"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			o, err := newObject("decoder", raw(`{"type": "Sequence", "decoders": [`+test.decoders+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			stages, err := newStages(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			decoders, push := startAll(incremental(stages), func(text string) { got.WriteString(text) })
			for _, token := range test.tokens {
				push(token)
			}
			for _, d := range decoders {
				d.flush()
			}
			if got.String() != test.want {
				t.Errorf("%q: got %q, want %q", test.tokens, got.String(), test.want)
			}
		})
	}
}
