package tokenizer

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

const tinyModel = "../../examples/tiny-olmoe/tokenizer.json"

// In testdata/bytelevel.json byte b has id b+1, and merged tokens have ids from
// 257 on in the order of the merges: Ġt he in Ġthe ll or Ġw Ġwor Ġworl Ġworld
// hell hello …
func TestEncodeByteLevel(t *testing.T) {
	tok := load(t, "testdata/bytelevel.json")
	tests := []struct {
		rule, text string
		want       []int32
	}{
		{"an empty text has no ids", "", nil},
		{"a byte without merges is its id", "Q", []int32{'Q' + 1}},
		{"a space belongs to the word behind it", "a the", []int32{'a' + 1, 260}},
		{"merges of the least rank come first: h+e, l+l, he+ll, hell+o", "hello", []int32{268}},
		{"of equal merges the left one comes first: aa+aa, then aaaa+a is none", "aaaaa", []int32{278, 'a' + 1}},
		{"merges do not cross words", "he llo", []int32{258, ' ' + 1, 261, 'o' + 1}},
		{"a character is its bytes: é is one token by a merge", "é", []int32{273}},
		{"and ê is two", "ê", []int32{0xc3 + 1, 0xaa + 1}},
		{"a special token in the text is that token", "a<end>b", []int32{'a' + 1, 0, 'b' + 1}},
		{"of two spaces the last goes with the word", "a  the", []int32{'a' + 1, ' ' + 1, 260}},
		{"spaces at the end stay together", "a  ", []int32{'a' + 1, 270}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			vector{test.text, test.want}.check(t, tok, same)
		})
	}
}

// In testdata/sentencepiece.json <unk> <s> </s> are 0 1 2, byte b is b+3, ▁ is
// 259, letters follow, 語 is 300, and merged tokens have ids from 302 on in the
// order of the merges: ▁t he ▁the in ▁w or ll ▁wor ▁worl ▁world ▁h …
func TestEncodeSentencePiece(t *testing.T) {
	tok := load(t, "testdata/sentencepiece.json")
	tests := []struct {
		rule, text string
		want       []int32
	}{
		{"nothing is put before an empty text", "", nil},
		{"a mark is put before the text and for each space; h+e before ▁+h", "hello world", []int32{259, 303, 308, 'o' - 'a' + 260, 311}},
		{"a space at the start is one more mark", " the", []int32{259, 304}},
		{"a character of the vocabulary is its token", "語", []int32{259, 300}},
		{"any other one is its bytes", "日", []int32{259, 0xe6 + 3, 0x97 + 3, 0xa5 + 3}},
		{"as is a line break", "\n", []int32{259, '\n' + 3}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			vector{test.text, test.want}.check(t, tok, same)
		})
	}
	t.Run("a mark is put before each part between special tokens", func(t *testing.T) {
		vector{"the</s>the", []int32{304, 2, 304}}.check(t, tok, func(string) string { return "the</s> the" })
	})
	t.Run("the template puts <s> before the text", func(t *testing.T) {
		if ids, err := tok.EncodeWithSpecial("the"); err != nil || !slices.Equal(ids, []int32{1, 304}) {
			t.Errorf("%v, %v", ids, err)
		}
	})
}

func TestEncodeRefusesWhatIsNotUTF8(t *testing.T) {
	tok := load(t, "testdata/bytelevel.json")
	tests := []struct {
		rule, text string
		want       UTF8Error
	}{
		{"a byte that starts nothing", "ab\xffc", UTF8Error{2, 0xff, 4}},
		{"the start of a character without its end", "é\xe6\x97", UTF8Error{2, 0xe6, 4}},
		{"a surrogate", "\xed\xa0\x80", UTF8Error{0, 0xed, 3}},
		{"behind a replacement character, which is a character", "\ufffd\x80", UTF8Error{3, 0x80, 4}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			_, err := tok.Encode(test.text)
			if fault, ok := errors.AsType[*UTF8Error](err); !ok || *fault != test.want {
				t.Errorf("got %v, want %v", err, &test.want)
			}
			if _, err := tok.EncodeWithSpecial(test.text); err == nil {
				t.Error("EncodeWithSpecial takes it")
			}
		})
	}
}

