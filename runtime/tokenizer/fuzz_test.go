package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FuzzParse wants Parse to refuse or to give a tokenizer that works. Its seeds
// are small, as the fuzzer is slow with large ones.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}`))
	f.Add([]byte(`{"model": {"vocab": {"a": 0}, "merges": []}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+(?!\\S)|[^a-z]"}, "behavior": "Removed", "invert": true}}`))
	f.Add([]byte(`{"model": {"vocab": {"a": 0}, "merges": []}, "normalizer": {"type": "NFC"}, "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
		"added_tokens": [{"id": 1, "content": "b", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": true}]}`))
	for _, parts := range []string{
		`"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true}, "decoder": {"type": "ByteLevel"}`,
		`"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}, "decoder": {"type": "Metaspace", "replacement": "▁"}`,
		`"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}`,
		`"decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "a"}, "content": " "}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}`,
		`"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"a": {"ids": [0]}}}`,
	} {
		f.Add([]byte(`{"model": {"vocab": {"a": 0, "<0x0A>": 1}, "merges": [], "byte_fallback": true, "unk_token": "a"}, ` + parts + `}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Parse(data)
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "tokenizer: ") || tok != nil {
				t.Errorf("%v with %q", tok, text)
			}
			return
		}
		ids, err := tok.EncodeWithSpecial("ab <s> é\n語")
		if err != nil {
			return
		}
		text, err := tok.DecodeWithoutSpecial(ids)
		if err != nil || !utf8.ValidString(text) {
			t.Errorf("decoded %q, %v", text, err)
		}
		if streamed := stream(t, tok.StreamWithoutSpecial(), ids); streamed != text {
			t.Errorf("streamed %q, decoded %q", streamed, text)
		}
	})
}

// FuzzRoundTrip wants the text back.
func FuzzRoundTrip(f *testing.F) {
	for _, text := range []string{"", "hello  world\n\n", " a", "don't 123 é語😀", "▁a▁", "<end></s>", "e\u0301\u0323", "\xff"} {
		f.Add(text)
	}
	tiny, bytes := load(f, tinyModel), load(f, "testdata/bytelevel.json")
	composed := parseWith(f, "bytelevel", fields{"normalizer": raw(`{"type": "NFC"}`)}, nil)
	marks := load(f, "testdata/sentencepiece.json")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			if ids, err := tiny.Encode(text); err == nil {
				t.Errorf("%q, which is not UTF-8, has ids %v", text, ids)
			}
			return
		}
		wantBack(t, tiny, text, text)
		wantBack(t, bytes, text, text)
		if !hasManyMarks(text) {
			wantBack(t, composed, text, norm.NFC.String(text))
		}
		if !strings.ContainsAny(text, "▁<") {
			wantBack(t, marks, text, text)
		}
	})
}

func wantBack(t *testing.T, tok *Tokenizer, text, want string) {
	t.Helper()
	ids, err := tok.Encode(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if got, err := tok.Decode(ids); err != nil || got != want {
		t.Errorf("%q has ids %v, which decode to %q, %v, want %q", text, ids, got, err, want)
	}
	if streamed := stream(t, tok.Stream(), ids); streamed != want {
		t.Errorf("%q has ids %v, which stream to %q, want %q", text, ids, streamed, want)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= tok.VocabSize() {
			t.Errorf("%q: id %d at %d, want 0 to %d", text, id, i, tok.VocabSize()-1)
		}
	}
	if again, err := tok.Encode(text); err != nil || !slices.Equal(again, ids) {
		t.Errorf("%q has ids %v, and then %v, %v", text, ids, again, err)
	}
}

// FuzzTranslate wants a translated pattern to be one that can be used, or none.
func FuzzTranslate(f *testing.F) {
	for _, source := range []string{gpt2Pattern, `\w+|[^\w\s]+`, `(?>a|ab)\p{Han}{1,3}$`, `[\[\]\\-a]++`, `a{2}?`, `\u4e00`, `[\p{L}&&[^\p{Han}]]+`} {
		f.Add(source, "don't 123 語")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 100 || len(text) > 20 || !utf8.ValidString(source) || !utf8.ValidString(text) {
			return
		}
		p, err := compile("", source)
		if err != nil {
			return
		}
		spans, err := p.find(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		end := 0
		for _, s := range spans {
			if s.start != end || s.end < s.start {
				t.Fatalf("%q in %q: %v", source, text, spans)
			}
			end = s.end
		}
		if end != len(text) {
			t.Errorf("%q in %q: %v end at %d of %d", source, text, spans, end, len(text))
		}
	})
}
