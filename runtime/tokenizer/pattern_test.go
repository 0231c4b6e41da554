package tokenizer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTranslate(t *testing.T) {
	tests := []struct{ rule, source, want string }{
		{"most is the same", `'s| ?\p{L}+|\s+(?!\S)|a{1,3}|(?i:x)|(?<=y)z*?|[^\r\n\p{N}]`, `'s| ?\p{L}+|\s+(?!\S)|a{1,3}|(?i:x)|(?<=y)z*?|[^\r\n\p{N}]`},
		{"every line has an end", `\s+$`, `\s+(?m:$)`},
		{"a dollar in a class is one", `[$]`, `[$]`},
		{"\\w has more members", `\w`, "[" + wordMembers + "]"},
		{"in a class too", `[\w-]`, "[" + wordMembers + "-]"},
		{"\\W is the rest", `\W`, "[^" + wordMembers + "]"},
		{"a letter escaped for nothing is the letter", `\_\é\-`, `_é\-`},
		{"what a class leaves out is taken out", `[a\p{L}&&[^\p{Han}b]]+`, `[a\p{L}-[\p{Han}b]]+`},
		{"a brace that is no interval is a brace", `{|}{a}{1,b}{`, `\{|}\{a}\{1,b}\{`},
	}
	for _, test := range tests {
		if got, err := translate(test.source); err != nil || got != test.want {
			t.Errorf("%s: %s becomes %s, %v, want %s", test.rule, test.source, got, err, test.want)
		}
	}
}

func TestTranslateRefusesWhatMeansSomethingElse(t *testing.T) {
	for _, source := range []string{
		`^a`, `[a[b]]`, `[[:alpha:]]`, `[a&&b]`, `[a&&[b]]`, `[^a&&[^b]]`, `[a&&[^b]c]`, `[a&&[^b]&&[^c]]`, `[a&&[^b&&[^c]]]`, `[&&[^a]]`, `[a-&&[^b]]`, `[a&&[^]b]]`, `[]a]`, `[^]a]`, `\h`, `\bword`, `(a)\1`, `\K`, `\R`, `\X`, `\G`, `\x41`,
		`[\W]`, `\p{^L}`, `\p{sc=Han}`, `(?m:.)`, `(?x) a`, `(?<name>a)`, `(?#c)`, `a{1,3}+`, `a{2}?`, `a{,3}`,
	} {
		if got, err := translate(source); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s becomes %s, %v", source, got, err)
		}
	}
	for _, source := range []string{`a\`, `[a`, `[a&&[^b]`, `\p`, `\pL`, `\p{L`} {
		if got, err := translate(source); err == nil {
			t.Errorf("%s, which is broken, becomes %s", source, got)
		}
	}
}

// regexp2's classes must be Unicode's, as Oniguruma's are.
func TestClassesAreUnicode(t *testing.T) {
	word := func(r rune) bool { return isWord(r) && !unicode.Is(unicode.Join_Control, r) }
	is := func(table *unicode.RangeTable) func(rune) bool {
		return func(r rune) bool { return unicode.Is(table, r) }
	}
	not := func(f func(rune) bool) func(rune) bool {
		return func(r rune) bool { return !f(r) }
	}
	tests := []struct {
		class string
		want  func(rune) bool
	}{
		{`\s`, is(unicode.White_Space)}, {`\S`, not(is(unicode.White_Space))}, {`\d`, is(unicode.Nd)},
		{`\w`, word}, {`\W`, not(word)}, {`[\w]`, word},
		{`\p{L}`, is(unicode.L)}, {`\p{N}`, is(unicode.N)}, {`\p{P}`, is(unicode.P)},
		{`\p{S}`, is(unicode.S)}, {`\p{M}`, is(unicode.M)}, {`\p{Lu}`, is(unicode.Lu)}, {`\P{L}`, not(is(unicode.L))},
		{`\p{Han}`, is(unicode.Han)},
		{`[\p{Lo}\p{M}&&[^\p{Han}]]`, func(r rune) bool { return unicode.In(r, unicode.Lo, unicode.M) && !unicode.Is(unicode.Han, r) }},
		{`[^\s\p{L}\p{N}]`, func(r rune) bool { return !unicode.In(r, unicode.White_Space, unicode.L, unicode.N) }},
	}
	var all strings.Builder
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) {
			all.WriteRune(r)
		}
	}
	for _, test := range tests {
		p, err := compile("", test.class)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.find(nil, all.String())
		if err != nil {
			t.Fatal(err)
		}
		want, err := class(test.want).find(nil, all.String())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d spans of all characters, want %d, or others", test.class, len(got), len(want))
		}
	}
}

func TestGPT2Words(t *testing.T) {
	words, err := compile("", gpt2Pattern)
	if err != nil {
		t.Fatal(err)
	}
	s := &splitter{finder: words, behavior: isolated}
	tests := []struct{ text, want string }{
		{"Hello my friend, how's it?", "Hello| my| friend|,| how|'s| it|?"},
		{"don't WE'LL", "don|'t| WE|'|LL"},
		{"a1 b22c", "a|1| b|22|c"},
		{"x   y \n\n z", "x|  | y| \n\n| z"},
		{"x\u3000y\u00a0\u00a0z\u200by", "x|\u3000|y|\u00a0|\u00a0|z|\u200b|y"},
		{"½Ⅷ٣ é語", "½Ⅷ٣| é語"},
	}
	for _, test := range tests {
		if got := parts(t, s, test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// Kimi K2 writes Han by itself, and any other script as gpt-oss does.
func TestKimiWords(t *testing.T) {
	const upper, lower, short = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`, `[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`, `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
	words, err := compile("", `[\p{Han}]+|[^\r\n\p{L}\p{N}]?`+upper+`*`+lower+`+`+short+`|[^\r\n\p{L}\p{N}]?`+upper+`+`+lower+`*`+short+
		`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`)
	if err != nil {
		t.Fatal(err)
	}
	s := &splitter{finder: words, behavior: isolated}
	for _, test := range []struct{ text, want string }{
		{"Hello WORLD's camelCase 12345", "Hello| WORLD's| camel|Case| |123|45"},
		{"中文ABC 日本語です한국어", "中文|ABC| |日本語|です한국어"},
	} {
		if got := parts(t, s, test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestLongMatches(t *testing.T) {
	for _, source := range []string{`(?:ab|c)+`, `\s+(?!\S)`, `(?:a?b?)*$`} {
		p, err := compile("", source)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{strings.Repeat("ab", 1<<18), strings.Repeat(" ", 1<<18) + "x"} {
			if _, err := p.find(nil, text); err != nil {
				t.Errorf("%s in %d bytes: %v", source, len(text), err)
			}
		}
	}
}
