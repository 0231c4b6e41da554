package tokenizer

// decoder turns the texts of tokens, which come one by one, into text. It hands
// on what it has as soon as nothing to come can change it.
type decoder interface {
	push(token string)
	flush() // after the last token
}

// stage is a decoder to be started for each sequence of ids. What it makes it
// hands to emit.
type stage interface {
	start(emit func(string)) decoder
}

// startAll starts stages one behind the other, the last one before emit. The
// first token goes to push.
func startAll(stages []stage, emit func(string)) (decoders []decoder, push func(token string)) {
	decoders = make([]decoder, len(stages))
	for i := len(stages) - 1; i >= 0; i-- {
		decoders[i] = stages[i].start(emit)
		emit = decoders[i].push
	}
	return decoders, emit
}

// newStages reads the field "decoder" or a part of it and appends its stages to
// dst.
func newStages(dst []stage, o object) ([]stage, error) {
	kind, err := o.kind()
	if err != nil {
		return nil, err
	}
	var made stage
	switch kind {
	case "Sequence":
		err = o.sequence("decoders", func(part object) (err error) { dst, err = newStages(dst, part); return err })
		return dst, err
	case "ByteLevel": // the library's makes one token of all
		dst = append(dst, byteLevelStage{})
		made, err = fuseStage{}, o.read(&struct{}{}, nil, "add_prefix_space", "trim_offsets", "use_regex")
	case "ByteFallback":
		made, err = byteFallbackStage{}, o.read(&struct{}{}, nil)
	case "Fuse":
		made, err = fuseStage{}, o.read(&struct{}{}, nil)
	case "Replace":
		made, err = newReplaceStage(o)
	case "Strip":
		made, err = newStripStage(o)
	case "Metaspace":
		made, err = newMetaspaceStage(o)
	default:
		err = o.unsupported(kind)
	}
	return append(dst, made), err
}

// incremental replaces the end of stages so that text need not wait for the
// last token: to fuse all tokens and then join them is to join them, and to
// strip the start of the fused token is to strip the start of the text.
func incremental(stages []stage) []stage {
	n := len(stages)
	if n >= 1 && stages[n-1] == (fuseStage{}) {
		return stages[:n-1]
	}
	if n < 2 || stages[n-2] != (fuseStage{}) {
		return stages
	}
	if s, ok := stages[n-1].(stripStage); ok && s.after == 0 {
		return append(stages[:n-2], stripTextStage(s))
	}
	return stages
}
