package figure

import (
	"bytes"
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	pngDPI   = 144 // 2 pixels a point
	pngFrame = vg.Length(8)
)

// PNG is the figure as an image file, in the light scheme on white.
func PNG(d Drawing) ([]byte, error) {
	width, height := d.Size()
	canvas := vgimg.NewWith(vgimg.UseWH(width+2*pngFrame, height+2*pngFrame), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(color.White))
	d.Draw(draw.Crop(draw.New(canvas), pngFrame, -pngFrame, pngFrame, -pngFrame))
	var out bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
