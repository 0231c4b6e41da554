package attribution

// rerouted estimates the loads after reroute from those before it. Refused pairs go to
// experts with room in proportion to how popular these are: their loads grow by one
// common factor, up to the capacity, until every pair has a place or every popular
// expert is full. Tokens' own second choices are not in the loads; docs/attribution.md
// says how far this is from what the planner does.
func rerouted(dst []float64, load []int64, capacity int) {
	total, most := 0.0, float64(capacity)
	for e, n := range load {
		dst[e] = float64(n)
		total += dst[e]
	}
	for factor := 1.0; ; {
		rest, room := total, 0.0 // pairs for experts that are not full, and their popularity
		full := true
		for e, n := range load {
			if factor*float64(n) >= most {
				dst[e] = most
				rest -= most
			} else if n > 0 {
				room += float64(n)
				full = false
			}
		}
		if full {
			return
		}
		next := rest / room
		if next <= factor {
			for e, n := range load {
				if factor*float64(n) < most {
					dst[e] = next * float64(n)
				}
			}
			return
		}
		factor = next
	}
}
