package bench

// parts tells how far a benchmark is: the limits of the machine, what is made, and each case are a part.
type parts struct {
	done, of int
	told     func(done, of int)
}

func (p *parts) next() {
	p.done++
	p.told(p.done, p.of)
}
