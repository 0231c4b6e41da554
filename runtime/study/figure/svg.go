package figure

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Image is a figure as SVG, with the words that stand for it where it is not seen.
type Image struct {
	body          string // the elements of the drawing
	width, height float64
	title, alt    string
}

var (
	textLine = regexp.MustCompile(`(<text [^>]*font-size:([0-9.]+)px[^>]*)>([^<]*)</text>`)
	hexColor = regexp.MustCompile(`#[0-9A-F]{6}\b`)
	fontName = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;font-weight:normal;font-style:normal;?`)
)

// SVG draws a figure. Its colours are the palette's variables; its letters are the
// reader's own, and take the room that they were given whatever they are.
func SVG(d Drawing, title, alt string) (Image, error) {
	width, height := d.Size()
	canvas := vgsvg.NewWith(vgsvg.UseWH(width, height))
	d.Draw(draw.New(canvas))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return Image{}, err
	}
	text := out.String()
	text = text[strings.Index(text, "<svg"):]
	text = text[strings.Index(text, ">")+1 : strings.LastIndex(text, "</svg>")]
	text = fontName.ReplaceAllString(text, "")
	text = textLine.ReplaceAllStringFunc(text, fixWidth)
	text = hexColor.ReplaceAllStringFunc(text, variableOf)
	return Image{body: text, width: width.Points(), height: height.Points(), title: title, alt: alt}, nil
}

// fixWidth gives a line of text the width that it was drawn with.
func fixWidth(line string) string {
	part := textLine.FindStringSubmatch(line)
	size, err := strconv.ParseFloat(part[2], 64)
	words := html.UnescapeString(part[3])
	if err != nil || len([]rune(words)) < 2 {
		return line
	}
	width := style(vg.Length(size), Ink.RGBA()).Width(words)
	return fmt.Sprintf(`%s textLength="%.5g" lengthAdjust="spacingAndGlyphs">%s</text>`, part[1], width.Points(), part[3])
}

// variableOf is the variable whose colour in the light scheme this is.
func variableOf(hex string) string {
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return hex
	}
	for i, s := range scheme {
		if uint64(s.light) == v {
			return fmt.Sprintf("var(%s)", Color(i).variable())
		}
	}
	return hex
}

// Inline is the figure as an element of a page that has the CSS of the palette; id is
// unique in the page.
func (m Image) Inline(id string) string { return m.element(id, "", "") }

// File is the figure as a file.
func (m Image) File() []byte {
	size := fmt.Sprintf(` width="%gpt" height="%gpt"`, m.width, m.height)
	return []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + m.element("figure", size, "<style>"+CSS("svg")+"</style>\n") + "\n")
}

func (m Image) element(id, attributes, head string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g"%s role="img" aria-labelledby="%s-t %s-d" font-family="'Liberation Sans',Arimo,Arial,Helvetica,sans-serif"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s%s</svg>`,
		m.width, m.height, attributes, id, id, id, html.EscapeString(m.title), id, html.EscapeString(m.alt), head, m.body)
}
