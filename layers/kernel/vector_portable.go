package kernel

import "math"

// lanes is the number of partial sums of a row: value i goes into lane i mod lanes.
const lanes = 16

// expLow and expHigh bound the arguments whose exponential is a normal float32; below it is 0, above it is infinite.
const (
	expLow  = -87.33654
	expHigh = 88.72283
)

// exp32 is eˣ within 1 unit in the last place (Moshier, Cephes expf): 2ⁿ·eʳ with n = x/ln 2 rounded. The conversions keep Go from
// fusing products with sums.
func exp32(x float32) float32 {
	switch {
	case x < expLow:
		return 0
	case x > expHigh:
		return float32(math.Inf(1))
	}
	const magic = 3 << 22 // a sum with it has no fraction
	shifted := float32(x*math.Log2E) + magic
	n := shifted - magic
	r := x - float32(n*0.693359375)
	r -= float32(n * -2.12194440e-4)
	p := float32(1.9875691500e-4)
	for _, c := range [...]float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1} {
		p = float32(p*r) + c
	}
	y := float32(p*float32(r*r)) + r + 1
	i := int32(math.Float32bits(shifted)) - int32(math.Float32bits(magic))
	half := i >> 1
	return float32(y*powerOfTwo(half)) * powerOfTwo(i-half)
}

func powerOfTwo(n int32) float32 {
	return math.Float32frombits(uint32(n+127) << 23)
}

// sumLanes adds the lanes up in pairs.
func sumLanes[T float32 | float64](lane *[lanes]T) T {
	for n := lanes / 2; n > 0; n /= 2 {
		for j := range n {
			lane[j] += lane[j+n]
		}
	}
	return lane[0]
}

func softmaxPortable(x []float32, width int, more float32) {
	for at := 0; at < len(x); at += width {
		row := x[at : at+width]
		top := more
		for _, v := range row {
			if v > top {
				top = v
			}
		}
		var lane [lanes]float32
		for i, v := range row {
			row[i] = exp32(v - top)
			lane[i%lanes] += row[i]
		}
		scale := 1 / (sumLanes(&lane) + exp32(more-top))
		for i := range row {
			row[i] *= scale
		}
	}
}

func gatePortable(dst, gateUp []float32, inner int, g Gate) {
	for r := range len(gateUp) / (2 * inner) {
		row, out := gateUp[r*2*inner:][:2*inner], dst[r*inner:][:inner]
		for i, gate := range row[:inner] {
			up := row[inner+i]
			if g.Limit == 0 {
				out[i] = gate / (1 + exp32(-gate)) * up
				continue
			}
			gate = min(gate, g.Limit)
			up = min(max(up, -g.Limit), g.Limit)
			out[i] = gate / (1 + exp32(-(g.Alpha * gate))) * (up + 1)
		}
	}
}

func normPortable(dst, x, w []float32, eps float32) {
	width := len(w)
	for at := 0; at < len(x); at += width {
		row, out := x[at:at+width], dst[at:at+width]
		var lane [lanes]float64
		for i, v := range row {
			lane[i%lanes] += float64(float64(v) * float64(v))
		}
		scale := float32(1 / math.Sqrt(sumLanes(&lane)/float64(width)+float64(eps)))
		for i, v := range row {
			out[i] = w[i] * float32(v*scale)
		}
	}
}

func rotatePortable(heads, cos, sin []float32) {
	half := len(cos)
	for at := 0; at < len(heads); at += 2 * half {
		a, b := heads[at:at+half], heads[at+half:at+2*half]
		for i, c := range cos {
			x, y := a[i], b[i]
			a[i], b[i] = float32(x*c)-float32(y*sin[i]), float32(y*c)+float32(x*sin[i])
		}
	}
}

func dotsPortable(dst, q []float32, scale float32, x Rows, heads Heads) {
	for h := range heads.N {
		query, own := q[h*heads.Width:][:x.Width], x.From(h/heads.Shared*heads.Rows)
		for r := range x.N {
			var lane [lanes]float32
			row := own.From(r * x.Stride)
			for i, v := range query {
				lane[i%lanes] += float32(v * row.at(i))
			}
			dst[h*heads.Weights+r] += float32(scale * sumLanes(&lane))
		}
	}
}

func weighPortable(dst, weights []float32, x Rows, heads Heads) {
	for h := range heads.N {
		result, own := dst[h*heads.Width:][:x.Width], x.From(h/heads.Shared*heads.Rows)
		for r, w := range weights[h*heads.Weights:][:x.N] {
			row := own.From(r * x.Stride)
			for i := range result {
				result[i] += float32(w * row.at(i))
			}
		}
	}
}

func weighApartPortable(dst, weights []float32, rows *[MostApart][]float32) {
	for r, w := range weights {
		for i := range dst {
			dst[i] += float32(w * rows[r][i])
		}
	}
}
