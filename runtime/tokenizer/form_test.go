package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

var forms = map[string]form{"NFC": form(norm.NFC), "NFD": form(norm.NFD), "NFKC": form(norm.NFKC), "NFKD": form(norm.NFKD)}

// Wherever package norm inserts nothing, the slow way must give the same.
func TestSlowFormEqualsPackageNorm(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	interesting := []rune("aeoũ\u0300\u0301\u0302\u0308\u0323\u0327\u0338\u0345\u0344\u0f73\u0f71\u0f72가각ᄀ\u1161\u11a8\u09c7\u09be\u09d7\u0958\u212b\u1e9b\ufb01ǖḱ\u2adc")
	for range 5_000 {
		var text strings.Builder
		for range random.IntN(manyMarks) {
			if random.IntN(4) > 0 {
				text.WriteRune(interesting[random.IntN(len(interesting))])
			} else {
				text.WriteRune(rune(random.IntN(0xd800)))
			}
		}
		for name, f := range forms {
			if got, want := f.slow(text.String()), norm.Form(f).String(text.String()); got != want {
				t.Fatalf("%s of %+q: got %+q, want %+q", name, text.String(), got, want)
			}
		}
	}
}

func TestFormsDoNotLimitMarks(t *testing.T) {
	for _, n := range []int{1, manyMarks, manyMarks + 1, 29, 30, 31, 100} {
		below, above := strings.Repeat("\u0323", n), strings.Repeat("\u0301", n)
		tests := []struct {
			form, text, want string
		}{
			{"NFD", "a" + above + below + "b", "a" + below + above + "b"},
			{"NFC", "a" + above + below + "b", "ạ" + below[2:] + above + "b"},
			{"NFC", "e" + above, "é" + above[2:]},
			{"NFKD", "ﬁ" + above, "fi" + above},
			{"NFC", strings.Repeat("\u1161", n), strings.Repeat("\u1161", n)},
		}
		for _, test := range tests {
			p, err := forms[test.form].normalize(piece{text: test.text, id: noID})
			if err != nil || p.text != test.want {
				t.Errorf("%s, %d marks: got %+q, %v, want %+q", test.form, n, p.text, err, test.want)
			}
		}
	}
}
