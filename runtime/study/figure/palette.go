package figure

import (
	"fmt"
	"image/color"
	"strings"
)

// Color is a place in the palette. The same place is another colour in the dark scheme.
type Color int

const (
	Ink   Color = iota // text
	Muted              // second text, axes
	Rule               // grid, frames
	firstHue
)

// Hues is how many colours there are for things to be told apart; they keep apart for
// readers who do not see red and green, and every one can be read as text.
const Hues = 12

// Steps is how many colours a Heat has.
const Steps = 10

// Parts is how many colours there are for the parts of a bar.
const Parts = 8

const (
	firstStep = firstHue + Hues
	firstPart = firstStep + Steps
)

// Hue is the i-th colour of things to be told apart.
func Hue(i int) Color { return firstHue + Color(i%Hues) }

// Part is the i-th colour of the parts of bars: the first three stand back.
func Part(i int) Color { return firstPart + Color(i%Parts) }

// step is the i-th colour of a Heat.
func step(i int) Color { return firstStep + Color(i) }

// scheme holds each place's colour in the light and in the dark scheme. No two light
// ones are equal: SVG finds the place by them.
var scheme = [firstPart + Parts]struct{ light, dark uint32 }{
	Ink:   {0x1B1F24, 0xE8EAED},
	Muted: {0x5B636E, 0xA3ABB6},
	Rule:  {0xDDE1E6, 0x363C45},

	firstHue + 0:  {0x4A5361, 0xB4BDC9}, // slate
	firstHue + 1:  {0x0B63B0, 0x5CAEF7}, // blue
	firstHue + 2:  {0xC0440C, 0xFF9157}, // vermilion
	firstHue + 3:  {0x047857, 0x3DCB9B}, // green
	firstHue + 4:  {0x8A6100, 0xE0B23E}, // ochre
	firstHue + 5:  {0x7A3E9D, 0xC69BEB}, // purple
	firstHue + 6:  {0x007A91, 0x4CC9E0}, // teal
	firstHue + 7:  {0xA8326F, 0xF48ABF}, // magenta
	firstHue + 8:  {0x75492C, 0xD0A07C}, // brown
	firstHue + 9:  {0x566B00, 0xB2CC4E}, // olive
	firstHue + 10: {0x4B4FB8, 0xA0A5FA}, // indigo
	firstHue + 11: {0x9F2A2A, 0xFA8C8C}, // red

	firstStep + 0: {0x2E6FA7, 0x7DB9EA}, // far below the mean
	firstStep + 1: {0x6FA3CD, 0x5590C2},
	firstStep + 2: {0xA9C9E3, 0x3A6690},
	firstStep + 3: {0xDCE9F3, 0x2A4259},
	firstStep + 4: {0xFCEBD9, 0x4A3826}, // the mean and just above
	firstStep + 5: {0xF9CFA3, 0x74502D},
	firstStep + 6: {0xF2A766, 0xA06A35},
	firstStep + 7: {0xE07B33, 0xCC853F},
	firstStep + 8: {0xB8520F, 0xF0A65C},
	firstStep + 9: {0x7C3003, 0xFFD3A3}, // five times the mean

	firstPart + 0: {0xE3E6EA, 0x3A414B},
	firstPart + 1: {0xC5CBD3, 0x525B67},
	firstPart + 2: {0xA2ABB7, 0x6D7784},
	firstPart + 3: {0xF4C95D, 0xE5BB50},
	firstPart + 4: {0xD9534F, 0xE06A62},
	firstPart + 5: {0x7CC3D9, 0x5FB0C9},
	firstPart + 6: {0x2F5D9B, 0x4F86D0},
	firstPart + 7: {0x3C8D6E, 0x4FAF8A},
}

// RGBA is the colour in the light scheme.
func (c Color) RGBA() color.RGBA {
	v := scheme[c].light
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

func (c Color) variable() string { return fmt.Sprintf("--c%d", int(c)) }

// Class is the CSS class that gives an element of the page this colour.
func (c Color) Class() string { return fmt.Sprintf("c%d", int(c)) }

// CSS declares the variables of the palette: on selector, in both schemes.
func CSS(selector string) string {
	var light, dark strings.Builder
	for i, s := range scheme {
		fmt.Fprintf(&light, "%s:#%06X;", Color(i).variable(), s.light)
		fmt.Fprintf(&dark, "%s:#%06X;", Color(i).variable(), s.dark)
	}
	return fmt.Sprintf("%s{%s}\n@media screen and (prefers-color-scheme:dark){%s{%s}}\n", selector, light.String(), selector, dark.String())
}
