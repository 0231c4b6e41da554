package figure

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"regexp"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// drawings are figures of every kind, the odd ones too.
var drawings = map[string]Drawing{
	"lines with intervals": Lines{Apart: true, X: Axis{Label: "ranks", Log: true, Ticks: []float64{1, 2, 4}}, Y: Axis{Label: "speed-up", Log: true}, Series: []Series{
		{Label: "drop <γ 1>", Color: Hue(1), Points: []Point{{X: At(1), Y: At(1)}, {X: At(2), Y: Span{1.8, 1.7, 1.9}, Note: "1.5"}}},
		{Label: "ideal", Color: Muted, Quiet: true, Points: []Point{{X: At(1), Y: At(1)}, {X: At(4), Y: At(4)}}},
	}},
	"no series":             Lines{},
	"a series of no points": Lines{Series: []Series{{Label: "x", Color: Hue(0)}}},
	"one point":             Lines{Series: []Series{{Label: "x", Color: Hue(0), Points: []Point{{X: At(0), Y: At(0)}}}}},
	"values that all but agree": Lines{Series: []Series{{Label: "x", Color: Hue(0),
		Points: []Point{{X: At(1), Y: At(1)}, {X: At(1 + 1e-15), Y: At(1 + 1e-15)}}}}},
	"a hundred decades": Lines{Y: Axis{Log: true}, Series: []Series{{Label: "x", Color: Hue(0), Points: []Point{{X: At(1), Y: At(1)}, {X: At(2), Y: At(1e100)}}}}},
	"bars": Bars{X: "s", Parts: []string{"a", "b"}, Bars: []Bar{
		{Label: "x", Color: Hue(0), Parts: []float64{1, 2}, Total: Span{3, 2, 4}, Note: "3"},
		{Label: "y", Color: Hue(1), Parts: []float64{-1, 2}, Total: At(1), Apart: true},
	}},
	"bars of nothing": Bars{Parts: []string{"a"}, Bars: []Bar{{Label: "x", Parts: []float64{0}}}},
	"no bars":         Bars{},
	"heat":            Heat{Row: "layer", Column: "expert", Maps: []Map{{Title: "before", Rows: []string{"0", "1"}, Values: [][]float64{{0, 1, 2}, {9}}}}},
	"a wide heat":     Heat{Maps: []Map{{Values: [][]float64{make([]float64, 300)}}}},
	"no heat":         Heat{},
	"an empty map":    Heat{Maps: []Map{{Values: [][]float64{{}}}}},
}

func TestSVG(t *testing.T) {
	for name, d := range drawings {
		t.Run(name, func(t *testing.T) {
			image, err := SVG(d, "Title <1>", "Finding & more")
			if err != nil {
				t.Fatal(err)
			}
			inline := image.Inline("id")
			if bare := hexColor.FindString(inline); bare != "" {
				t.Errorf("colour %s does not follow the scheme", bare)
			}
			if strings.Contains(inline, "NaN") || strings.Contains(inline, "Inf") {
				t.Error("a place is not a number")
			}
			for _, want := range []string{`role="img"`, `<title id="id-t">Title &lt;1&gt;</title>`, `<desc id="id-d">Finding &amp; more</desc>`} {
				if !strings.Contains(inline, want) {
					t.Errorf("%s is missing", want)
				}
			}
			if file := string(image.File()); !strings.Contains(file, "prefers-color-scheme:dark") {
				t.Error("the file does not follow the scheme")
			}
		})
	}
}

func TestTextKeepsItsWidth(t *testing.T) {
	image, err := SVG(drawings["lines with intervals"], "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile(`(?s)<text [^>]*>[^<]*</text>`).FindAllString(image.body, -1) {
		words := line[strings.IndexByte(line, '>')+1 : strings.LastIndexByte(line, '<')]
		if len([]rune(words)) > 1 && !strings.Contains(line, "textLength=") {
			t.Errorf("%q has the width of the reader's font", words)
		}
	}
}

func TestPNG(t *testing.T) {
	for name, d := range drawings {
		t.Run(name, func(t *testing.T) {
			data, err := PNG(d)
			if err != nil {
				t.Fatal(err)
			}
			image, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			width, _ := d.Size()
			if got, want := float64(image.Bounds().Dx()), 2*(width+2*pngFrame).Points(); math.Abs(got-want) > 2 {
				t.Errorf("%g pixels wide, want %g", got, want)
			}
		})
	}
}

func TestApart(t *testing.T) {
	for _, c := range []struct {
		rule         string
		wanted, want []vg.Length
	}{
		{"free names stay", []vg.Length{20, 60, 90}, []vg.Length{20, 60, 90}},
		{"two that collide move apart about their mean", []vg.Length{50, 50}, []vg.Length{50 - labelPitch/2, 50 + labelPitch/2}},
		{"none falls below", []vg.Length{0, 0}, []vg.Length{0, labelPitch}},
		{"none rises above", []vg.Length{100, 100}, []vg.Length{100 - labelPitch, 100}},
		{"a moved run meets its neighbour", []vg.Length{40, 50, 50}, []vg.Length{140/3. - labelPitch, 140 / 3., 140/3. + labelPitch}},
		{"no names", nil, []vg.Length{}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := apart(c.wanted, 0, 100)
			if len(got) != len(c.want) {
				t.Fatalf("%d places, want %d", len(got), len(c.want))
			}
			for i := range got {
				if math.Abs(float64(got[i]-c.want[i])) > 1e-9 {
					t.Errorf("place %d is %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		rule      string
		low, high float64
		log       bool
	}{
		{"a unit", 0, 1, false}, {"thousands", 100, 9000, false}, {"a narrow range", 86.1, 86.4, false},
		{"below zero", -3, 4, false}, {"few factors", 1, 4, true}, {"many factors", 0.01, 900, true}, {"a hundred decades", 1, 1e100, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			n := 0
			for _, m := range round(c.low, c.high, c.log) {
				if m >= c.low && m <= c.high {
					n++
				}
			}
			if n < 2 || n > 12 {
				t.Errorf("%d ticks from %g to %g, want 2 to 12", n, c.low, c.high)
			}
		})
	}
}

func TestStepOf(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want int
	}{{0, 0}, {0.25, 1}, {0.999, 3}, {1, 4}, {1.25, 5}, {4.9, 8}, {5, 9}, {1e9, 9}} {
		if got := stepOf(c.v); got != c.want {
			t.Errorf("%g has step %d, want %d", c.v, got, c.want)
		}
	}
}

// Papers are the backgrounds of the report's page.
const lightPaper, darkPaper = 0xFDFDFC, 0x14171B

func TestPalette(t *testing.T) {
	places := map[uint32]Color{}
	for i, s := range scheme {
		c := Color(i)
		if other, taken := places[s.light]; taken {
			t.Errorf("places %d and %d have one light colour #%06X", other, c, s.light)
		}
		places[s.light] = c
		if c == Rule || c >= firstStep {
			continue
		}
		for paper, ink := range map[uint32]uint32{lightPaper: s.light, darkPaper: s.dark} {
			if got := contrast(ink, paper); got < 4.5 {
				t.Errorf("text in colour %d, #%06X on #%06X, has contrast %.2f, want 4.5 or more (WCAG 2, AA)", c, ink, paper, got)
			}
		}
	}
}

// contrast is the ratio of WCAG 2, section 1.4.3.
func contrast(a, b uint32) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c uint32) (sum float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := float64(c>>(16-8*i)&255) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

func ExampleCSS() {
	css := CSS("svg")
	fmt.Println(css[:20])
	// Output: svg{--c0:#1B1F24;--c
}
