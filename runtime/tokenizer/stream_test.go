package tokenizer

import (
	"slices"
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