func TestUTF8ErrorSaysWhere(t *testing.T) {
	_, err := load(t, tinyModel).Encode("abc\xff")
	if want := "tokenizer: encode: not UTF-8: byte 0xff at offset 3 of 4"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDecodeRefusesNegativeIDs(t *testing.T) {
	tok := load(t, "testdata/bytelevel.json")
	_, err := tok.Decode([]int32{66, -2})
	if want := "tokenizer: decode: id -2 is negative (position 1)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if text, err := tok.Decode([]int32{'a' + 1, 100_000, 'b' + 1}); err != nil || text != "ab" {
		t.Errorf("an id without a token: got %q, %v, want no text for it", text, err)
	}
}

func TestTokensAndIDs(t *testing.T) {
	tok := load(t, tinyModel)
	if tok.VocabSize() != 4096 {
		t.Errorf("VocabSize %d, want 4096", tok.VocabSize())
	}
	for id := range int32(4096) {
		token, ok := tok.Token(id)
		if back, found := tok.TokenID(token); !ok || !found || back != id {
			t.Errorf("id %d is token %q, which is id %d", id, token, back)
		}
	}
	if token, ok := tok.Token(4096); ok {
		t.Errorf("id 4096 is token %q, want none", token)
	}
	if id, ok := tok.TokenID("<|endoftext|>"); id != 0 || !ok {
		t.Errorf("<|endoftext|> is id %d, %v, want 0", id, ok)
	}
	if id, ok := tok.TokenID("no such token"); ok {
		t.Errorf("an unknown token has id %d", id)
	}
}

func TestDemoText(t *testing.T) {
	var reference struct {
		Demo struct {
			First []int32 `json:"first_ids"`
			Count int     `json:"text_tokens"`
		} `json:"demo"`
	}
	readJSON(t, "../../examples/tiny-olmoe/reference.json", &reference)
	text, err := os.ReadFile("../../examples/text/valid.txt")
	if err != nil {
		t.Fatal(err)
	}
	tok, want := load(t, tinyModel), reference.Demo
	ids, err := tok.Encode(string(text))
	if err != nil || len(ids) != want.Count || want.Count == 0 {
		t.Fatalf("%d ids, %v, want %d", len(ids), err, want.Count)
	}
	if first := ids[:len(want.First)]; !slices.Equal(first, want.First) {
		t.Errorf("the text starts with\n%v, want\n%v", first, want.First)
	}
	if back, err := tok.Decode(ids); err != nil || back != string(text) {
		t.Errorf("decoding does not give the text back: %v", err)
	}
}

func TestLongRunsOfOneWord(t *testing.T) {
	const size = 1 << 18 // enough that an algorithm of n² steps takes minutes
	for _, file := range []string{"testdata/bytelevel.json", "testdata/sentencepiece.json"} {
		tok := load(t, file)
		for _, part := range []string{"a", " ", "hello", " \n", "é", "日", "1", "."} {
			text := strings.Repeat(part, size/len(part))
			ids, err := tok.Encode(text)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := tok.Decode(ids); err != nil || back != text {
				t.Errorf("%s: %d times %q do not come back: %v", file, len(text)/len(part), part, err)
			}
		}
	}
}

func TestGoroutinesShareATokenizer(t *testing.T) {
	tok := load(t, tinyModel)
	text := strings.Repeat("the quick brown fox, don't 123 ", 50)
	want, err := tok.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 50 {
				ids, err := tok.Encode(text + strings.Repeat("x", i))
				if err != nil || !slices.Equal(ids[:len(want)-1], want[:len(want)-1]) {
					t.Errorf("got %d ids, %v", len(ids), err)
				}
				if _, err := tok.Decode(ids); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
